"""Unpack Snappy's blocks (https://github.com/google/snappy/blob/main/format_description.txt)."""

from __future__ import annotations

from facewise.convert.wire import WireError, varint

_MOST = 32
"""Bytes that come of one, at most: a copy of 64 bytes takes 3."""


def unpacked(data: memoryview) -> bytes:
    """The content of a block.

    Raises:
        WireError: it is damaged, or says that it is larger than it can be.
    """
    size, place = varint(data, 0)
    if size > _MOST * len(data):
        raise WireError(f"{len(data):,} packed bytes cannot hold {size:,}")
    out = bytearray()
    while place < len(data):
        tag = data[place]
        place += 1
        if tag & 3 == 0:
            length, place = _literal(data, tag >> 2, place)
            out += data[place : place + length]
            place += length
            continue
        if tag & 3 == 1:
            length, rest = 4 + (tag >> 2 & 7), 1
        else:
            length, rest = 1 + (tag >> 2), 2 if tag & 3 == 2 else 4
        if place + rest > len(data):
            raise WireError("packed data end in a copy")
        back = int.from_bytes(data[place : place + rest], "little")
        if rest == 1:
            back |= (tag >> 5) << 8
        place += rest
        if not 0 < back <= len(out):
            raise WireError(f"packed data copy from {back} bytes before, where there are none")
        start = len(out) - back
        for i in range(start, start + length):  # it may copy what it has just written
            out.append(out[i])
    if len(out) != size:
        raise WireError(f"packed data hold {len(out):,} bytes, not {size:,}")
    return bytes(out)


def _literal(data: memoryview, code: int, place: int) -> tuple[int, int]:
    """The length of bytes that stand there as they are, and where they begin."""
    length = code + 1
    if code >= 60:
        count = code - 59
        length = 1 + int.from_bytes(data[place : place + count], "little")
        place += count
    if length > len(data) - place:
        raise WireError("packed data end too early")
    return length, place
