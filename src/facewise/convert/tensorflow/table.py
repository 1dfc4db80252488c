"""Read a LevelDB table (SSTable): sorted keys with values, as a checkpoint's index file is one.

https://github.com/google/leveldb/blob/main/doc/table_format.md: blocks, each followed by its
kind (0 plain, 1 Snappy) and a checksum; a block of the places of all others; and a footer of 48
bytes with the place of that.
"""

from __future__ import annotations

from collections.abc import Iterator

from facewise.convert.tensorflow.checksums import masked_crc32c
from facewise.convert.tensorflow.snappy import unpacked
from facewise.convert.wire import WireError, varint

MAGIC = 0xDB4775248B80FB57
_FOOTER, _TRAILER = 48, 5


def entries(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The keys and values, in their order.

    Args:
        data: the whole file.

    Raises:
        WireError: it is no table, or is cut short or damaged.
    """
    if len(data) < _FOOTER or int.from_bytes(data[-8:], "little") != MAGIC:
        raise WireError("no table of LevelDB: the last eight bytes are not its mark")
    _, place = _handle(data[-_FOOTER:], 0)  # of a block that TensorFlow leaves empty
    index, _ = _handle(data[-_FOOTER:], place)
    for _, value in _pairs(_block(data, *index)):
        found, _ = _handle(value, 0)
        yield from _pairs(_block(data, *found))


def _handle(data: memoryview, place: int) -> tuple[tuple[int, int], int]:
    """Offset and size of a block, and the place after them."""
    offset, place = varint(data, place)
    size, place = varint(data, place)
    return (offset, size), place


def _block(data: memoryview, offset: int, size: int) -> memoryview:
    """The entries of a block, without what is around them."""
    end = offset + size
    if end + _TRAILER > len(data) - _FOOTER:
        raise WireError(
            f"a block of {size:,} bytes at {offset:,} lies outside of {len(data):,} bytes"
        )
    kind = data[end]
    if masked_crc32c(data[offset : end + 1]) != int.from_bytes(data[end + 1 : end + 5], "little"):
        raise WireError(f"the block at byte {offset:,} has another checksum")
    if kind not in (0, 1):
        raise WireError(f"the block at byte {offset:,} is packed in an unknown way ({kind})")
    block = data[offset:end] if kind == 0 else memoryview(unpacked(data[offset:end]))
    restarts = int.from_bytes(block[-4:], "little") if len(block) >= 4 else -1
    if not 0 <= 4 * (restarts + 1) <= len(block) or restarts < 0:
        raise WireError(f"the block at byte {offset:,} is too short")
    return block[: len(block) - 4 * (restarts + 1)]


def _pairs(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    key, place = b"", 0
    while place < len(block):
        shared, place = varint(block, place)
        fresh, place = varint(block, place)
        size, place = varint(block, place)
        if shared > len(key) or fresh + size > len(block) - place:
            raise WireError("an entry reaches out of its block")
        key = key[:shared] + bytes(block[place : place + fresh])
        place += fresh
        yield key, block[place : place + size]
        place += size
