"""Read messages of Protocol Buffers by their wire format, without their classes.

https://protobuf.dev/programming-guides/encoding: a message is a row of fields; each is a number and
a kind, and then a whole number, 4 or 8 bytes, or a length and so many bytes. Files of TensorFlow
and Caffe are such messages. What is read is a view of the file: nothing is copied, and nothing is
reserved because a file says that it needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_SIZES = {FIXED64: 8, FIXED32: 4}
_LONGEST = 10  # bytes of a whole number of 64 bits


class WireError(ValueError):
    """Bytes that are not such a message; says at which of them."""


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: which one.
        kind: `VARINT`, `FIXED64`, `BYTES` or `FIXED32`.
        whole: its value, if it is a whole number; in [0, 2^64).
        content: its bytes otherwise.
    """

    number: int
    kind: int
    whole: int
    content: memoryview

    def message(self) -> Iterator[Field]:
        """Its fields, if it is a message itself.

        Raises:
            WireError: it is not.
        """
        if self.kind != BYTES:
            raise WireError(f"field {self.number}: expected a message, found a number")
        return fields(self.content)

    def text(self) -> str:
        """Its text.

        Raises:
            WireError: it is none.
        """
        if self.kind != BYTES:
            raise WireError(f"field {self.number}: expected text, found a number")
        try:
            return bytes(self.content).decode()
        except UnicodeDecodeError:
            raise WireError(f"field {self.number}: expected text, found other bytes") from None

    def signed(self) -> int:
        """Its whole number as an `int64`."""
        return self.whole - (1 << 64) if self.whole >> 63 else self.whole

    def numbers(self, dtype: str) -> NDArray[np.generic]:
        """Its numbers, packed or a single one.

        Args:
            dtype: of NumPy, with 4 or 8 bytes and in little-endian order: `<f4`.

        Raises:
            WireError: the bytes are not a whole number of these.
        """
        size = np.dtype(dtype).itemsize
        if self.kind == VARINT or len(self.content) % size:
            raise WireError(f"field {self.number}: expected numbers of {size} bytes")
        return np.frombuffer(self.content, dtype)

    def varints(self) -> list[int]:
        """Its whole numbers, packed or a single one, as `int64`."""
        if self.kind == VARINT:
            return [self.signed()]
        found, place = [], 0
        while place < len(self.content):
            value, place = varint(self.content, place)
            found.append(value - (1 << 64) if value >> 63 else value)
        return found


def fields(data: memoryview) -> Iterator[Field]:
    """The fields of a message, in their order.

    Args:
        data: the message and nothing else, as bytes.

    Raises:
        WireError: it ends inside a field, or has something that is none.
    """
    place = 0
    while place < len(data):
        start = place
        tag, place = varint(data, place)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise WireError(f"byte {start}: no field has the number {number}")
        if kind == VARINT:
            value, place = varint(data, place)
            yield Field(number, kind, value, data[:0])
            continue
        if kind == BYTES:
            size, place = varint(data, place)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise WireError(f"byte {start}: unknown kind of field {kind}")
        if size > len(data) - place:
            raise WireError(
                f"byte {start}: field {number} has {size:,} bytes, but only {len(data) - place:,} "
                "are left"
            )
        yield Field(number, kind, 0, data[place : place + size])
        place += size


def varint(data: memoryview, place: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, lowest first, and the place after it.

    Raises:
        WireError: the data end in it, or it has more than 64 bits.
    """
    value = 0
    for i, byte in enumerate(data[place : place + _LONGEST]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if value >> 64:
                break
            return value, place + i + 1
    raise WireError(f"byte {place}: a whole number that does not end, or has more than 64 bits")
