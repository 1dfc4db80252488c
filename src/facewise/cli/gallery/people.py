"""`facewise gallery list`, `show`, `edit`, `rename`, `merge` and `split`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.gallery.options import (
    Consent,
    Faces,
    KeyFile,
    Notes,
    Retain,
    StoreUrl,
    Who,
    day,
    guard,
    opened,
    write,
)
from facewise.cli.options import Json

if TYPE_CHECKING:
    from facewise.gallery import Store
    from facewise.gallery.change import PersonFields
    from facewise.gallery.overviews import PersonDetails

_NewName = Annotated[
    str, typer.Argument(metavar="NEW_NAME", help="What the person is to be called.")
]


def list_people(
    store: StoreUrl,
    after: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, help="Begin after the person of this number.")
    ] = 0,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="People at most.")] = 1000,
    json_file: Json = None,
    key_file: KeyFile = None,
) -> None:
    """Show the people, by number."""
    from facewise.cli.gallery.tables import people

    guard(store, json_file, key_file)
    with opened(store, key_file) as gallery:
        rows = list(gallery.list(after, limit))
        more = bool(rows) and bool(gallery.store.people(rows[-1].person.id, 1))
    following = rows[-1].person.id if more else None
    if write(json_file, {"people": [row.to_dict() for row in rows], "next": following}):
        people(rows)
        if following is not None:
            typer.echo(f"there are more: --after {following}")


def show(
    store: StoreUrl,
    name: Who,
    chips: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Write the cut-out faces there, as far as they were kept: 17.png for face 17, "
            "readable by you only.",
            show_default=False,
        ),
    ] = None,
    json_file: Json = None,
    key_file: KeyFile = None,
) -> None:
    """Show a person and the faces."""
    from facewise.cli.gallery.tables import person

    guard(store, json_file, key_file)
    with opened(store, key_file) as gallery:
        details = gallery.show(name)
        if chips is not None:
            count = _write_chips(gallery.store, details, chips)
            typer.echo(f"chips written: {count} of {len(details.faces)} faces", err=True)
    if write(json_file, details.to_dict()):
        person(details)


def edit(
    store: StoreUrl,
    name: Who,
    consent: Consent = None,
    retain_until: Retain = None,
    forever: Annotated[
        bool, typer.Option("--retain-always", help="Take the retention date away.")
    ] = False,
    notes: Notes = None,
    key_file: KeyFile = None,
) -> None:
    """Change consent, retention date or notes of a person."""
    fields: PersonFields = {}
    if consent is not None:
        fields["consent"] = consent
    if notes is not None:
        fields["notes"] = notes
    if retain_until is not None or forever:
        if forever and retain_until is not None:
            raise typer.BadParameter("--retain-until and --retain-always: give one of them")
        fields["retain_until"] = day(retain_until)
    if not fields:
        raise typer.BadParameter("nothing to change: give --consent, --retain-until or --notes")
    with opened(store, key_file) as gallery:
        typer.echo(f"changed: {_shown(gallery.update(name, **fields))}")


def rename(store: StoreUrl, name: Who, new_name: _NewName, key_file: KeyFile = None) -> None:
    """Give a person another name."""
    with opened(store, key_file) as gallery:
        typer.echo(f"renamed: {_shown(gallery.rename(name, new_name))}")


def merge(
    store: StoreUrl,
    name: Who,
    into: Annotated[
        str, typer.Argument(metavar="INTO", help="The person who stays: a name, or '#12'.")
    ],
    key_file: KeyFile = None,
) -> None:
    """Give all faces of one person to another, and remove the first."""
    with opened(store, key_file) as gallery:
        kept, faces = gallery.merge(name, into)
    typer.echo(f"faces moved to {_shown(kept)}: {faces}")


def split(
    store: StoreUrl, new_name: _NewName, faces: Faces = None, key_file: KeyFile = None
) -> None:
    """Give some faces of one person to a new one."""
    if not faces:
        raise typer.BadParameter("which faces? Give --face, once for each; `show` numbers them")
    with opened(store, key_file) as gallery:
        new = gallery.split(faces, new_name)
    typer.echo(f"faces moved to {_shown(new)}: {len(set(faces))}")


def _write_chips(store: Store, details: PersonDetails, folder: Path) -> int:
    """Write the chips that were kept, and say how many."""
    from facewise._files import replace_file

    faces = [face.id for face in details.faces if face.has_chip]
    with store.change() as change:  # before anyone can have them
        change.note("export", details.person.id, len(faces), "chips")
    for face in faces:
        content = store.chip(face)
        if content is not None:  # else it is gone since
            replace_file(folder / f"{face}.png", content, private=True)
    return len(faces)


def _shown(person: object) -> str:
    from facewise.cli.files import shown
    from facewise.gallery import Person

    assert isinstance(person, Person)  # noqa: S101
    return f"{shown(person.name)} (#{person.id})"
