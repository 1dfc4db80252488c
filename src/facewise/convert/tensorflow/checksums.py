"""CRC-32C (Castagnoli), which TensorFlow stores beside blocks and tensors, fast enough in NumPy.

Data are cut into lanes of equal length that are computed side by side; two neighbours then become
one by a matrix over GF(2) that says what so many zero bytes do to a checksum.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # reflected
_MASK = 0xA282EAD8  # what LevelDB and TensorFlow add, so that no checksum is of a checksum
_ALL = 0xFFFFFFFF
_LANES = 12  # as a power of two, like the lengths below
_LENGTHS = (8, 4)
"""Of lanes in bytes: long ones cost less for each byte, short ones also fit shorter data."""

_Column = NDArray[np.uint32]


def masked_crc32c(data: bytes | memoryview) -> int:
    """The checksum as LevelDB's tables and TensorFlow's bundles store it."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK) & _ALL


def crc32c(data: bytes | memoryview) -> int:
    """The checksum of some bytes.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    state, place = _ALL, 0
    for length in _LENGTHS:
        size = 1 << (_LANES + length)
        while len(data) - place >= size:
            before = _applied(_zeros(_LANES + length), np.array([state], np.uint32))
            state = int(before[0]) ^ _of_lanes(data[place : place + size], length)
            place += size
    table = _table().tolist()
    for byte in data[place:]:
        state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state ^ _ALL


def _of_lanes(data: bytes | memoryview, length: int) -> int:
    """The raw checksum, from zero, of as many bytes as fill the lanes."""
    table = _table()
    lanes = np.frombuffer(data, np.uint8).reshape(1 << _LANES, 1 << length)
    state = np.zeros(len(lanes), np.uint32)
    for column in np.ascontiguousarray(lanes.T):
        state = table[(state ^ column) & 0xFF] ^ (state >> 8)
    while len(state) > 1:
        state = _applied(_zeros(length), state[0::2]) ^ state[1::2]
        length += 1
    return int(state[0])


@cache
def _table() -> _Column:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table


@cache
def _zeros(power: int) -> _Column:
    """What 2 ** power zero bytes do to a checksum: for each of its bits, what it becomes (32,)."""
    if power:
        half = _zeros(power - 1)
        return _applied(half, half)
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    one: _Column = _table()[bits & 0xFF] ^ (bits >> 8)
    return one


def _applied(matrix: _Column, values: _Column) -> _Column:
    result = np.zeros_like(values)
    for bit in range(32):
        result ^= ((values >> np.uint32(bit)) & 1) * matrix[bit]
    return result
