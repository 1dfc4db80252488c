"""Join clusters that are alike, along a graph of neighbours: average linkage that scales.

The similarity of two clusters is the mean of that of their members, which their sums of vectors
give at once. In each round, all clusters that are each other's best join. With average linkage this
gives what joining always the best two does, in few rounds.

Source: B. Sumengen et al., "Scaling hierarchical agglomerative clustering to billion-sized
datasets", 2021, for joining all mutual best in rounds; the limits that depend on sizes, the
constraints and the exact means along an approximate graph are ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.curation.clustering.limits import Limits

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]

_BLOCK = 1 << 24  # numbers of gathered sums at once, at most


def joined(
    vectors: Floats,
    edges: tuple[Ints, Ints],
    limits: Limits,
    *,
    start: Ints | None = None,
    apart: Ints | None = None,
    names: Ints | None = None,
) -> Ints:
    """Bring together what is alike.

    Args:
        vectors: float32 (n, d), unit vectors.
        edges: both ends, int64 (e,) each, of pairs whose clusters may be compared; any order, also
            twice.
        limits: how alike clusters of which size must be.
        start: of each vector the number of a vector of its cluster at the beginning, int64 (n,):
            what is together stays so. None: each is alone.
        apart: pairs of vectors, int64 (p, 2), whose clusters must not be one. Pairs that are
            together at the beginning are passed over.
        names: of each vector a number, int64 (n,), 0 for none: two different ones must not be one
            cluster either. All of a cluster at the beginning have the same, or none.

    Returns:
        Of each vector the lowest number of its cluster, int64 (n,).

    Memory: that of the vectors once more, and of the edges some times.
    """
    n = len(vectors)
    owner = np.arange(n) if start is None else _lowest(start)
    sums = _sums(vectors, owner)
    sizes = np.bincount(owner, minlength=n).astype(np.float64)
    one, two, _ = _distinct(owner[edges[0]], owner[edges[1]], n)
    foes = _distinct(owner[apart[:, 0]], owner[apart[:, 1]], n) if apart is not None else None
    blocked = np.empty(0, np.int64) if foes is None else foes[0] * n + foes[1]
    called = np.zeros(n, np.int64)
    if names is not None:
        np.maximum.at(called, owner, names)
    worth = _worth(sums, sizes, one, two, limits)
    while True:
        # A mean is no higher than the highest of its parts, and no limit lower than that of large
        # clusters; so what is below that has a future only by another edge, which is kept.
        alive = worth + limits.at(sizes[one], sizes[two]) >= limits.large
        alive &= (called[one] == called[two]) | (called[one] == 0) | (called[two] == 0)
        if len(blocked):
            alive &= ~np.isin(one * n + two, blocked)
        one, two, worth = one[alive], two[alive], worth[alive]
        first, second = _mutual(one, two, worth, n)
        if not len(first):
            return _lowest(owner)
        sums[first] += sums[second]
        sizes[first] += sizes[second]
        called[first] = np.maximum(called[first], called[second])
        to = np.arange(n)
        to[second] = first
        owner = to[owner]
        changed = np.zeros(n, bool)
        changed[first] = True
        one, two, places = _distinct(to[one], to[two], n)
        worth = worth[places]
        anew = changed[one] | changed[two]
        worth[anew] = _worth(sums, sizes, one[anew], two[anew], limits)
        if len(blocked):
            a, b, _ = _distinct(to[blocked // n], to[blocked % n], n)
            blocked = a * n + b


def _mutual(one: Ints, two: Ints, worth: Doubles, n: int) -> tuple[Ints, Ints]:
    """Edges above their limit that are the best of both ends; no end in two of them."""
    live = worth >= 0
    one, two, worth = one[live], two[live], worth[live]
    best = np.full(n, -np.inf)
    np.maximum.at(best, one, worth)
    np.maximum.at(best, two, worth)
    mutual = (worth == best[one]) & (worth == best[two])
    one, two = one[mutual], two[mutual]
    # Equal ones: each end in one edge only; the edge with the highest lower end always stays.
    _, firsts = np.unique(one, return_index=True)
    one, two = one[firsts], two[firsts]
    _, firsts = np.unique(two, return_index=True)
    one, two = one[firsts], two[firsts]
    clear = ~np.isin(two, one)
    return one[clear], two[clear]


def _worth(sums: Floats, sizes: Doubles, one: Ints, two: Ints, limits: Limits) -> Doubles:
    """By how much the mean similarity of clusters is above their limit."""
    worth = np.empty(len(one), np.float64)
    step = max(1, _BLOCK // sums.shape[1])
    for start in range(0, len(one), step):
        a, b = one[start : start + step], two[start : start + step]
        products = np.einsum("ij,ij->i", sums[a], sums[b])
        mean = products / (sizes[a] * sizes[b])
        worth[start : start + step] = mean - limits.at(sizes[a], sizes[b])
    return worth


def _distinct(one: Ints, two: Ints, n: int) -> tuple[Ints, Ints, Ints]:
    """Pairs of different numbers, the lower first, each once; and their places."""
    low, high = np.minimum(one, two).astype(np.int64), np.maximum(one, two).astype(np.int64)
    different = np.flatnonzero(low != high)
    keys, places = np.unique(low[different] * n + high[different], return_index=True)
    return keys // n, keys % n, different[places]


def _sums(vectors: Floats, owner: Ints) -> Floats:
    sums = np.array(vectors, np.float32)
    moved = np.flatnonzero(owner != np.arange(len(owner)))
    for place in moved.tolist():
        sums[owner[place]] += sums[place]
    return sums


def _lowest(labels: Ints) -> Ints:
    """Of each the first place of its label."""
    _, firsts, inverse = np.unique(labels, return_index=True, return_inverse=True)
    lowest: Ints = firsts[inverse].astype(np.int64)
    return lowest
