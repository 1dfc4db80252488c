"""Joining along a graph: beside the plain way, and what it must not do."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.curation.clustering.joining import joined
from facewise.curation.clustering.limits import Limits
from invented_people import invented


def every_pair(n):
    return np.triu_indices(n, 1)


def plainly(vectors, limits, forbidden=frozenset()):
    """Always the two clusters whose mean similarity is highest above their limit."""
    clusters = [[i] for i in range(len(vectors))]
    table = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    while True:
        best = None
        for i, a in enumerate(clusters):
            for j in range(i):
                b = clusters[j]
                if any((x, y) in forbidden or (y, x) in forbidden for x in a for y in b):
                    continue
                worth = table[np.ix_(a, b)].mean() - limits.at(len(a), len(b))
                if worth >= 0 and (best is None or worth > best[0]):
                    best = (worth, i, j)
        if best is None:
            break
        _, i, j = best
        clusters[j] = clusters[j] + clusters.pop(i)
    labels = np.empty(len(vectors), np.int64)
    for members in clusters:
        labels[members] = min(members)
    return labels


@pytest.mark.parametrize("seed", range(12))
def test_rounds_give_what_always_the_best_two_give(seed):
    vectors, _ = invented(6, 5, d=16, cosine=0.8, seed=seed)
    limits = Limits(0.35, 0.35)
    found = joined(vectors, every_pair(30), limits)
    assert found.tolist() == plainly(vectors, limits).tolist()


def together(labels, pairs):
    return [(a, b) for a, b in pairs if labels[a] == labels[b]]


@pytest.mark.parametrize("seed", range(6))
def test_what_must_stay_apart_does_and_what_is_together_stays(seed):
    rng = np.random.default_rng(seed)
    vectors, _ = invented(5, 8, d=16, cosine=0.85, seed=seed)
    start = np.arange(40)
    start[[3, 17]] = start[[1, 9]]  # 1 and 3; 9 and 17, who are different people
    apart = rng.integers(0, 40, (60, 2))
    held = {(1, 3), (9, 17)}
    apart = np.array([p for p in apart.tolist() if p[0] != p[1] and tuple(sorted(p)) not in held])
    names = np.where(start == 9, 7, 0)
    names[0] = 8
    found = joined(vectors, every_pair(40), Limits(-1, -1), start=start, apart=apart, names=names)
    assert not together(found, apart.tolist())
    assert found[1] == found[3]
    assert found[9] == found[17] != found[0]


def test_limits_by_size_ask_more_of_single_faces():
    one = np.array([[1, 0, 0], [0.6, 0.8, 0]], np.float32)
    assert len(set(joined(one, every_pair(2), Limits(0.5, 0.7)).tolist())) == 2
    assert len(set(joined(one, every_pair(2), Limits(0.5, 0.6)).tolist())) == 1
    many = np.concatenate([np.repeat(one[:1], 9, axis=0), one[1:]])
    assert len(set(joined(many, every_pair(10), Limits(0.5, 0.7)).tolist())) == 1


def test_equal_vectors_come_together_whatever_their_number():
    vectors = np.repeat(np.eye(3, dtype=np.float32), 17, axis=0)
    found = joined(vectors, every_pair(51), Limits(0.9, 0.99))
    assert found.tolist() == np.repeat([0, 17, 34], 17).tolist()


def test_only_edges_are_compared_and_their_order_and_number_do_not_matter():
    vectors, _ = invented(4, 6, seed=3)
    one, two = every_pair(24)
    keep = (one // 6 == two // 6) & (one // 6 != 2)
    a, b = one[keep], two[keep]
    found = joined(vectors, (a, b), Limits(-1, -1))
    assert found.tolist() == [0] * 6 + [6] * 6 + list(range(12, 18)) + [18] * 6
    order = np.random.default_rng(0).permutation(len(a))
    twice = (np.concatenate([b[order], a]), np.concatenate([a[order], b]))
    assert joined(vectors, twice, Limits(-1, -1)).tolist() == found.tolist()


def test_nothing_is_changed_that_was_given():
    vectors, _ = invented(3, 4)
    kept, edges = vectors.copy(), every_pair(12)
    joined(vectors, edges, Limits(0.3, 0.4), start=np.arange(12), apart=np.array([[0, 1]]))
    assert (vectors == kept).all()


def test_no_edges_and_no_vectors():
    nothing = (np.empty(0, np.int64), np.empty(0, np.int64))
    assert joined(np.eye(3, dtype=np.float32), nothing, Limits(0, 0)).tolist() == [0, 1, 2]
    assert joined(np.empty((0, 3), np.float32), nothing, Limits(0, 0)).tolist() == []
