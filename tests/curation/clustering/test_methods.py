"""All methods find invented people, and obey."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from facewise.curation.clustering import methods
from facewise.curation.clustering.limits import Limits
from facewise.curation.clustering.methods import Method, clustered
from facewise.evaluation.metrics.clustering import bcubed
from invented_people import invented

LIMITS = Limits(0.4, 0.55)
METHODS = get_args(Method)


@pytest.mark.parametrize("method", METHODS)
def test_people_are_found_and_strangers_stay_out(method):
    vectors, whose = invented(40, 6, d=128, cosine=0.87, seed=1)
    strangers, _ = invented(60, 1, d=128, seed=2)
    labels = clustered(np.concatenate([vectors, strangers]), LIMITS, method)
    assert bcubed(labels[:240], whose).f > 0.99
    assert len(set(labels[240:].tolist())) >= 58
    assert not set(labels[240:].tolist()) & set(labels[:240].tolist())
    firsts = [int(np.flatnonzero(labels == label)[0]) for label in set(labels.tolist())]
    assert set(firsts) == set(labels.tolist())  # a label is its first member


@pytest.mark.parametrize("method", METHODS)
def test_constraints_hold(method):
    vectors, whose = invented(10, 6, d=128, cosine=0.87, seed=5)
    start = np.arange(60)
    start[12] = 0  # of another person, put together by somebody
    apart = np.array([[1, 2], [7, 8], [7, 9]])
    names = np.zeros(60, np.int64)
    names[18], names[19] = 1, 2
    labels = clustered(vectors, LIMITS, method, start=start, apart=apart, names=names)
    assert labels[12] == labels[0]
    assert all(labels[a] != labels[b] for a, b in [*apart.tolist(), (18, 19)])
    assert bcubed(labels[24:], whose[24:]).f > 0.99


def test_ten_batches_give_what_one_gives():
    vectors, whose = invented(60, 8, d=128, cosine=0.8, seed=7)
    order = np.random.default_rng(0).permutation(len(vectors))
    labels = np.empty(0, np.int64)
    for part in np.array_split(np.arange(len(vectors)), 10):
        start = np.concatenate([labels, part])
        labels = clustered(vectors[order[: len(start)]], LIMITS, start=start, new=part)
    whole = clustered(vectors, LIMITS)
    assert abs(bcubed(labels, whose[order]).f - bcubed(whole, whose).f) < 0.01
    assert bcubed(whole, whose).f > 0.98


def test_hdbscan_and_all_pairs_are_not_for_millions(monkeypatch):
    monkeypatch.setitem(methods.MOST, "agglomerative", 10)
    with pytest.raises(ValueError, match=r"agglomerative: is for 10 faces .* take graph"):
        clustered(invented(3, 4)[0], LIMITS, "agglomerative")
    with pytest.raises(ValueError, match="expected one of"):
        clustered(invented(3, 4)[0], LIMITS, "magic")


def test_nothing_and_one():
    for method in METHODS:
        assert clustered(np.empty((0, 8), np.float32), LIMITS, method).tolist() == []
        assert clustered(np.eye(8, dtype=np.float32)[:1], LIMITS, method).tolist() == [0]
