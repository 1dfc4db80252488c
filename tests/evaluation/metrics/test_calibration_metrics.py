from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as theirs
from sklearn.calibration import calibration_curve

from facewise.evaluation.metrics.calibration import (
    brier,
    expected_calibration_error,
    log_loss,
    reliability,
)

# Worked by hand.
STATED = np.array([0.9, 0.8, 0.8, 0.3, 0.1])
SAME = np.array([True, True, False, False, False])


def random_pairs(seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    stated = rng.beta(0.5, 0.5, 500).clip(1e-6, 1 - 1e-6)
    return stated, rng.random(500) < stated**1.5, rng.random(500)


def test_by_hand() -> None:
    expected = -(2 * math.log(0.9) + math.log(0.8) + math.log(0.2) + math.log(0.7)) / 5
    assert log_loss(STATED, SAME) == pytest.approx(expected, abs=1e-15)
    assert brier(STATED, SAME) == pytest.approx((0.01 + 0.04 + 0.64 + 0.09 + 0.01) / 5)
    # Two bins: 0.1 and 0.3 hold none, the rest 2 of 3 at a mean of 2.5 / 3.
    assert expected_calibration_error(STATED, SAME, bins=2) == pytest.approx(
        2 / 5 * 0.2 + 3 / 5 * (2.5 / 3 - 2 / 3)
    )


def test_bins_hold_their_upper_edge() -> None:
    found = reliability(np.array([0, 0.5, 0.5001, 1]), np.array([False, True, True, True]), bins=2)
    assert found.pairs.tolist() == [2, 2]
    assert found.share.tolist() == [0.5, 0.5]
    assert found.probability.tolist() == [0.25, pytest.approx(0.75005)]
    assert found.genuine.tolist() == [0.5, 1]
    assert found.edges.tolist() == [0, 0.5, 1]


def test_empty_bins_have_no_mean_and_no_error() -> None:
    found = reliability(STATED, SAME)
    assert found.pairs.tolist() == [1, 0, 1, 0, 0, 0, 0, 2, 1, 0]
    assert np.isnan(found.probability).tolist() == (found.pairs == 0).tolist()
    assert expected_calibration_error(np.array([0.25, 0.75]), np.array([False, True])) == 0.25


def test_weights_count_pairs_so_many_times() -> None:
    stated, same, _ = random_pairs(0)
    times = np.arange(500) % 4
    again = np.repeat(stated, times), np.repeat(same, times)
    for figure in (log_loss, brier, expected_calibration_error):
        weighted = figure(stated, same, weights=times.astype(float))
        assert weighted == pytest.approx(figure(*again), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed: int) -> None:
    stated, same, weights = random_pairs(seed)
    assert log_loss(stated, same) == pytest.approx(theirs.log_loss(same, stated), rel=1e-12)
    assert brier(stated, same) == pytest.approx(theirs.brier_score_loss(same, stated), rel=1e-12)
    assert log_loss(stated, same, weights) == pytest.approx(
        theirs.log_loss(same, stated, sample_weight=weights), rel=1e-12
    )
    assert brier(stated, same, weights) == pytest.approx(
        theirs.brier_score_loss(same, stated, sample_weight=weights), rel=1e-12
    )
    genuine, probability = calibration_curve(same, stated, n_bins=10)
    found = reliability(stated, same)
    np.testing.assert_allclose(found.genuine, genuine, rtol=1e-12)
    np.testing.assert_allclose(found.probability, probability, rtol=1e-12)
    counts = np.bincount(np.ceil(stated * 10).astype(int) - 1)
    expected = np.sum(counts / 500 * np.abs(genuine - probability))
    assert expected_calibration_error(stated, same) == pytest.approx(expected, rel=1e-12)


def test_what_was_called_impossible() -> None:
    assert log_loss(np.array([0.0, 0.5]), np.array([True, False])) == math.inf
    assert log_loss(np.array([0.0, 1.0]), np.array([False, True])) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((STATED[:4], SAME), "expected arrays of one length"),
        ((STATED, SAME, np.ones(4)), "expected arrays of one length"),
        ((STATED, SAME.astype(int)), "same: expected booleans"),
        ((STATED * 2, SAME), "probability: expected values from 0 to 1"),
        ((STATED * np.nan, SAME), "probability: expected values from 0 to 1"),
        ((STATED, SAME, -np.ones(5)), "weights: expected values of at least 0"),
        ((STATED, SAME, np.zeros(5)), "weights: expected values of at least 0"),
        ((STATED[:0], SAME[:0]), "weights: expected values of at least 0"),
    ],
)
def test_arrays_that_do_not_fit(arguments: tuple[NDArray[np.float64], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        log_loss(*arguments)  # type: ignore[arg-type]


def test_bins_there_must_be() -> None:
    with pytest.raises(ValueError, match="bins: expected at least 1, got 0"):
        reliability(STATED, SAME, 0)
