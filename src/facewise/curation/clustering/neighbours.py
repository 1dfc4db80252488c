"""The nearest neighbours of many vectors: exactly, or by cells where they are too many.

By cells: the vectors are parted into about as many cells as the square root of their number
(spherical k-means on a sample), and each is compared with those of the cells nearest to it. Cell
by cell this is one product of two matrices, in memory that does not grow with the collection. Idea:
the inverted file of H. Jégou, M. Douze, C. Schmid, "Product quantization for nearest neighbor
search", 2011, without the quantization.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

NEIGHBOURS = 20
"""For each face; with 8 or 50 the clusters are the same to the third decimal (on LFW)."""

EXACT_UP_TO = 50_000
"""Vectors that are all compared with each other."""

_PROBES = 16
"""Cells that a vector is compared with. docs/results/curation.md says what is found."""

_SAMPLE = 64  # vectors a cell, from which centres are learnt
_ROUNDS = 6  # of k-means
_BLOCK = 1 << 26  # similarities at once, at most


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The neighbours of m vectors.

    Attributes:
        rows: which vectors they are of, int64 (m,).
        found: numbers of the neighbours, int64 (m, k), the nearest first; -1 for none.
        similarities: float32 (m, k); -inf for none.
    """

    rows: NDArray[np.int64]
    found: NDArray[np.int64]
    similarities: Floats

    def edges(self, least: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Both ends of every pair whose similarity is at least `least`."""
        strong = (self.similarities >= least) & (self.found >= 0)
        return np.repeat(self.rows, strong.sum(axis=1)), self.found[strong]


def neighbours(
    vectors: Floats,
    k: int = NEIGHBOURS,
    rows: NDArray[np.int64] | None = None,
    *,
    exact: bool | None = None,
    probes: int = _PROBES,
    report: Callable[[int], None] = lambda _: None,
) -> Neighbours:
    """Find the k nearest other vectors of each.

    Args:
        vectors: float32 (n, d), unit vectors; may be mapped from a file.
        k: at least 1.
        rows: numbers of the vectors whose neighbours are wanted; None: of all.
        exact: compare with all; by default where there are at most `EXACT_UP_TO`.
        probes: cells to look into, otherwise.
        report: called with the number of vectors that are done, exactly; by cells with a share of
            it as good as possible.
    """
    n = len(vectors)
    rows = np.arange(n) if rows is None else np.asarray(rows, np.int64)
    k = max(min(k, n - 1), 1)
    if exact is None:
        exact = n * len(rows) <= EXACT_UP_TO**2
    if n < 2 or not len(rows):
        shape = (len(rows), k)
        return Neighbours(rows, np.full(shape, -1), np.full(shape, -np.inf, np.float32))
    if exact:
        return _exact(vectors, k, rows, report)
    return _by_cells(vectors, k, rows, probes, report)


def _exact(
    vectors: Floats, k: int, rows: NDArray[np.int64], report: Callable[[int], None]
) -> Neighbours:
    import torch

    n = len(vectors)
    every = _tensor(vectors)
    found = np.empty((len(rows), k), np.int64)
    values = np.empty((len(rows), k), np.float32)
    step = max(1, min(1024, _BLOCK // n))
    for start in range(0, len(rows), step):
        part = torch.from_numpy(rows[start : start + step])
        table = every[part] @ every.T
        table[torch.arange(len(part)), part] = -torch.inf
        top = table.topk(k, dim=1)
        found[start : start + step] = top.indices.numpy()
        values[start : start + step] = top.values.numpy()
        report(start + len(part))
    return Neighbours(rows, found, values)


def _by_cells(
    vectors: Floats,
    k: int,
    rows: NDArray[np.int64],
    probes: int,
    report: Callable[[int], None],
) -> Neighbours:
    import torch

    n = len(vectors)
    centres = _centres(vectors, max(2, round(n**0.5)))
    probes = min(probes, len(centres))
    home = _nearest_centres(vectors, centres, np.arange(n), 1)[:, 0]
    looks = _nearest_centres(vectors, centres, rows, probes)
    members = _by_value(home, len(centres))
    askers = _by_value(looks.ravel(), len(centres))
    found = np.full((len(rows), k), -1, np.int32)
    values = np.full((len(rows), k), -np.inf, np.float32)
    for cell in range(len(centres)):
        inside, places = members(cell), askers(cell) // probes
        if not len(inside) or not len(places):
            continue
        faces = _tensor(vectors[inside])
        ids = torch.from_numpy(inside)
        step = max(1, _BLOCK // len(inside))
        for start in range(0, len(places), step):
            some = places[start : start + step]
            table = _tensor(vectors[rows[some]]) @ faces.T
            table[ids[None, :] == torch.from_numpy(rows[some])[:, None]] = -torch.inf
            top = table.topk(min(k, len(inside)), dim=1)
            both = torch.cat([torch.from_numpy(values[some]), top.values], 1)
            numbers = torch.cat([torch.from_numpy(found[some]), ids[top.indices].int()], 1)
            best = both.topk(k, dim=1)
            values[some] = best.values.numpy()
            found[some] = numbers.gather(1, best.indices).numpy()
        report(len(rows) * (cell + 1) // len(centres))
    found[~np.isfinite(values)] = -1
    return Neighbours(rows, found.astype(np.int64), values)


def _centres(vectors: Floats, count: int) -> torch.Tensor:
    """Unit centres of cells, (count, d): spherical k-means on a sample; always the same."""
    import torch

    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(len(vectors), min(len(vectors), _SAMPLE * count), replace=False))
    sample = _tensor(vectors[chosen])
    centres = sample[torch.from_numpy(rng.choice(len(sample), count, replace=False))].clone()
    for _ in range(_ROUNDS):
        sums = torch.zeros_like(centres)
        step = max(1, _BLOCK // count)
        for part in (sample[i : i + step] for i in range(0, len(sample), step)):
            sums.index_add_(0, (part @ centres.T).argmax(dim=1), part)
        length = sums.norm(dim=1, keepdim=True)
        centres = torch.where(length > 0, sums / length.clamp_min(1e-12), centres)
    return centres


def _nearest_centres(
    vectors: Floats, centres: torch.Tensor, rows: NDArray[np.int64], count: int
) -> NDArray[np.int32]:
    nearest = np.empty((len(rows), count), np.int32)
    step = max(1, _BLOCK // len(centres))
    for start in range(0, len(rows), step):
        table = _tensor(vectors[rows[start : start + step]]) @ centres.T
        nearest[start : start + step] = table.topk(count, dim=1).indices.numpy()
    return nearest


def _by_value(values: NDArray[np.int32], count: int) -> Callable[[int], NDArray[np.int64]]:
    """A function that gives the places of a value."""
    order = np.argsort(values, kind="stable")
    ends = np.searchsorted(values[order], np.arange(count + 1))
    return lambda value: order[ends[value] : ends[value + 1]]


def _tensor(values: Any) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.array(values, np.float32))
