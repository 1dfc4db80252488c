from __future__ import annotations

import math

import numpy as np
import pytest

from facewise.evaluation import scores
from facewise.evaluation.scores import pair_similarity

NAN = math.nan


def test_is_the_cosine_of_each_pair() -> None:
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1], [NAN, NAN]], np.float32)
    similarity = pair_similarity(vectors, np.array([[0, 1], [2, 3]]))
    assert similarity.dtype == np.float64
    assert similarity[0] == pytest.approx(0.6, abs=1e-7)
    assert np.isnan(similarity[1])


@pytest.mark.parametrize("dense", [False, True])
def test_in_parts_as_in_one(monkeypatch: pytest.MonkeyPatch, dense: bool) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 16)).astype(np.float32)
    vectors[7] = NAN
    pairs = rng.integers(0, 50, (1000, 2))
    exact = np.array([math.fsum(vectors[a].astype(float) * vectors[b]) for a, b in pairs])
    monkeypatch.setattr(scores, "_TILE", 16)
    monkeypatch.setattr(scores, "_SINGLE", 7)
    monkeypatch.setattr(scores, "_WORTH_A_PRODUCT", 1 if dense else 1000)
    np.testing.assert_allclose(pair_similarity(vectors, pairs), exact, atol=1e-12)
    assert np.isnan(exact).sum() == np.count_nonzero((pairs == 7).any(axis=1))


def test_no_pairs() -> None:
    assert pair_similarity(np.eye(3, dtype=np.float32), np.empty((0, 2), np.intp)).shape == (0,)
