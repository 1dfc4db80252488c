"""`facewise gallery stats`, `check` and `rebuild-index`."""

from __future__ import annotations

import typer

from facewise.cli.gallery.options import KeyFile, StoreUrl, guard, opened, write
from facewise.cli.options import Json


def stats(store: StoreUrl, json_file: Json = None, key_file: KeyFile = None) -> None:
    """Show how large the gallery is, and what made it."""
    from facewise.gallery.own_search import OwnSearchFacts

    guard(store, json_file, key_file)
    with opened(store, key_file) as gallery:
        found = gallery.stats()
    if not write(json_file, found.to_dict()):
        return
    counts = found.counts
    typer.echo(f"people: {counts.people}; faces: {counts.faces}; chips: {counts.chips}")
    for key, value in found.facts.settings.items():
        typer.echo(f"{key}: {value}")
    typer.echo(f"embedding_size: {found.facts.embedding_size}")
    if found.index is not None:
        index = found.index
        how = f"by {index.by}" if isinstance(index, OwnSearchFacts) else index.numbers
        typer.echo(
            f"search: {index.kind}, {how}; recall@1 {index.recall_at_1:.4f}, "
            f"recall@10 {index.recall_at_10:.4f}"
        )
    if found.sealed:
        typer.echo("sealed: vectors and chips")
    for path, size in found.bytes.items():
        typer.echo(f"{path}: {size:,} bytes")


def check(store: StoreUrl, json_file: Json = None, key_file: KeyFile = None) -> None:
    """Look for damage in store and index, and for forgetting that was not completed.

    Exit status: 0, or 1 if there is any.
    """
    from facewise.cli.files import shown

    guard(store, json_file, key_file)
    with opened(store, key_file) as gallery:
        found = gallery.checkup()
    if write(json_file, found.to_dict()):
        for problem in found.problems or ["all is well"]:
            typer.echo(shown(problem))
        for note in found.notes:
            typer.echo(f"note: {shown(note)}")
    if found.problems:
        raise typer.Exit(1)


def rebuild_index(store: StoreUrl, key_file: KeyFile = None) -> None:
    """Make the index anew."""
    from facewise.cli.progress import waiting

    with opened(store, key_file) as gallery, waiting("making the index"):
        gallery.rebuild_index()
        faces = gallery.store.counts().faces
    typer.echo(f"index made anew: {faces:,} faces")
