from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from facewise.evaluation.metrics import tar_at_far, tar_interval, wilson_interval


def pairs(seed: int, genuine: int = 300, impostor: int = 3000):
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(0.5, 0.15, genuine), rng.normal(0, 0.15, impostor)])
    return values, np.arange(len(values)) < genuine


def plain_bootstrap(values, same, far, replicates=2000):
    """By drawing the pairs themselves."""
    rng = np.random.default_rng(0)
    genuine, impostor = values[same], values[~same]
    rates = []
    for _ in range(replicates):
        drawn = np.concatenate(
            [rng.choice(genuine, len(genuine)), rng.choice(impostor, len(impostor))]
        )
        rates.append(tar_at_far(drawn, same, far))
    return np.quantile(rates, [0.025, 0.975])


@pytest.mark.parametrize("far", [1e-2, 1e-3])
def test_equals_drawing_the_pairs(far):
    values, same = pairs(1)
    values[[5, 400]] = np.nan
    interval = tar_interval(values, same, far)
    np.testing.assert_allclose(interval, plain_bootstrap(values, same, far), atol=0.015)
    assert interval.low < tar_at_far(values, same, far) < interval.high


def test_covers_the_true_rate():
    # Of normal distributions the rate is known: impostors above 0.15 * 2.326 are 1 %.
    limit = NormalDist(0, 0.15).inv_cdf(0.99)
    true = 1 - NormalDist(0.5, 0.15).cdf(limit)
    covered = 0
    for seed in range(100):
        low, high = tar_interval(*pairs(seed), 1e-2, replicates=1000)
        covered += low <= true <= high
    assert 88 <= covered <= 100


def test_two_runs_are_equal():
    assert tar_interval(*pairs(3), 1e-2) == tar_interval(*pairs(3), 1e-2)


def test_too_few_impostors():
    values, same = pairs(0, 50, 299)
    assert tar_interval(values, same, 1e-2) is None
    values, same = pairs(0, 50, 300)
    assert tar_interval(values, same, 1e-2) is not None


@pytest.mark.parametrize(
    # Published values: Newcombe 1998, table I (method 3: score).
    ("errors", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_against_published_values(errors, trials, low, high):
    assert wilson_interval(errors, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_refuses():
    with pytest.raises(ValueError, match="expected 0 to 3"):
        wilson_interval(4, 3)
    with pytest.raises(ValueError, match="at least one trial"):
        wilson_interval(0, 0)
