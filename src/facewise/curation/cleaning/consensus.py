"""Of each folder the faces that agree on who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facewise.curation.cleaning.agglomerative import clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_ROUNDS = 10
_MOST = 2000  # faces among which clusters are looked for; the others are compared with the result
_EQUAL = 0.8
"""Part of the person's weight from which on another cluster's is as large."""

_LEAST = 2  # faces that make a second person


class Consensus(NamedTuple):
    """What a folder's faces agree on.

    Attributes:
        core: which faces are of the person, bool (n,).
        similarity: of each face to the mean of the others in the core, (n,); NaN where there is no
            other.
        second: the faces of a second person of equal share, bool (n,); all False where there is
            none.
    """

    core: NDArray[np.bool_]
    similarity: Floats
    second: NDArray[np.bool_]


def consensus(vectors: Floats, weights: Floats, threshold: float, seed: int = 0) -> Consensus:
    """The person of a folder: the heaviest cluster, and whoever resembles its mean.

    Args:
        vectors: unit vectors (n, d).
        weights: of each face in (0, 1]; near-duplicates share one.
        threshold: similarity that few strangers reach.
        seed: which faces of a very large folder are looked at first.
    """
    n = len(vectors)
    some = np.arange(n)
    if n > _MOST:
        some = np.sort(np.random.default_rng(seed).choice(n, _MOST, replace=False))
    labels = clusters(vectors[some], distance_threshold=1 - threshold)
    heavy = np.bincount(labels, weights=weights[some]) if n else np.zeros(1)
    core = np.zeros(n, bool)
    core[some] = labels == int(heavy.argmax())
    second = np.zeros(n, bool)
    if len(heavy) > 1:
        second[some] = labels == int(np.argsort(-heavy, kind="stable")[1])
    for _ in range(_ROUNDS):
        similarity = to_the_others(vectors, weights, core)
        new = (similarity >= threshold) | (core & np.isnan(similarity))
        if not new.any() or (new == core).all():
            break
        core = new
    similarity = to_the_others(vectors, weights, core)
    second &= ~core
    if weights[second].sum() < max(_EQUAL * weights[core].sum(), _LEAST - 1e-9):
        second[:] = False
    return Consensus(core, similarity, second)


def to_the_others(vectors: Floats, weights: Floats, core: NDArray[np.bool_]) -> Floats:
    """The cosine of each face with the weighted mean of a core's other faces; NaN without any."""
    heavy = np.where(core, weights, 0.0)[:, None] * vectors
    means = heavy.sum(axis=0) - heavy
    lengths = np.linalg.norm(means, axis=1)
    others = core.sum() - core
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (means * vectors).sum(axis=1) / lengths
    return np.asarray(np.where((others > 0) & (lengths > 1e-9), found, np.nan))
