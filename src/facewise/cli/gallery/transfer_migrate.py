"""`facewise gallery migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.gallery.options import KeyFile, StoreUrl, guard, the_key, write
from facewise.cli.options import Json

if TYPE_CHECKING:
    from facewise.gallery.sealing.keys import Key


def migrate_gallery(
    store: StoreUrl,
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="Where to: a new file or URL, or what an interrupted migration has left.",
            show_default=False,
        ),
    ],
    key_file: KeyFile = None,
    target_key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Seal the target with this key; without it, with the key of the gallery, if that "
            "is sealed.",
            show_default=False,
        ),
    ] = None,
    target_open: Annotated[
        bool, typer.Option("--target-open", help="Do not seal the target of a sealed gallery.")
    ] = False,
    json_file: Json = None,
) -> None:
    """Move everything to another store, compare both, and leave the first as it is.

    If it is interrupted, start it again, and it goes on. Numbers of people and faces stay.
    """
    from facewise.cli.files import shown
    from facewise.cli.progress import counting
    from facewise.gallery import migrate, open_store

    if target_open and target_key_file is not None:
        raise typer.BadParameter("--target-key-file and --target-open: give one of them")
    guard(store, json_file, key_file)
    guard(target, json_file, target_key_file)
    key = the_key(key_file)
    target_key: Key | None = None if target_open else key
    if target_key_file is not None:
        target_key = the_key(target_key_file)
    with (
        open_store(store, key=key) as source,
        counting("copying", source.counts().faces) as done,
    ):
        result = migrate(source, target, target_key=target_key, done=done)
    if write(json_file, result.to_dict()):
        typer.echo(
            f"{shown(result.target)}: people: {result.people}; faces: {result.faces}; "
            f"chips: {result.chips}; equal to {shown(result.source)}"
        )
