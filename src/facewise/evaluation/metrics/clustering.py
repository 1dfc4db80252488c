"""How well clusters are people: pairwise and BCubed precision, recall and F.

Source: E. Amigó, J. Gonzalo, J. Artiles, F. Verdejo, "A comparison of extrinsic clustering
evaluation metrics based on formal constraints", Information Retrieval 12 (2009), for BCubed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far clusters agree with people; all in [0, 1].

    Attributes:
        precision: of what is together, the share that belongs together.
        recall: of what belongs together, the share that is together.
    """

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """The harmonic mean of precision and recall; 0 where both are."""
        total = self.precision + self.recall
        return 0.0 if total == 0 else 2 * self.precision * self.recall / total


def pairwise(clusters: ArrayLike, people: ArrayLike) -> Agreement:
    """Over all pairs of faces; large clusters count by the square of their size.

    Where no two faces are together (or belong together), there is nothing wrong (or missing): 1.

    Args:
        clusters: of each face a label, (n,).
        people: of each face who it truly is, (n,).

    Raises:
        ValueError: the shapes differ, or there are no faces.

    Example:
        >>> from facewise.evaluation.metrics.clustering import pairwise
        >>> found = pairwise([1, 1, 1, 2], ["ann", "ann", "bob", "bob"])
        >>> found.precision, found.recall
        (0.3333333333333333, 0.5)
    """
    both, of_cluster, of_person, _ = _counts(clusters, people)
    together, same = _pairs(of_cluster), _pairs(of_person)
    right = _pairs(both)
    return Agreement(right / together if together else 1.0, right / same if same else 1.0)


def bcubed(clusters: ArrayLike, people: ArrayLike) -> Agreement:
    """Over faces: of each its own precision and recall, then the mean; every face counts the same.

    Args:
        clusters: of each face a label, (n,).
        people: of each face who it truly is, (n,).

    Raises:
        ValueError: the shapes differ, or there are no faces.

    Example:
        >>> from facewise.evaluation.metrics.clustering import bcubed
        >>> found = bcubed([1, 1, 1, 2], ["ann", "ann", "bob", "bob"])
        >>> round(found.precision, 4), found.recall
        (0.6667, 0.75)
    """
    both, of_cluster, of_person, (cluster, person) = _counts(clusters, people)
    n = both.sum()
    precision = (both * both / of_cluster[cluster]).sum() / n
    recall = (both * both / of_person[person]).sum() / n
    return Agreement(float(precision), float(recall))


def _counts(
    clusters: ArrayLike, people: ArrayLike
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    tuple[NDArray[np.int64], NDArray[np.int64]],
]:
    """Faces of each pair of cluster and person, of each cluster, of each person; and the pairs."""
    clusters, people = np.asarray(clusters), np.asarray(people)
    if clusters.shape != people.shape or clusters.ndim != 1 or not len(clusters):
        raise ValueError(
            f"expected a cluster and a person for each face, got {clusters.shape}, {people.shape}"
        )
    cluster = np.unique(clusters, return_inverse=True)[1].astype(np.int64)
    person = np.unique(people, return_inverse=True)[1].astype(np.int64)
    width = int(person.max()) + 1
    cells, both = np.unique(cluster * width + person, return_counts=True)
    return (
        both.astype(np.float64),
        np.bincount(cluster).astype(np.float64),
        np.bincount(person).astype(np.float64),
        (cells // width, cells % width),
    )


def _pairs(counts: NDArray[np.float64]) -> float:
    return float((counts * (counts - 1) / 2).sum())
