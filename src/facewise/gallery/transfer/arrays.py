"""Arrays in numpy's own format, read a few rows at a time and never unpickled."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from facewise.errors import GalleryError
from facewise.gallery.names import LONGEST_TEXT
from facewise.gallery.transfer.pickles import refusal
from facewise.gallery.transfer.rows import BATCH, MOST_NUMBERS, Given, Refusal, Row

_MOST = 1 << 48  # elements of a side, more than any file has
_HEADER = 4096  # characters; numpy writes some 120

DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(OSError, EOFError, ValueError, RuntimeError),  # also NotImplementedError
)
"""What `zipfile` raises where an archive is damaged."""


class ArrayFile:
    """An array in a stream.

    Args:
        stream: at the array's first byte.
        place: what messages call it: a path, and within an archive the array's name.

    Attributes:
        shape: of the array.
        dtype: of its elements.
        count: of its rows.

    Raises:
        GalleryError: there is no array, or one that only a pickle could hold.
    """

    def __init__(self, stream: IO[bytes], place: str) -> None:
        self._stream = stream
        self._place = place
        try:
            version = npy.read_magic(stream)
            read_header = {
                (1, 0): npy.read_array_header_1_0,
                (2, 0): npy.read_array_header_2_0,
            }.get(version)
            if read_header is None:
                raise ValueError(f"version {version}")
            self.shape, fortran, self.dtype = read_header(stream, max_header_size=_HEADER)
        except Exception as error:  # numpy raises what its parser of headers does
            raise GalleryError(f"{place}: damaged, or no array ({error!s:.200})") from None
        if self.dtype.hasobject:
            raise refusal(place, "an array of Python objects, which only a pickle can hold")
        if not all(0 <= side < _MOST for side in self.shape):
            raise GalleryError(f"{place}: damaged: an array of shape {self.shape}")
        self.count: int = self.shape[0] if self.shape else 1
        if fortran and len(self.shape) > 1:
            raise GalleryError(
                f"{place}: its columns lie one after another; save numpy.ascontiguousarray of it"
            )

    def blocks(self) -> Iterator[NDArray[np.generic]]:
        """The array, up to `BATCH` rows at a time.

        Raises:
            GalleryError: it ends before it should.
        """
        row = int(np.prod(self.shape[1:], dtype=object)) * self.dtype.itemsize
        for start in range(0, self.count, BATCH):
            rows = min(BATCH, self.count - start)
            content = _exactly(self._stream, rows * row, self._place)
            yield np.frombuffer(content, self.dtype).reshape(rows, *self.shape[1:])

    def single(self) -> object:
        """The only element of an array of shape ().

        Raises:
            GalleryError: it ends before it should.
        """
        return np.frombuffer(_exactly(self._stream, self.dtype.itemsize, self._place), self.dtype)[
            0
        ]


def check_vectors(array: ArrayFile, place: str, given: Given) -> None:
    """Refuse what are no vectors of the gallery's length.

    Raises:
        GalleryError: says what was expected.
    """
    if array.dtype.kind != "f" or len(array.shape) != 2 or array.shape[1] > MOST_NUMBERS:
        raise GalleryError(
            f"{place}: expected vectors, floating-point of shape (n, {given.dimension}), got "
            f"{array.dtype} of shape {array.shape}"
        )
    if array.shape[1] != given.dimension:
        raise given.other_length(place, array.shape[1])


def check_texts(array: ArrayFile, place: str, count: int) -> None:
    """Refuse what is no text for each vector.

    Raises:
        GalleryError: says what was expected.
    """
    longest = array.dtype.itemsize // (4 if array.dtype.kind == "U" else 1)
    if array.dtype.kind not in "US" or len(array.shape) != 1 or longest > LONGEST_TEXT:
        raise GalleryError(
            f"{place}: expected texts, of shape (n,), got {array.dtype} of shape {array.shape}"
        )
    if array.count != count:
        raise GalleryError(f"{place}: {array.count:,} texts for {count:,} vectors")


def texts(array: ArrayFile, place: str) -> Iterator[str]:
    """The texts of an array.

    Raises:
        GalleryError: one is no UTF-8, or the array ends before it should.
    """
    for block in array.blocks():
        for text in block.tolist():
            try:
                yield text.decode() if isinstance(text, bytes) else text
            except UnicodeDecodeError:
                raise GalleryError(f"{place}: {text!r:.60}: no UTF-8") from None


def rows_of(
    vectors: ArrayFile, names: Iterator[str], sources: Iterator[str] | None
) -> Iterator[Row | Refusal]:
    """A row for each vector."""
    number = 0
    for block in vectors.blocks():
        for vector in block:
            number += 1
            source = "" if sources is None else next(sources)
            yield Row(
                place=f"row {number}",
                name=next(names),
                vector=np.asarray(vector, np.float64),
                source=source,
            )


def opened_array(path: Path) -> io.BufferedReader:
    """A file that holds one array; `ArrayFile` reads it.

    Raises:
        GalleryError: it cannot be read.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise GalleryError(f"{path}: cannot be read ({error.strerror})") from None


def _exactly(stream: IO[bytes], size: int, place: str) -> bytes:
    parts, left = [], size
    while left:
        try:
            part = stream.read(min(left, 1 << 24))
        except DAMAGE as error:
            raise GalleryError(f"{place}: damaged ({error!s:.200})") from None
        if not part:
            raise GalleryError(f"{place}: damaged: it ends too early")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
