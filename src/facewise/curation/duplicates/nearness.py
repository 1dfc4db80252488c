"""Pairs of perceptual hashes that differ in few bits, without comparing all with all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_BITS = 64
_BLOCK = 1 << 22  # pairs that are compared at once


def near_pairs(hashes: Sequence[int], most: int = 6) -> NDArray[np.intp]:
    """The pairs of hashes of which at most so many bits differ.

    The 64 bits are cut into one stretch more than may differ, so two that are near have a stretch
    in common; only those that have are compared.

    Args:
        hashes: m numbers of 64 bits.
        most: bits that may differ, 0 to 15.

    Returns:
        intp (n, 2), places of the pairs, the smaller first, each once, in order.
    """
    if not 0 <= most < 16:
        raise ValueError(f"most: expected 0 to 15 bits, got {most}")
    values = np.array(hashes, np.uint64)
    found = []
    edges = np.linspace(0, _BITS, most + 2).astype(int)
    for low, high in pairwise(edges.tolist()):
        part = (values >> np.uint64(low)) & np.uint64((1 << high - low) - 1)
        order = np.argsort(part, kind="stable")
        cuts = np.flatnonzero(np.diff(part[order])) + 1
        for own in np.split(order, cuts):
            found += list(_compared(values, np.sort(own), most))
    if not found:
        return np.empty((0, 2), np.intp)
    return np.unique(np.concatenate(found), axis=0)


def _compared(
    values: NDArray[np.uint64], own: NDArray[np.intp], most: int
) -> Iterator[NDArray[np.intp]]:
    step = max(1, _BLOCK // max(len(own), 1))
    for start in range(0, len(own) - 1, step):
        some = own[start : start + step]
        different = _count(values[some][:, None] ^ values[own][None])
        rows, columns = np.nonzero(different <= most)
        one, other = some[rows], own[columns]
        kept = one < other
        if kept.any():
            yield np.stack([one[kept], other[kept]], axis=1)


def _count(bits: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """How many bits are set in each number."""
    if hasattr(np, "bitwise_count"):  # NumPy 2
        counted: NDArray[np.uint8] = np.bitwise_count(bits)
        return counted
    each = np.unpackbits(bits[..., None].view(np.uint8), axis=-1)
    return np.asarray(each.sum(axis=-1), np.uint8)
