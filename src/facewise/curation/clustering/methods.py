"""The ways to cluster faces, behind one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from facewise.curation.clustering.joining import joined
from facewise.curation.clustering.limits import Limits
from facewise.curation.clustering.neighbours import NEIGHBOURS, neighbours
from facewise.curation.clustering.whispers import whispered
from facewise.curation.extra import needed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float32]

Method = Literal["graph", "whispers", "agglomerative", "hdbscan"]
"""`graph`: average linkage along a graph of neighbours, with limits by size, for any number of
faces. `whispers`: Chinese whispers on the same graph. `agglomerative` (average linkage over all
pairs) and `hdbscan`: by scikit-learn, whose memory or time grows with the square."""

DEFAULT_METHOD: Method = "graph"

MOST: dict[Method, int] = {"agglomerative": 20_000, "hdbscan": 100_000}
"""Faces from which on a method is refused: all pairs of 20,000 take 9 GB."""

_ANYHOW = Limits(-1.0, -1.0)


def clustered(
    vectors: Floats,
    limits: Limits,
    method: Method = DEFAULT_METHOD,
    *,
    start: Ints | None = None,
    apart: Ints | None = None,
    names: Ints | None = None,
    new: Ints | None = None,
) -> Ints:
    """Cluster faces.

    Args:
        vectors: float32 (n, d), unit vectors.
        limits: how alike clusters must be; methods without sizes take `large`, and those that
            decide by single pairs take `pair`.
        method: see `Method`.
        start: of each the number of a face of the cluster it is in already, (n,); those stay
            together.
        apart: pairs, (p, 2), that must not be together.
        names: of each a number, (n,), 0 for none; two different ones must not be together either.
        new: numbers of the faces whose neighbours are looked for; None: of all. Others are compared
            by their neighbours alone.

    Returns:
        Of each face the lowest number of its cluster, int64 (n,).

    Raises:
        ExtraMissingError: `agglomerative` and `hdbscan` need the extra `curate`.
        ValueError: an unknown method, or one that is not for so many faces.
    """
    if method not in get_args(Method):
        raise ValueError(f"method: expected one of {get_args(Method)}, got {method!r}")
    n = len(vectors)
    if n > MOST.get(method, n):
        raise ValueError(f"method {method}: is for {MOST[method]:,} faces at most, not {n:,}; "
                         "take graph")  # fmt: skip
    if n < 2:
        return np.arange(n)
    if method == "agglomerative":
        return _obeying(vectors, _agglomerative(vectors, limits, apart), start, apart, names)
    found = neighbours(vectors, NEIGHBOURS, new)
    if method == "hdbscan":
        labels, (one, two) = _hdbscan(vectors), found.edges(limits.large)
        same = labels[one] == labels[two]
        return joined(
            vectors, (one[same], two[same]), limits, start=start, apart=apart, names=names
        )
    if method == "whispers":
        edges = found.edges(limits.pair)
        weights = found.similarities[found.similarities >= limits.pair]
        labels = whispered(n, edges, weights - limits.pair + 1e-3)
        return _obeying(vectors, labels, start, apart, names)
    return joined(vectors, found.edges(limits.large), limits, start=start, apart=apart, names=names)


def _agglomerative(vectors: Floats, limits: Limits, apart: Ints | None) -> Ints:
    """Average linkage; pairs that must not come together are as far apart as can be."""
    distances = 1 - vectors @ vectors.T
    np.maximum(distances, 0, out=distances)
    np.fill_diagonal(distances, 0)
    if apart is not None and len(apart):
        distances[apart[:, 0], apart[:, 1]] = distances[apart[:, 1], apart[:, 0]] = 4 * len(vectors)
    model = needed("sklearn.cluster", "agglomerative clustering").AgglomerativeClustering(
        n_clusters=None,
        metric="precomputed",
        linkage="average",
        distance_threshold=1 - limits.large,
    )
    labels: Ints = model.fit_predict(distances)
    return labels


def _hdbscan(vectors: Floats) -> Ints:
    """HDBSCAN on chords of the unit sphere; what is noise to it is alone.

    It has no limit: two strangers are a cluster if nobody else is near. So the caller joins, within
    its clusters, only what is alike. (scikit-learn's `cluster_selection_epsilon` fails with NumPy
    2.4.)
    """
    model = needed("sklearn.cluster", "HDBSCAN").HDBSCAN(
        min_cluster_size=2, min_samples=1, copy=True
    )
    labels: Ints = np.array(model.fit_predict(vectors), np.int64)
    noise = labels < 0
    labels[noise] = labels.max() + 1 + np.arange(noise.sum())
    return labels


def _obeying(
    vectors: Floats,
    labels: Ints,
    start: Ints | None,
    apart: Ints | None,
    names: Ints | None,
) -> Ints:
    """What a method without constraints put together, as far as they allow."""
    order = np.argsort(labels, kind="stable")
    same = labels[order][1:] == labels[order][:-1]
    firsts = np.unique(labels, return_index=True, return_inverse=True)
    star = firsts[1][firsts[2]]
    one = np.concatenate([order[:-1][same], np.arange(len(labels))])
    two = np.concatenate([order[1:][same], star])
    return joined(vectors, (one, two), _ANYHOW, start=start, apart=apart, names=names)
