from __future__ import annotations

import sys
from math import comb

import numpy as np
import pytest

from facewise.errors import ExtraMissingError
from facewise.evaluation.metrics import holm, homogeneity, mcnemar

pytest.importorskip("scipy")


def test_mcnemar_by_hand():
    a = np.array([True] * 50 + [True] * 9 + [False] * 2 + [False] * 5)
    b = np.array([True] * 50 + [False] * 9 + [True] * 2 + [False] * 5)
    result = mcnemar(a, b)
    assert (result.both, result.only_a, result.only_b, result.neither) == (50, 9, 2, 5)
    # 11 pairs on which they differ: at most 2 or at least 9 of 11 fair throws.
    assert result.p_value == pytest.approx(2 * sum(comb(11, k) for k in range(3)) / 2**11)
    assert mcnemar(b, a).p_value == result.p_value


def test_mcnemar_of_equals():
    right = np.array([True, False, True])
    assert mcnemar(right, right).p_value == 1
    with pytest.raises(ValueError, match="two boolean arrays"):
        mcnemar(right, right[:2])
    with pytest.raises(ValueError, match="two boolean arrays"):
        mcnemar(right.astype(int), right.astype(int))


def test_homogeneity_by_hand():
    # Fisher's tea: 3 of 4 and 1 of 4; both tails of the hypergeometric distribution, 34 / 70.
    assert homogeneity([3, 1], [4, 4]) == pytest.approx(34 / 70)
    # Few are expected: one error of 2,010 trials is in a group of ten once in 201 times.
    assert homogeneity([1, 0, 0], [10, 1000, 1000]) == pytest.approx(1 / 201, rel=0.2)
    # Three groups: expected 20 each of 100, chi² = (100 + 0 + 100) / 20 * 100 / 80 = 12.5, 2 dof.
    assert homogeneity([10, 20, 30], [100, 100, 100]) == pytest.approx(np.exp(-12.5 / 2))


def test_equal_rates_of_few_errors_are_rarely_called_different():
    rng = np.random.default_rng(0)
    sizes = np.array([20, 20, 20, 5000])
    called = sum(homogeneity(rng.binomial(sizes, 1e-3), sizes) < 0.025 for _ in range(200))
    assert called <= 12  # 5 are expected of 200; the chi-squared distribution alone gives some 11


def test_homogeneity_of_nothing():
    assert homogeneity([0, 0], [10, 10]) == 1
    assert homogeneity([3, 0], [10, 0]) == 1
    assert homogeneity([], []) == 1
    with pytest.raises(ValueError, match="as many as trials"):
        homogeneity([3], [2])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]).tolist() == pytest.approx([1, 1])
    assert holm([]).tolist() == []


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ExtraMissingError, match=r"facewise\[evaluate\]"):
        mcnemar(np.array([True]), np.array([False]))
