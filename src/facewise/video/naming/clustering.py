"""Agglomerative clustering by mean similarity, with pairs that must not come together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

_ROWS = 512  # of the table of similarities, at a time


def clustered(
    vectors: NDArray[np.floating],
    weights: Sequence[float],
    apart: Sequence[set[int]],
    threshold: float,
    doubts: Sequence[float] | None = None,
) -> list[int]:
    """Bring together what is alike: always the two most similar clusters, while any are alike.

    The similarity of two clusters is the mean of those of their members (average linkage), weighted
    by the products of the weights.

    Args:
        vectors: (n, d); the similarity of two is their dot product.
        weights: above 0, (n,).
        apart: for each the numbers of those that it must not come together with.
        threshold: similarity from which on two clusters are one.
        doubts: for each, at least 0, (n,): the product of those of two is taken off their
            similarity.

    Returns:
        For each vector the number of its cluster: that of the cluster's first member.

    Memory grows with n, not with its square; time with its square, times d.
    """
    n = len(vectors)
    mass = np.array(weights, np.float64)
    means = np.column_stack([vectors, np.zeros(n) if doubts is None else doubts]).astype(np.float64)
    signs = np.ones(means.shape[1])
    signs[-1] = -1
    foes: list[set[int]] = [set() for _ in range(n)]
    for i, some in enumerate(apart):
        for j in some - {i}:
            foes[i].add(j)
            foes[j].add(i)
    owner = list(range(n))
    members = [[i] for i in range(n)]
    alive = np.ones(n, bool)
    version = np.zeros(n, int)
    closest, partner, seen = np.full(n, -np.inf), np.zeros(n, int), np.zeros(n, int)

    def rate(rows: NDArray[np.intp]) -> None:
        """Find the most similar cluster of some clusters."""
        table = (means[rows] * signs) @ means.T
        table[:, ~alive] = -np.inf
        table[np.arange(len(rows)), rows] = -np.inf
        for k, row in enumerate(rows.tolist()):
            if foes[row]:
                table[k, list(foes[row])] = -np.inf
        partner[rows] = table.argmax(axis=1)
        closest[rows] = table[np.arange(len(rows)), partner[rows]]
        seen[rows] = version[partner[rows]]

    for start in range(0, n, _ROWS):
        rate(np.arange(start, min(start + _ROWS, n)))
    while n:
        # A merged cluster is no closer to anybody than the closer of its parts was, so what was
        # found for a cluster remains an upper bound.
        i = int(closest.argmax())
        if closest[i] < threshold:
            break
        j = int(partner[i])
        if not alive[j] or version[j] != seen[i]:
            rate(np.array([i]))
            continue
        i, j = min(i, j), max(i, j)
        total = mass[i] + mass[j]
        means[i] = (means[i] * mass[i] + means[j] * mass[j]) / total
        mass[i] = total
        members[i] += members[j]
        for foe in foes[j]:
            foes[foe].discard(j)
            foes[foe].add(i)
        foes[i] |= foes[j]
        alive[j], closest[j] = False, -np.inf
        version[i] += 1
        rate(np.array([i]))
    for i in np.flatnonzero(alive).tolist():
        for member in members[i]:
            owner[member] = min(members[i])
    return owner
