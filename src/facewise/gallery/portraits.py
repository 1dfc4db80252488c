"""From what a user gives to pictures of named people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.errors import FacewiseError, GalleryError
from facewise.gallery.enrolment import Remark
from facewise.gallery.names import checked_name
from facewise.images import describe, sources
from facewise.recognition.folders import pictures_in
from facewise.recognition.people import pictures_by_name

if TYPE_CHECKING:
    from facewise.images import ImageSource


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A picture that is to be enrolled.

    Attributes:
        person: the name of whom it shows.
        source: the picture, in any form that `facewise.load_image` takes.
        place: what records and messages call it.
    """

    person: str
    source: ImageSource
    place: str


def portraits(
    pictures: Iterable[ImageSource] | ImageSource, name: str | None = None
) -> tuple[list[Portrait], list[Remark]]:
    """The pictures with the names of their people.

    Args:
        pictures: one or many. With a name: pictures in any form that `load_image` takes, and
            folders with pictures at any depth, all of one person. Without: folders of people (see
            `recognition.load_people`), and files that are named after the person.
        name: of the person.

    Returns:
        The portraits, person after person; and which names cannot be one.

    Raises:
        FacewiseError: a folder is missing, or without a name something is neither file nor folder.
        GalleryError: the name that was given cannot be one.
    """
    if name is not None:
        person = checked_name(name)
        return [
            Portrait(person, source, describe(source))
            for given in sources(pictures)
            for source in _unfolded(given)
        ], []
    found: list[Portrait] = []
    remarks: list[Remark] = []
    for given in sources(pictures):
        if not isinstance(given, (str, PathLike)):
            raise FacewiseError(f"{describe(given)}: whose picture is it? Give a name")
        for person, (place, files) in _people(Path(given)):
            try:
                known = checked_name(person)
            except GalleryError as error:
                remarks.append(Remark(str(place), person, "name", str(error), enrolled=False))
                continue
            found += [Portrait(known, file, str(file)) for file in files]
            if not files:
                text = f"no pictures of {known!r}"
                remarks.append(Remark(str(place), known, "faces", text, enrolled=False))
    return found, remarks


def _unfolded(source: ImageSource) -> Iterator[ImageSource]:
    if isinstance(source, (str, PathLike)) and Path(source).is_dir():
        yield from pictures_in(Path(source))
    else:
        yield source


def _people(path: Path) -> list[tuple[str, tuple[Path, list[Path]]]]:
    if path.is_file():
        return [(path.stem, (path, [path]))]
    return sorted(pictures_by_name(path).items())
