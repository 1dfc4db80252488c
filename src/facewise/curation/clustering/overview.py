"""The page of an album: who was found, and what to click where that is wrong."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.curation.clustering.editing import leave_out, merge, rename, split
from facewise.curation.pages import Choice, Group, Page, Section, Tile, read_decisions, write_page
from facewise.errors import CurationError
from facewise.gallery.names import name_key

if TYPE_CHECKING:
    from facewise.curation.clustering.album import Album
    from facewise.curation.clustering.records import Cluster, KeptFace

KIND = "cluster"

_CHOICES = (
    Choice("in", "This person", "good"),
    Choice("out", "Somebody else", "neutral"),
    Choice("none", "Does not count", "bad"),
)
_INLINE = 2000
"""Faces up to which the page is one file."""


def write_overview(
    album: Album,
    path: str | PathLike[str],
    *,
    least: int = 2,
    strangers: bool = False,
    problems: Sequence[str] = (),
) -> Path:
    """Write the page.

    Args:
        album: that is shown.
        path: of the HTML file.
        least: faces that a cluster without a name must have to be shown.
        strangers: show the others too.
        problems: photos that could not be read.

    Returns:
        The path.

    Raises:
        CurationError, OSError: it cannot be written.
    """
    people = album.clusters(least)
    shown = {cluster.id for cluster in people}
    others = [cluster for cluster in album.clusters() if cluster.id not in shown]
    files = album.photo_files()
    path = Path(path)
    sections = [
        Section(
            "People",
            _groups(album, people, files),
            ("Give two the same name, and they become one person.",) if people else (),
        )
    ]
    if strangers and others:
        sections.append(Section("Seen once", _groups(album, others, files)))
    if problems:
        sections.append(Section("Photos that cannot be read", lines=tuple(problems)))
    faces = sum(cluster.faces for cluster in people)
    page = Page(
        KIND,
        f"People in {album.path.name}",
        _CHOICES,
        sections,
        notes=(
            "Each group is one person, as far as can be told.",
            "Click a face that is somebody else, or that does not count; write names.",
        ),
        facts=(
            ("people", f"{len(people):,}"),
            ("faces of them", f"{faces:,}"),
            ("seen once", f"{len(others):,}"),
            ("photos", f"{len(files):,}"),
        ),
        made={
            "album": album.fact("id"),
            "clusters": {f"c{c.id}": c.name or "" for c in [*people, *others]},
        },
        command=shlex.join(
            [
                "facewise",
                "cluster",
                "--album",
                str(album.path),
                "--apply",
                f"{path.stem}.decisions.json",
            ]
        ),
    )
    return write_page(path, page, pictures="inline" if faces <= _INLINE else "beside")


def apply_decisions(album: Album, path: str | PathLike[str]) -> list[str]:
    """Do what was decided on the page, in one transaction for each decision.

    First faces go: those that do not count, and those that are somebody else, which become
    strangers and stay apart from whom they were taken for; `sort` finds out who they are like. Then
    names are given, and clusters of one name merged. What was applied already does nothing.

    Args:
        album: of the page.
        path: of the decision file.

    Returns:
        What was done, a sentence each.

    Raises:
        CurationError: it is not a file of such decisions, or of another album.
    """
    found = read_decisions(path, KIND, {choice.key for choice in _CHOICES})
    if found.made.get("album") != album.fact("id"):
        raise CurationError(f"{path}: holds decisions about another album than {album.path}")
    said: list[str] = []
    faces = {face.id: face for face in album.faces()}
    asked = [(faces.get(_number(key, "f", path)), found.choices[key]) for key in sorted(
        found.overruled, key=lambda key: _number(key, "f", path))]  # fmt: skip
    gone = [face for face, choice in asked if face and choice == "none" and not face.left_out]
    if gone:
        leave_out(album, [face.id for face in gone])
        said.append(f"{len(gone)} faces do not count")
    for face, choice in asked:
        if face is not None and choice == "out" and face.cluster is not None:
            said += _moved(album, face)
    said += _named(album, {_number(key, "c", path): name for key, name in found.names.items()},
                   found.made.get("clusters"))  # fmt: skip
    return said


def _groups(
    album: Album, clusters: Sequence[Cluster], files: dict[int, list[Path]]
) -> Iterator[Group]:
    for cluster in clusters:
        yield Group(
            f"c{cluster.id}",
            cluster.title,
            _tiles(album, cluster, files),
            (f"#{cluster.id}",) if cluster.name else (),
            name=cluster.name or "",
        )


def _tiles(album: Album, cluster: Cluster, files: dict[int, list[Path]]) -> Iterator[Tile]:
    for face in album.faces(cluster.id):
        places = files.get(face.photo, [])
        yield Tile(
            f"f{face.id}",
            partial(album.thumbnail, face.id),
            places[0].name if places else "?",
            "in",
            link=places[0].as_uri() if places else None,
        )


def _moved(album: Album, face: KeptFace) -> list[str]:
    """Take a face out of its cluster, if it is not alone there."""
    assert face.cluster is not None  # noqa: S101 - the caller looks
    cluster = album.cluster(face.cluster)
    if cluster.faces < 2:
        return []
    new = split(album, cluster.id, [face.id])
    return [f"face {face.id} is not {cluster.title!r}, but #{new.id}"]


def _named(album: Album, names: dict[int, str], before: object) -> list[str]:
    """Give the names that were changed on the page, and merge clusters of one name."""
    said: list[str] = []
    known = before if isinstance(before, dict) else {}
    there = {cluster.id: cluster.name or "" for cluster in album.clusters()}
    changed = {
        number: name
        for number, text in names.items()
        if number in there
        and (name := text.strip()) != known.get(f"c{number}")
        and name != there[number]
    }
    for number in changed:  # first, so that two can change places
        if there[number]:
            rename(album, number, None)
    for number, name in changed.items():
        same = [c for c in album.clusters() if c.name and name_key(c.name) == name_key(name)]
        if not name:
            said.append(f"#{number} has no name any more")
        elif same:
            merge(album, [same[0].id, number], same[0].name)
            said.append(f"#{number} is {name!r} too")
        else:
            rename(album, number, name)
            said.append(f"#{number} is {name!r}")
    return said


def _number(key: str, kind: str, path: str | PathLike[str]) -> int:
    if key[:1] != kind or not (key[1:].isdecimal() and key.isascii()):
        raise CurationError(f"{path}: damaged: {key!r} is no id of this page")
    return int(key[1:])
