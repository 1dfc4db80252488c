"""The framing of MXNet's RecordIO, read at any place of a file.

A record is the magic number, a word whose upper 3 bits are a flag and whose lower 29 bits are the
length of what follows, and so many bytes, filled up to a multiple of 4. A payload that holds the
magic number at a multiple of 4 is cut there: its parts have the flags 1 (first), 2 (between) and 3
(last), and the number is left out between them; a whole payload has 0 (dmlc-core, recordio.h).
Words are little-endian. The payload of a picture begins with a header: flag (uint32), label
(float32), id and id2 (uint64); a flag above 0 says that so many float32 follow, which are then the
labels (mxnet, recordio.py). Nothing here is unpickled or run.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload

import numpy as np

from facewise.errors import TrainingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = 0xCED7230A

_FRAME = struct.Struct("<II")
_HEADER = struct.Struct("<IfQQ")
_LENGTH_BITS = 29
_OPEN_FILES = 16
_WHOLE, _FIRST, _BETWEEN, _LAST = range(4)


class RecordRef(NamedTuple):
    """A picture in a RecordIO file.

    Attributes:
        file: the `.rec` file.
        offset: the byte at which its record begins.
    """

    file: Path
    offset: int

    def __str__(self) -> str:
        return f"{self.file}#{self.offset}"


@dataclass(frozen=True, slots=True, eq=False)
class Records(Sequence[RecordRef]):
    """Many pictures of one file: 8 bytes each, where a tuple of millions would take gigabytes.

    Attributes:
        file: the `.rec` file.
        offsets: int64 (n,), where their records begin.
    """

    file: Path
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, number: int) -> RecordRef: ...
    @overload
    def __getitem__(self, number: slice) -> Records: ...
    def __getitem__(self, number: int | slice) -> RecordRef | Records:
        if isinstance(number, slice):
            return Records(self.file, self.offsets[number])
        return RecordRef(self.file, int(self.offsets[number]))

    def take(self, numbers: NDArray[np.intp]) -> Records:
        """Those of these numbers, in this order."""
        return Records(self.file, self.offsets[numbers])


class Record(NamedTuple):
    """A record without its frame.

    Attributes:
        labels: float32 (k,), at least one.
        content: what follows the labels: the bytes of an image file, or nothing.
    """

    labels: NDArray[np.float32]
    content: bytes


class RecordFile:
    """A RecordIO file that is open; several threads may read it at once.

    Args:
        path: the file.

    Raises:
        TrainingError: it cannot be read, is empty, or does not begin with a record.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise TrainingError(f"{path}: cannot be read ({error.strerror})") from None
        except ValueError:  # of mmap, where there is nothing
            raise TrainingError(f"{path}: is empty, expected a RecordIO file") from None
        self._part(0)

    def __len__(self) -> int:
        return len(self._bytes)

    def record(self, offset: int) -> Record:
        """The record that begins at a byte.

        Raises:
            TrainingError: none begins there, it is cut off, or it is not that of a picture; names
                file and byte.
        """
        labels, payload, start = self._opened(offset)
        return Record(labels, payload[start:])

    def labels(self, offset: int) -> tuple[NDArray[np.float32], bool]:
        """The labels of the record that begins at a byte, and whether anything follows them.

        Raises:
            TrainingError: as of `record`.
        """
        labels, payload, start = self._opened(offset, most=1 << 12)
        return labels, len(payload) > start

    def _opened(
        self, offset: int, most: int | None = None
    ) -> tuple[NDArray[np.float32], bytes, int]:
        """Labels, payload (its first bytes, if `most` says how many) and where the content is."""
        payload = self._payload(offset, most)
        if len(payload) < _HEADER.size:
            raise self._wrong(
                offset, f"has {len(payload)} bytes, expected a header of {_HEADER.size}"
            )
        count, label, _, _ = _HEADER.unpack_from(payload)
        if not count:
            return np.array([label], np.float32), payload, _HEADER.size
        end = _HEADER.size + 4 * count
        if end > len(payload) and most is not None:
            return self._opened(offset)
        if end > len(payload):
            raise self._wrong(
                offset, f"states {count} labels, and its payload has no room for them"
            )
        labels = np.frombuffer(payload, "<f4", count, _HEADER.size).astype(np.float32)
        return labels, payload, end

    def _payload(self, offset: int, most: int | None) -> bytes:
        flag, start, length = self._part(offset)
        if flag == _WHOLE:
            return self._bytes[start : start + (length if most is None else min(length, most))]
        if flag != _FIRST:
            raise self._wrong(offset, "is the later part of a record, not the beginning of one")
        parts = [self._bytes[start : start + length]]
        while flag != _LAST:
            place = start + length + -length % 4
            flag, start, length = self._part(place)
            if flag not in (_BETWEEN, _LAST):
                raise self._wrong(place, "a new record begins before the last one has ended")
            parts.append(self._bytes[start : start + length])
        return MAGIC.to_bytes(4, "little").join(parts)

    def _part(self, offset: int) -> tuple[int, int, int]:
        """Flag, first byte and length of the part whose frame begins at a byte."""
        if not 0 <= offset <= len(self) - _FRAME.size:
            raise self._wrong(offset, f"lies outside the file, which has {len(self)} bytes")
        magic, word = _FRAME.unpack_from(self._bytes, offset)
        if magic != MAGIC:
            raise self._wrong(
                offset, f"no record begins here: expected {MAGIC:#x}, got {magic:#x}; damaged, or "
                "listed by the .idx of another file"
            )  # fmt: skip
        flag, length = word >> _LENGTH_BITS, word & ((1 << _LENGTH_BITS) - 1)
        if flag > _LAST:
            raise self._wrong(offset, f"expected a flag from 0 to 3, got {flag}; damaged")
        start = offset + _FRAME.size
        if start + length > len(self):
            raise self._wrong(
                offset, f"states {length} bytes, and the file ends after {len(self) - start}; "
                "cut off, copy it again"
            )  # fmt: skip
        return flag, start, length

    def _wrong(self, offset: int, reason: str) -> TrainingError:
        return TrainingError(f"{self.path}, byte {offset}: {reason}")


def read_record(ref: RecordRef) -> Record:
    """The record of a picture; the file stays open for the next one.

    Raises:
        TrainingError: as of `RecordFile`.
    """
    return opened(ref.file).record(ref.offset)


def opened(path: Path) -> RecordFile:
    """A file of records, opened once for as long as it does not change.

    Raises:
        TrainingError: as of `RecordFile`.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror})") from None
    return _opened(path, status.st_size, status.st_mtime_ns)


@lru_cache(_OPEN_FILES)
def _opened(path: Path, _size: int, _changed: int) -> RecordFile:
    return RecordFile(path)
