"""The people of an album, and what is decided about them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.cluster.options import (
    ALBUM,
    AlbumFile,
    Faces,
    Name,
    Several,
    Who,
    report,
    the_cluster,
)
from facewise.cli.files import shown
from facewise.cli.options import Json

if TYPE_CHECKING:
    from facewise.curation.clustering import Album


def list_people(
    album: AlbumFile = ALBUM,
    least: Annotated[
        int, typer.Option("--min-faces", min=1, help="Who has fewer faces is left out.")
    ] = 2,
    json_file: Json = None,
) -> None:
    """The people of an album."""
    with _opened(album) as kept:
        report(kept, None, least, [], json_file, "")


def show(who: Who, album: AlbumFile = ALBUM) -> None:
    """The faces of a person, with their numbers and photos."""
    with _opened(album) as kept:
        cluster = kept.cluster(the_cluster(who))
        files = kept.photo_files()
        typer.echo(f"#{cluster.id} {shown(cluster.title)}")
        for face in kept.faces(cluster.id):
            places = ", ".join(map(str, files.get(face.photo, [])))
            typer.echo(f"  face {face.id}  quality {face.quality:.2f}  {shown(places)}")


def merge_people(who: Several, album: AlbumFile = ALBUM, name: Name = None) -> None:
    """Several are one person."""
    from facewise.curation.clustering.editing import merge

    with _opened(album) as kept:
        found = merge(kept, [the_cluster(each) for each in who], name)
        typer.echo(f"#{found.id} {shown(found.title)}: {found.faces} faces")


def split_person(
    who: Who, faces: Faces = None, album: AlbumFile = ALBUM, name: Name = None
) -> None:
    """Some faces are another person; without faces, the part that fits least."""
    from facewise.curation.clustering.editing import split

    with _opened(album) as kept:
        found = split(kept, the_cluster(who), faces or [], name)
        typer.echo(f"new: #{found.id} {shown(found.title)}: {found.faces} faces")


def name_person(
    who: Who,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Without it: takes the name away.")
    ] = None,
    album: AlbumFile = ALBUM,
) -> None:
    """Say who somebody is."""
    from facewise.curation.clustering.editing import rename

    with _opened(album) as kept:
        found = rename(kept, the_cluster(who), name)
        typer.echo(f"#{found.id} {shown(found.title)}")


def apart(who: Several, album: AlbumFile = ALBUM) -> None:
    """They are different people, however alike they are."""
    from facewise.curation.clustering.editing import keep_apart

    with _opened(album) as kept:
        keep_apart(kept, [the_cluster(each) for each in who])


def leave_out_faces(
    faces: Annotated[list[int], typer.Argument(metavar="FACE...", help="Numbers of faces.")],
    album: AlbumFile = ALBUM,
) -> None:
    """Faces do not count: no faces, or nobody of interest."""
    from facewise.curation.clustering.editing import leave_out

    with _opened(album) as kept:
        leave_out(kept, faces)


def undo_folders(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The --out of earlier runs.")],
) -> None:
    """Take the folders of people away again; what was changed there since stays."""
    from facewise.curation.clustering.people_folders import JOURNAL
    from facewise.curation.placing import undo

    done = undo(out / JOURNAL)
    typer.echo(f"{done.removed} files removed")
    for line in done.left:
        typer.echo(f"  {shown(line)}", err=True)
    if done.left:
        raise typer.Exit(1)


def _opened(path: Path) -> Album:
    from facewise.curation.clustering import Album

    return Album.open(path)
