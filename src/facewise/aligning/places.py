"""Where the chips of photos go: as the photos lie, each in a place of its own."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from facewise.errors import ImageError
from facewise.images import read_file


class Photo(Protocol):
    """A picture that is somewhere."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def file(self) -> Path:
        """The file that it is, or is in."""

    @property
    def whole(self) -> bool:
        """It is the file, not a part of one."""

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            FacewiseError: they cannot be read.
        """


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A picture in a file of its own; as a text, since there may be a million of them.

    Attributes:
        name: its path.
    """

    name: str

    @property
    def file(self) -> Path:
        """Its path."""
        return Path(self.name)

    @property
    def whole(self) -> bool:
        """It is the file."""
        return True

    def read(self) -> bytes:
        """See `Photo`.

        Raises:
            ImageError: the file cannot be read.
        """
        if self.file.is_fifo():  # whoever reads it waits, perhaps for ever
            raise ImageError(f"{self.name}: is a pipe, expected an image file")
        return read_file(self.file)


@dataclass(frozen=True, slots=True)
class Task:
    """A photo, and where its chips go.

    Attributes:
        photo: what is cut.
        source: its path below the folder of photos, with `/`.
        stem: the path of its chip below the folder of chips, with `/` and without a suffix; no
            two photos have the same, also where upper and lower case are one.
    """

    photo: Photo
    source: str
    stem: str


def tasks_of(photos: Iterable[tuple[Photo, str]], suffix: str) -> list[Task]:
    """Where each chip goes: the same in every run over the same photos.

    Chips have the names of their photos with another suffix. Where two would have the same (`a.jpg`
    and `a.png`), or one that of a folder, the later one gets a number: `a-2`.

    Args:
        photos: each with its path below the folder of photos, with `/`.
        suffix: of the chips.
    """
    given = list(photos)
    folders = {_key(above) for _, place in given for above in _folders(place)}
    taken: set[str] = set()
    tasks = []
    for photo, place in given:
        stem = str(PurePosixPath(place).with_suffix(""))
        unique, again = stem, 1
        while (key := _key(unique)) in taken or _key(f"{unique}{suffix}") in folders:
            again += 1
            unique = f"{stem}-{again}"
        taken.add(key)
        tasks.append(Task(photo, place, unique))
    return tasks


def size_of(photo: Photo) -> int:
    """Bytes of the photo's file; 0 where it is a part of one, or cannot be looked at."""
    if not photo.whole:
        return 0
    try:
        return photo.file.stat().st_size
    except (OSError, ValueError):
        return 0


def chip_of(out: Path, task: Task, suffix: str, face: int | None) -> Path:
    """The file of a chip; with a number `NAME_0.png`, as facenet's align calls several of one."""
    number = "" if face is None else f"_{face}"
    return Path(os.path.join(out, *f"{task.stem}{number}{suffix}".split("/")))  # noqa: PTH118


def _folders(place: str) -> list[str]:
    """`a` and `a/b` of `a/b/c.jpg`."""
    parts = place.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _key(place: str) -> str:
    """What is equal for names that are one on some file systems."""
    return unicodedata.normalize("NFC", place).casefold()
