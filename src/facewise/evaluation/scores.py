"""From vectors to the similarity of pairs: the one place where a protocol's scores are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.runtime.workers import ordered_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TILE = 1024
"""Vectors on each side of one matrix product: 8 MB of products, whatever the number of pairs."""

_WORTH_A_PRODUCT = 8192
"""Pairs of one tile from which on its matrix product takes less time than they do one by one."""

_SINGLE = 1024
"""Pairs in one go otherwise; with 512 numbers each they fit a core's cache."""


def pair_similarity(vectors: NDArray[np.float32], pairs: NDArray[np.intp]) -> NDArray[np.float64]:
    """Cosine similarity of each pair, in bounded memory.

    Where nearly every vector is compared with nearly every other, as in IJB, matrix products of
    tiles of vectors are quicker than fetching two vectors for each pair. Sums are made in float64
    either way.

    Args:
        vectors: float32 (m, d), unit length; NaN where there is none.
        pairs: intp (n, 2), numbers of vectors.

    Returns:
        float64 (n,); NaN where either has no vector.
    """
    similarity = np.empty(len(pairs), np.float64)
    tiles = -(-len(vectors) // _TILE)
    parts: Sequence[slice | NDArray[np.intp]]
    if len(pairs) < _WORTH_A_PRODUCT * tiles**2:
        parts = [slice(start, start + _SINGLE) for start in range(0, len(pairs), _SINGLE)]
    else:
        tile = (pairs[:, 0] // _TILE) * tiles + pairs[:, 1] // _TILE
        order = np.argsort(tile.astype(np.uint32), kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(tile, minlength=tiles**2))[:-1])

    def fill(rows: slice | NDArray[np.intp]) -> None:
        left, right = pairs[rows].T
        if isinstance(rows, slice):
            products = np.asarray(vectors[left], np.float64)
            products *= vectors[right]
            similarity[rows] = products.sum(axis=1)
        elif len(rows):
            first, second = left[0] // _TILE * _TILE, right[0] // _TILE * _TILE
            one, other = (
                np.asarray(vectors[start : start + _TILE], np.float64) for start in (first, second)
            )
            similarity[rows] = (one @ other.T)[left - first, right - second]

    for _ in ordered_map(fill, parts):
        pass
    return similarity
