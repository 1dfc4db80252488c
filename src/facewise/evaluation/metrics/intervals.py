"""How sure a rate is: intervals of the figures in `facewise.evaluation.metrics.verification`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facewise.evaluation.metrics.verification import checked, false_accepts, measurable

if TYPE_CHECKING:
    from facewise.evaluation.metrics.verification import Bools, Floats

CONFIDENCE = 0.95
_Z = 1.959963984540054  # the normal distribution's quantile of 0.975
_REPLICATES = 10_000
_SEED = 20071  # any: equal figures every time


class Interval(NamedTuple):
    """Two bounds that a rate lies between with 95 % confidence."""

    low: float
    high: float


def tar_interval(
    similarity: Floats, same: Bools, far: float, *, replicates: int = _REPLICATES
) -> Interval | None:
    """Bootstrap interval of `tar_at_far` (percentile method, Efron and Tibshirani 1993).

    Each replicate draws genuine and impostor pairs anew, with replacement and each as many as there
    are, and finds its own threshold; so the interval holds the uncertainty of both. It is drawn
    without drawing the pairs: of n numbers drawn from n, the k-th smallest is at the place
    floor(n * u), u being Beta(k, n - k + 1) distributed, and of the genuine pairs a binomial number
    passes. Pairs count as independent; where many of them show few people, the truth is wider.

    Args:
        similarity: see `facewise.evaluation.metrics.verification`.
        same: likewise.
        far: a rate in (0, 1).
        replicates: how many.

    Returns:
        Bounds in [0, 1], or None where the rate cannot be measured (`measurable`).

    Raises:
        ValueError: as `roc`, or `far` is outside (0, 1).
    """
    values, same = checked(similarity, same)
    values = np.where(np.isnan(values), -np.inf, values)
    genuine, impostors = np.sort(values[same]), values[~same]
    number = len(impostors)
    if not measurable(far, number):
        return None
    generator = np.random.default_rng(_SEED)
    # The most alike impostor pair that must not be accepted is the (allowed + 1)-th.
    rank = min(false_accepts(far, number) + 1, number)
    place = (number * generator.beta(rank, number - rank + 1, replicates)).astype(np.intp)
    place = np.minimum(place, number - 1)
    deepest = number - 1 - int(place.max())  # only what lies above is looked at
    highest = np.sort(np.partition(impostors, deepest)[deepest:])[::-1]
    limits = highest[place]
    passing = 1 - np.searchsorted(genuine, limits, side="right") / len(genuine)
    rates = generator.binomial(len(genuine), passing) / len(genuine)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(rates, [tail, 1 - tail])
    return Interval(float(low), float(high))


def wilson_interval(errors: int, trials: int) -> Interval:
    """Interval of a share of independent trials (Wilson 1927), sensible for few errors and none.

    Raises:
        ValueError: not 0 ≤ errors ≤ trials, or no trials.
    """
    if trials < 1 or not 0 <= errors <= trials:
        raise ValueError(f"errors: expected 0 to {trials} of at least one trial, got {errors}")
    rate, square = errors / trials, _Z**2
    centre = (rate + square / (2 * trials)) / (1 + square / trials)
    half = (
        _Z
        / (1 + square / trials)
        * math.sqrt(rate * (1 - rate) / trials + square / (4 * trials**2))
    )
    return Interval(max(0.0, centre - half) if errors else 0.0, min(1.0, centre + half))
