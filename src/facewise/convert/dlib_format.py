"""Read the primitives of dlib's archives (dlib/serialize.h).

An integer is a control byte (sign in the top bit, number of bytes in the low four) followed by that
many little-endian bytes. A real number is two integers, mantissa and binary exponent. A string has
its length before it.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facewise.errors import ModelError

# Finite float32 values need less; dlib writes infinities and NaN with exponents from 32000.
_LARGEST_EXPONENT = 256


def read_archive(path: str | Path) -> bytes:
    """The content of a file.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error


class Reader:
    """A cursor over the bytes of a dlib archive that refuses whatever it does not expect.

    Every method raises `ModelError`, with the name of the file and the place in it, when the bytes
    are not what is asked for.

    Attributes:
        position: number of the byte that comes next.
    """

    def __init__(self, data: bytes, name: str, content: str) -> None:
        """Begin at the first byte; `name` and what the file should contain stand in the errors."""
        self.position = 0
        self._data = data
        self._name = name
        self._content = content

    def integers(self, count: int) -> list[int]:
        """The next `count` integers. One plain loop: a model file holds millions of them."""
        data, position, length = self._data, self.position, len(self._data)
        values = []
        for _ in range(count):
            if position >= length:
                raise self._cut_short()
            control = data[position]
            size = control & 0x0F
            if control & 0x70 or not 1 <= size <= 8:
                raise self.error(
                    position, f"expected an integer, found control byte {control:#04x}"
                )
            start, position = position + 1, position + 1 + size
            if position > length:
                raise self._cut_short()
            value = int.from_bytes(data[start:position], "little")
            values.append(-value if control & 0x80 else value)
        self.position = position
        return values

    def integer(self, wanted: int | None = None) -> int:
        """The next integer, which must equal `wanted` if that is given."""
        start = self.position
        (value,) = self.integers(1)
        if wanted is not None and value != wanted:
            raise self.error(start, f"expected {wanted}, found {value}")
        return value

    def length(self) -> int:
        """How many things follow: at least one, and no more than there are bytes left."""
        start = self.position
        value = self.integer()
        if not 1 <= value <= len(self._data) - self.position:
            raise self.error(start, f"expected a length that fits the file, found {value}")
        return value

    def real(self, wanted: float) -> None:
        """Read a number that must equal `wanted` in float32."""
        start = self.position
        mantissa, exponent = self.integers(2)
        value = mantissa * 2.0**exponent if abs(exponent) < _LARGEST_EXPONENT else math.nan
        if np.float32(value) != np.float32(wanted):
            raise self.error(start, f"expected {wanted}, found {value}")

    def reals(self, count: int) -> NDArray[np.float32]:
        """The next `count` numbers, which must be finite."""
        start = self.position
        return self.as_reals(np.array(self.integers(2 * count), np.float64).reshape(-1, 2), start)

    def as_reals(self, pairs: NDArray[np.float64], start: int) -> NDArray[np.float32]:
        """The numbers of mantissas and exponents, shape (…, 2), that began at byte `start`."""
        exponents = pairs[..., 1]
        if (np.abs(exponents) >= _LARGEST_EXPONENT).any():
            raise self.error(start, "infinite or undefined numbers")
        return np.ldexp(pairs[..., 0], exponents.astype(np.int32)).astype(np.float32)

    def text(self, wanted: str) -> None:
        """Read a string that must equal `wanted`."""
        start = self.position
        length = self.integer()
        found = self.take(length) if length == len(wanted) else self._peek(length)
        if found != wanted.encode():
            raise self.error(start, f"expected {wanted!r}, found {found!r}")

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        found = self._data[self.position : self.position + count]
        if len(found) < count:
            raise self._cut_short()
        self.position += count
        return found

    def end(self) -> None:
        """Make sure that nothing is left."""
        rest = len(self._data) - self.position
        if rest:
            raise self.error(self.position, f"{rest} bytes follow the end")

    def error(self, position: int, message: str) -> ModelError:
        """The error to raise for what lies at a byte."""
        return ModelError(f"{self._name}: not {self._content}: byte {position}: {message}")

    def _cut_short(self) -> ModelError:
        return self.error(len(self._data), "the file is cut short; fetch it again")

    def _peek(self, count: int) -> bytes:
        """Bytes for an error message, however many the file claims to hold."""
        return self._data[self.position : self.position + max(0, min(count, 40))]
