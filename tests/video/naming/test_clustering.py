"""Average linkage: against scipy's, and with pairs that stay apart."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.video.naming.clustering import clustered


def units(rng, n, d=8, centres=None):
    vectors = rng.normal(size=(n, d))
    if centres is not None:
        vectors = 0.4 * vectors + 3 * rng.normal(size=(centres, d))[rng.integers(0, centres, n)]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def groups(owners):
    return {frozenset(i for i, own in enumerate(owners) if own == one) for one in set(owners)}


def apart(n, pairs=()):
    foes = [set() for _ in range(n)]
    for i, j in pairs:
        foes[i].add(j)
    return foes


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("centres", [None, 4])
def test_without_foes_it_is_scipys_average_linkage(rng, threshold, centres):
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    for n in (2, 3, 17, 60):
        vectors = units(rng, n, centres=centres)
        table = 1 - vectors @ vectors.T
        tree = hierarchy.linkage(table[np.triu_indices(n, 1)], "average")
        expected = hierarchy.fcluster(tree, 1 - threshold, "distance")
        found = clustered(vectors, [1] * n, apart(n), threshold)
        assert groups(found) == groups(expected.tolist())


def plain(vectors, weights, foes, threshold, doubts):
    """The same, by the definition and without any haste."""
    similarity = vectors @ vectors.T - np.outer(doubts, doubts)
    clusters = [[i] for i in range(len(vectors))]
    while True:
        best, pair = threshold, None
        for a in range(len(clusters)):
            for b in range(a):
                one, other = clusters[a], clusters[b]
                if any(j in foes[i] or i in foes[j] for i in one for j in other):
                    continue
                parts = np.outer(weights[one], weights[other])
                mean = (similarity[np.ix_(one, other)] * parts).sum() / parts.sum()
                if mean >= best:
                    best, pair = mean, (b, a)
        if pair is None:
            return {frozenset(cluster) for cluster in clusters}
        clusters[pair[0]] += clusters.pop(pair[1])


def test_with_weights_foes_and_doubts_it_is_what_the_definition_says(rng):
    for _ in range(40):
        n = int(rng.integers(2, 25))
        vectors = units(rng, n, d=5, centres=3)
        weights = rng.uniform(0.2, 5, n)
        doubts = rng.uniform(0, 0.5, n)
        pairs = rng.integers(0, n, (int(rng.integers(0, 15)), 2))
        foes = apart(n, pairs[pairs[:, 0] != pairs[:, 1]].tolist())
        threshold = float(rng.uniform(-0.5, 0.9))
        found = groups(clustered(vectors, weights, foes, threshold, doubts))
        assert found == plain(vectors, weights, foes, threshold, doubts)
        for cluster in found:
            assert not any(foes[i] & cluster for i in cluster)


def test_the_number_of_a_cluster_is_that_of_its_first_member():
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], float)
    assert clustered(vectors, [1] * 4, apart(4), 0.5) == [0, 1, 0, 1]
    assert clustered(vectors, [1] * 4, apart(4, [(2, 0), (1, 1)]), 0.5) == [0, 1, 2, 1]


def test_nothing_is_nothing():
    assert clustered(np.empty((0, 3)), [], [], 0.5) == []


def test_thousands_take_little_memory_and_time(rng):
    import time

    centres = units(rng, 300, d=64)
    who = rng.integers(0, 300, 3000)
    vectors = centres[who] + rng.normal(size=(3000, 64)) * 0.03
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    begin = time.process_time()
    found = clustered(vectors, [1] * 3000, apart(3000), 0.7)
    assert groups(found) == groups(who.tolist())
    assert time.process_time() - begin < 30
