"""A folder of people from an album: for each a folder with copies of, or links to, the photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.curation.placing import How, Placed, Placement, place, safe_name

if TYPE_CHECKING:
    from facewise.curation.clustering.album import Album
    from facewise.curation.clustering.records import Cluster

JOURNAL = ".facewise-cluster.journal"
"""In the folder: what was made there, for the next run and for undoing it."""


def place_people(
    album: Album,
    clusters: Sequence[Cluster],
    out: Path,
    how: How = "copy",
    *,
    report: Callable[[int], None] = lambda _: None,
) -> Placed:
    """Put the photos of clusters into folders of their names.

    A photo with several people is in the folder of each. What an earlier run put there and is not
    wanted any more is taken away, if nobody has changed it; nothing else is touched.

    Args:
        album: that holds the clusters.
        clusters: whose photos are wanted.
        out: the folder of people.
        how: copies or links.
        report: called with the number of photos that are done.

    Raises:
        CurationError: what is there is no journal of ours, or that of another album.
        OSError: the folder cannot be written.
    """
    files = album.photo_files()
    wanted: list[Placement] = []
    taken: set[str] = set()
    missing: list[str] = []
    for cluster in clusters:
        folder = safe_name(cluster.title, taken, otherwise=f"person {cluster.id}")
        taken.add(folder.casefold())
        inside: set[str] = set()
        for photo in sorted({face.photo for face in album.faces(cluster.id)}):
            here = [path for path in files.get(photo, []) if path.is_file()]
            if not here:
                missing += [f"{path}: is not there any more" for path in files.get(photo, [])[:1]]
                continue
            name = _file_name(here[0], inside)
            wanted.append(Placement(here[0], out.absolute() / folder / name))
    done = place(wanted, out / JOURNAL, how=how, made={"album": album.fact("id")}, report=report)
    done.problems += dict.fromkeys(missing)
    return done


def _file_name(path: Path, taken: set[str]) -> str:
    """The file's name, with a number where another one in the folder has it."""
    name, number = path.name, 1
    while name.casefold() in taken:
        number += 1
        name = f"{path.stem} ({number}){path.suffix}"
    taken.add(name.casefold())
    return name
