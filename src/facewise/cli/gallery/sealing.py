"""`facewise gallery change-key`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facewise.cli.gallery.options import KeyFile, StoreUrl, opened


def change_key(
    store: StoreUrl,
    new_key_file: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="The new key, in the form of --key-file.",
            show_default=False,
        ),
    ],
    key_file: KeyFile = None,
) -> None:
    """Seal a sealed gallery with another key; vectors and chips are not written anew.

    Copies of the gallery are opened by the old key.
    """
    from facewise.gallery.sealing.keys import key_from_file

    key = key_from_file(new_key_file)
    with opened(store, key_file) as gallery:
        gallery.change_key(key)
        typer.echo(f"{gallery.store.url}: the key was changed")
