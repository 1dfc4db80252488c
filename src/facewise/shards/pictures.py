"""From a unit of work to its pictures, one after another."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from facewise.errors import ImageError
from facewise.shards.locations import (
    is_url,
    joined,
    opened,
    read_whole,
    reads_in_parallel,
    reason,
)
from facewise.shards.read_ahead import read_in_background, read_in_threads
from facewise.shards.tar_members import Member, pictures_of_tar
from facewise.shards.units import Unit

_READING = 16
"""Reads of pictures under way at once, of stores that answer late."""

_AHEAD = 32
"""Pictures of a tar file of such a store that wait to be worked on."""

_END_OF_TAR = bytes(1024)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture that is to be embedded.

    Attributes:
        source: the unit's.
        key: see `schema.KEY`.
        label: see `schema.LABEL`.
        content: its file, or the bytes of it.
        problem: why there is nothing to read, or None.
    """

    source: str
    key: str
    label: str | None
    content: Path | bytes
    problem: str | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.source}/{self.key}" if self.source else self.key


def pictures_of(unit: Unit) -> Generator[Picture, None, None]:
    """The pictures of a unit, in order; what cannot be read is among them, with its problem."""
    if unit.tar:
        with closing(_of_tar(unit)) as members:
            for member in members:
                label = member.label or _folder_of(member.key)
                yield Picture(unit.source, member.key, label, member.content, member.problem)
        return
    labels = unit.labels or (None,) * len(unit.keys)
    own = {key: label or _folder_of(key) for key, label in zip(unit.keys, labels, strict=True)}
    if not any(is_url(joined(unit.source, key)) for key in unit.keys):
        for key in unit.keys:
            yield Picture(unit.source, key, own[key], Path(joined(unit.source, key)))
        return
    threads = _READING if all(map(reads_in_parallel, _protocols(unit))) else 1

    def read(key: str) -> Picture:
        place = joined(unit.source, key)
        try:
            return Picture(unit.source, key, own[key], read_whole(place))
        except ImageError as error:
            problem = str(error).removeprefix(f"{place}: ")
            return Picture(unit.source, key, own[key], b"", problem)

    with closing(read_in_threads(read, unit.keys, threads)) as pictures:
        yield from pictures


def _protocols(unit: Unit) -> set[str]:
    """One URL of each protocol that the unit's pictures have."""
    if unit.source:
        return {unit.source}
    return set({key.partition("://")[0]: key for key in unit.keys if is_url(key)}.values())


def _of_tar(unit: Unit) -> Generator[Member, None, None]:
    with ExitStack() as stack:
        try:
            file = stack.enter_context(opened(unit.source))
        except FileNotFoundError:
            yield Member("", None, b"", "no such file")
            return
        except Exception as error:  # of whatever the protocol is made of
            yield Member("", None, b"", f"cannot be read ({reason(error)})")
            return
        members = pictures_of_tar(file if unit.span is None else _part(file, unit.span))
        if is_url(unit.source):
            with closing(read_in_background(members, _AHEAD)) as ahead:
                yield from ahead
        else:
            yield from members


def _folder_of(key: str) -> str | None:
    """The name of the folder that a path or URL says a picture lies in."""
    first, separator, rest = key.partition("://")
    path = rest.partition("/")[2] if separator else first
    parts = path.replace("\\", "/").split("/")
    return parts[-2] or None if len(parts) > 1 else None


class _Part:
    """The bytes of a part of a tar file, which the mark of an end follows."""

    def __init__(self, file: IO[bytes], length: int, end: bytes) -> None:
        self._file = file
        self._left = length
        self._end = end

    def read(self, size: int) -> bytes:
        """At most so many bytes more."""
        content = self._file.read(min(size, self._left))
        self._left -= len(content)
        if len(content) < size and not self._left:
            content, self._end = content + self._end, b""
        return content


def _part(file: IO[bytes], span: tuple[int, int]) -> IO[bytes]:
    """A part as a tar file of its own; the last one has its end already, or lacks it."""
    start, stop = span
    end = _END_OF_TAR if stop < file.seek(0, os.SEEK_END) else b""
    file.seek(start)
    return _Part(file, stop - start, end)  # type: ignore[return-value]
