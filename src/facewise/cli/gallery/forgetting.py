"""`facewise gallery forget` and `purge-expired`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.gallery.options import Faces, KeyFile, StoreUrl, guard, opened, write
from facewise.cli.options import Json

if TYPE_CHECKING:
    from facewise.gallery.forgetting import Forgotten


def forget(
    store: StoreUrl,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="The person: a name, or a number such as '#12'.",
            show_default=False,
        ),
    ] = None,
    faces: Faces = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json_file: Json = None,
    key_file: KeyFile = None,
) -> None:
    """Remove a person with all faces, or single faces, so that no byte of them is left.

    Gone from the gallery, its index and the cache of results; not from backups and exports. What a
    server keeps all the same is said.
    """
    from facewise.cli.files import shown

    if name is None and not faces:
        raise typer.BadParameter("whom? Give a name, or --face")
    guard(store, json_file, key_file)
    with opened(store, key_file) as gallery:
        if not yes:
            what = [f"face {face}" for face in faces or ()]
            if name is not None:
                details = gallery.show(name)
                who = details.person
                what.insert(0, f"{shown(who.name)} (#{who.id}) with {len(details.faces)} faces")
            typer.confirm(f"forget {', '.join(what)}?", abort=True, err=True)
        gone = gallery.forget(name, faces=faces or ())
    _end(gone, json_file)


def purge_expired(
    store: StoreUrl,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show who would be forgotten.")
    ] = False,
    json_file: Json = None,
    key_file: KeyFile = None,
) -> None:
    """Forget everybody whose retention date is over; also finish what was interrupted."""
    from facewise.cli.gallery.tables import people
    from facewise.gallery.overviews import PersonOverview, person_dict

    guard(store, json_file, key_file)
    with opened(store, key_file) as gallery:
        if dry_run:
            expired = gallery.expired()
            if write(json_file, {"expired": [person_dict(person) for person in expired]}):
                people(
                    PersonOverview(person, len(gallery.store.faces(person.id)))
                    for person in expired
                )
            return
        gone = gallery.purge_expired()
    _end(gone, json_file)


def _end(gone: Forgotten, json_file: Json) -> None:
    if write(json_file, gone.to_dict()):
        typer.echo(
            f"people forgotten: {len(gone.people)}; faces: {gone.faces}; chips: {gone.chips}; "
            f"cached results: {gone.cached_results}"
        )
        typer.echo("erased from the store's files and from the index")
        if gone.out_of_reach:
            typer.echo(f"not erased from: {gone.out_of_reach}")
