"""`facewise gallery stats`, `check` and `rebuild-index`."""

from __future__ import annotations

import typer

from facewise.cli.gallery.options import StoreUrl, guard, opened, write
from facewise.cli.options import Json


def stats(store: StoreUrl, json_file: Json = None) -> None:
    """Show how large the gallery is, and what made it."""
    guard(store, json_file)
    with opened(store) as gallery:
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
        typer.echo(
            f"search: {index.kind}, {index.numbers}; recall@1 {index.recall_at_1:.4f}, "
            f"recall@10 {index.recall_at_10:.4f}"
        )
    for path, size in found.bytes.items():
        typer.echo(f"{path}: {size:,} bytes")


def check(store: StoreUrl, json_file: Json = None) -> None:
    """Look for damage in store and index; exit status 1 if there is any."""
    from facewise.cli.files import shown

    guard(store, json_file)
    with opened(store) as gallery:
        problems = list(gallery.check())
    if write(json_file, {"problems": problems}):
        for problem in problems or ["all is well"]:
            typer.echo(shown(problem))
    if problems:
        raise typer.Exit(1)


def rebuild_index(store: StoreUrl) -> None:
    """Make the index anew."""
    from facewise.cli.progress import waiting

    with opened(store) as gallery, waiting("making the index"):
        gallery.rebuild_index()
        faces = gallery.store.counts().faces
    typer.echo(f"index made anew: {faces:,} faces")
