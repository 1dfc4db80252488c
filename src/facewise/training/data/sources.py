"""Where a picture is: a file, or a record of a RecordIO file."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, overload

from facewise.images import read_file
from facewise.training.data.record_file import RecordRef, read_record

if TYPE_CHECKING:
    from facewise.evaluation.protocols.pairs import Picture

Source: TypeAlias = "Path | RecordRef"


def read_source(source: Source) -> bytes:
    """The bytes of a picture's file.

    Raises:
        ImageError: the file cannot be read.
        TrainingError: the record cannot be.
    """
    if isinstance(source, RecordRef):
        return read_record(source).content
    return read_file(source)


def file_of(source: Source) -> Path:
    """The file that a picture is, or is in."""
    return source.file if isinstance(source, RecordRef) else source


def trouble_with(path: Path) -> str | None:
    """Why a path can be no picture, before it is opened; None where it can."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return "no such file"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except ValueError as error:  # a zero byte
        return f"not a path ({error})"
    if stat.S_ISDIR(status.st_mode):
        return "is a folder that cannot be listed, or no picture"
    if not stat.S_ISREG(status.st_mode):
        return "is a pipe or a device, expected an image file"
    return None if status.st_size else "is empty"


class Contents(Sequence["Picture"]):
    """Sources as the room of evaluation takes pictures: files by path, records by content.

    Args:
        sources: n of them; a record is read when it is asked for.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    def __len__(self) -> int:
        return len(self._sources)

    @overload
    def __getitem__(self, number: int) -> Picture: ...
    @overload
    def __getitem__(self, number: slice) -> Contents: ...
    def __getitem__(self, number: int | slice) -> Picture | Contents:
        if isinstance(number, slice):
            return Contents(self._sources[number])
        source = self._sources[number]
        return read_source(source) if isinstance(source, RecordRef) else source
