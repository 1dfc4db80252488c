"""Arguments and options that several commands have, and what they print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from facewise.errors import CurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facewise.curation.clustering import Album, Limits

AlbumFile: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--album",
        metavar="FILE",
        dir_okay=False,
        help="What is kept from run to run: photos, faces, people and decisions.",
    ),
]
ALBUM = Path("people.album")

Who: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="WHO", help="A name, or a number such as 12.", show_default=False),
]
Several: TypeAlias = Annotated[
    list[str],
    typer.Argument(metavar="WHO...", help="Names, or numbers such as 12.", show_default=False),
]
Faces: TypeAlias = Annotated[
    list[int] | None,
    typer.Argument(metavar="FACE...", help="Numbers of faces.", show_default=False),
]
Name: TypeAlias = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="What the person is called.")
]


def the_cluster(text: str) -> int | str:
    """A number, with # or without, or a name."""
    digits = text.removeprefix("#")
    if digits.isdecimal() and digits.isascii():
        if len(digits) > 18:  # SQLite has 64 bits
            raise CurationError(f"{text}: no such number")
        return int(digits)
    return text


def report(
    kept: Album,
    limits: Limits | None,
    least: int,
    problems: Sequence[str],
    json_file: Path | None,
    done: str,
) -> None:
    """Print who is in an album, or write it as JSON where that is asked for."""
    from facewise.cli.files import shown
    from facewise.cli.gallery.options import write
    from facewise.curation.clustering.summary import summary

    people = kept.clusters(least)
    found = {
        **summary(kept, least),
        "limits": None if limits is None else limits.to_dict(),
        "problems": list(problems),
    }
    if not write(json_file, found):
        return
    for cluster in people:
        typer.echo(f"#{cluster.id}  {cluster.faces} faces  {shown(cluster.title)}")
    typer.echo(f"{len(people)} people; {found['strangers']} strangers; {done or kept.path}")
