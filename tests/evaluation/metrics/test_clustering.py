"""Pairwise and BCubed figures: by hand, and beside their definitions, written out."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from facewise.evaluation.metrics.clustering import Agreement, bcubed, pairwise


def by_definition(clusters, people):
    """Pairwise and BCubed (precision, recall), by looking at every pair of faces."""
    n = range(len(people))
    together = {(i, j) for i, j in combinations(n, 2) if clusters[i] == clusters[j]}
    same = {(i, j) for i, j in combinations(n, 2) if people[i] == people[j]}
    pairs = (
        len(together & same) / len(together) if together else 1.0,
        len(together & same) / len(same) if same else 1.0,
    )
    mine = [[j for j in n if clusters[i] == clusters[j]] for i in n]
    true = [[j for j in n if people[i] == people[j]] for i in n]
    both = [len(set(a) & set(b)) for a, b in zip(mine, true, strict=True)]
    faces = (
        np.mean([b / len(a) for a, b in zip(mine, both, strict=True)]),
        np.mean([b / len(a) for a, b in zip(true, both, strict=True)]),
    )
    return pairs, faces


@pytest.mark.parametrize("seed", range(20))
def test_they_are_what_their_definitions_say(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    clusters, people = rng.integers(0, 1 + n // 3, n), rng.integers(0, 1 + n // 4, n)
    pairs, faces = by_definition(clusters.tolist(), people.tolist())
    found = pairwise(clusters, people)
    assert (found.precision, found.recall) == pytest.approx(pairs)
    found = bcubed(clusters, people)
    assert (found.precision, found.recall) == pytest.approx(faces)


def test_by_hand():
    """Amigó et al.: five and five together with one astray; here in small."""
    people = ["a", "a", "a", "b", "b", "c"]
    clusters = [1, 1, 2, 2, 2, 3]
    # Pairs together: 1 + 3, right: 1 + 1; pairs of a person: 3 + 1.
    assert pairwise(clusters, people) == Agreement(2 / 4, 2 / 4)
    found = bcubed(clusters, people)
    assert found.precision == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3 + 1) / 6)
    assert found.recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1 + 1) / 6)
    assert found.f == pytest.approx(
        2 * found.precision * found.recall / (found.precision + found.recall)
    )


def test_the_extremes():
    people = np.repeat(np.arange(5), 4)
    assert pairwise(people, people) == bcubed(people, people) == Agreement(1.0, 1.0)
    assert pairwise(np.arange(20), people) == Agreement(1.0, 0.0)
    assert bcubed(np.arange(20), people) == Agreement(1.0, 0.25)
    assert bcubed(np.zeros(20), people) == Agreement(pytest.approx(0.2), 1.0)
    assert Agreement(0.0, 0.0).f == 0


def test_labels_of_any_kind_and_names_do_not_matter():
    people = ["x", "y", "x", "z"]
    assert bcubed(["q", "q", "r", "s"], people) == bcubed([5, 5, -1, 0], people)


@pytest.mark.parametrize("labels", [([1, 2], ["a"]), ([], []), ([[1]], [["a"]])])
def test_shapes_that_do_not_fit_are_refused(labels):
    for metric in (pairwise, bcubed):
        with pytest.raises(ValueError, match="a cluster and a person for each face"):
            metric(*labels)
