"""Clusters within a folder; and the predecessor's way to clean, which keeps the largest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from facewise.curation.extra import needed

if TYPE_CHECKING:
    from numpy.typing import NDArray

Affinity = Literal["cosine", "euclidean"]
Linkage = Literal["average", "complete", "single", "ward"]

AFFINITY: Affinity = "cosine"
LINKAGE: Linkage = "average"
DISTANCE_THRESHOLD = 0.7
"""The defaults of egcode/facerec's `dataset_cleanup/cluster_clean_dataset.py`."""


def clusters(
    vectors: NDArray[np.floating],
    *,
    affinity: Affinity = AFFINITY,
    linkage: Linkage = LINKAGE,
    distance_threshold: float = DISTANCE_THRESHOLD,
) -> NDArray[np.intp]:
    """Agglomerative clustering: the nearest two are joined until none are nearer than a distance.

    Args:
        vectors: (n, d).
        affinity: `cosine` is 1 less the cosine similarity.
        linkage: the distance of two clusters is that of their pairs in the mean, of the farthest or
            of the nearest pair; or `ward`, by variance, with `euclidean` only.
        distance_threshold: clusters this far apart or farther are not joined.

    Returns:
        The number of each one's cluster, (n,), from 0.

    Raises:
        ValueError: unknown words, or `ward` with `cosine`.
        ExtraMissingError: scipy is not there.
    """
    if affinity not in get_args(Affinity) or linkage not in get_args(Linkage):
        raise ValueError(
            f"affinity, linkage: expected one of {get_args(Affinity)} and one of "
            f"{get_args(Linkage)}, got {affinity!r} and {linkage!r}"
        )
    if linkage == "ward" and affinity != "euclidean":
        raise ValueError("linkage 'ward': goes with the affinity 'euclidean' only")
    if len(vectors) < 2:
        return np.zeros(len(vectors), np.intp)
    hierarchy = needed("scipy.cluster.hierarchy", "clusters within folders")
    # scipy joins up to and including the distance, the predecessor (scikit-learn) below it.
    limit = np.nextafter(distance_threshold, -np.inf)
    tree = hierarchy.linkage(np.asarray(vectors, np.float64), method=linkage, metric=affinity)
    labels = hierarchy.fcluster(tree, limit, criterion="distance")
    return np.asarray(labels - 1, np.intp)


def outside_the_largest(
    vectors: NDArray[np.floating],
    folders: NDArray[np.intp],
    *,
    affinity: Affinity = AFFINITY,
    linkage: Linkage = LINKAGE,
    distance_threshold: float = DISTANCE_THRESHOLD,
) -> NDArray[np.bool_]:
    """The predecessor's clean-up: of each folder whatever is not in its largest cluster.

    Args:
        vectors: (n, d).
        folders: the number of each one's folder, (n,).
        affinity: see `clusters`.
        linkage: see `clusters`.
        distance_threshold: see `clusters`.

    Returns:
        True for what has to go, (n,). Of clusters of equal size the one with the first face stays.
    """
    gone = np.zeros(len(folders), bool)
    for own in members(folders):
        labels = clusters(
            vectors[own],
            affinity=affinity,
            linkage=linkage,
            distance_threshold=distance_threshold,
        )
        sizes = np.bincount(labels)
        best = next(label for label in labels if sizes[label] == sizes.max())
        gone[own] = labels != best
    return gone


def members(folders: NDArray[np.intp]) -> Sequence[NDArray[np.intp]]:
    """The places of each folder's faces, in the order of the folders' numbers."""
    if not len(folders):
        return []
    order = np.argsort(folders, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(folders[order])) + 1)
