"""How true stated probabilities are, as pure functions on arrays.

All of them take `probability`, float (n,) in [0, 1], that a pair is genuine, and `same`, bool (n,),
whether it is. `weights`, float (n,), at least 0, say how much each pair counts; without them all
count alike. A pair that could not be compared has no probability: leave it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.floating]
    Bools: TypeAlias = NDArray[np.bool_]
    Doubles: TypeAlias = NDArray[np.float64]


class Reliability(NamedTuple):
    """Pairs in bins of equal width over their probability, by rising probability.

    Attributes:
        edges: float64 (bins + 1,), from 0 to 1; a bin holds its upper edge, the first both.
        pairs: int (bins,), how many are in each bin.
        share: float64 (bins,), of the whole weight; sums to 1.
        probability: float64 (bins,), mean of what was stated; NaN where a bin is empty.
        genuine: float64 (bins,), the share of pairs that are genuine; likewise.
    """

    edges: Doubles
    pairs: NDArray[np.intp]
    share: Doubles
    probability: Doubles
    genuine: Doubles


def log_loss(probability: Floats, same: Bools, weights: Floats | None = None) -> float:
    """Mean of -ln p for genuine pairs and of -ln(1 - p) for impostor pairs.

    Infinite where something happened that was called impossible.

    Raises:
        ValueError: arrays that do not fit, or values outside their ranges.
    """
    stated, same, shares = _checked(probability, same, weights)
    right = np.where(same, stated, 1 - stated)
    counted = shares > 0
    with np.errstate(divide="ignore"):
        return float(-np.sum(shares[counted] * np.log(right[counted])))


def brier(probability: Floats, same: Bools, weights: Floats | None = None) -> float:
    """Mean squared difference between the probability and what is so, 1 or 0 (Brier 1950).

    Raises:
        ValueError: as `log_loss`.
    """
    stated, same, shares = _checked(probability, same, weights)
    return float(np.sum(shares * (stated - same) ** 2))


def reliability(
    probability: Floats, same: Bools, bins: int = 10, weights: Floats | None = None
) -> Reliability:
    """What was stated against what was so, bin by bin: the points of a reliability plot.

    Raises:
        ValueError: as `log_loss`, or fewer than one bin.
    """
    stated, same, shares = _checked(probability, same, weights)
    if bins < 1:
        raise ValueError(f"bins: expected at least 1, got {bins}")
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], stated, side="left")
    total, sum_stated, sum_genuine = (
        np.bincount(place, values, bins).astype(np.float64)
        for values in (shares, shares * stated, shares * same)
    )
    with np.errstate(invalid="ignore"):
        return Reliability(
            edges=edges,
            pairs=np.bincount(place, minlength=bins),
            share=total,
            probability=sum_stated / total,
            genuine=sum_genuine / total,
        )


def expected_calibration_error(
    probability: Floats, same: Bools, bins: int = 10, weights: Floats | None = None
) -> float:
    """Sum over bins of equal width of (share of the pairs) × |share genuine - mean probability|.

    Naeini et al. 2015 ("Obtaining Well Calibrated Probabilities Using Bayesian Binning"), with the
    bins of Guo et al. 2017 ("On Calibration of Modern Neural Networks"). In [0, 1].

    Raises:
        ValueError: as `reliability`.
    """
    found = reliability(probability, same, bins, weights)
    return float(np.nansum(found.share * np.abs(found.genuine - found.probability)))


def _checked(
    probability: Floats, same: Bools, weights: Floats | None
) -> tuple[Doubles, Bools, Doubles]:
    """The arrays, with weights that sum to 1."""
    stated, same = np.asarray(probability, np.float64), np.asarray(same)
    shares = np.ones(stated.shape) if weights is None else np.asarray(weights, np.float64)
    if stated.ndim != 1 or not stated.shape == same.shape == shares.shape:
        raise ValueError(
            "probability, same and weights: expected arrays of one length, "
            f"got shapes {stated.shape}, {same.shape} and {shares.shape}"
        )
    if same.dtype != np.bool_:
        raise ValueError(f"same: expected booleans, got {same.dtype}")
    if not ((stated >= 0) & (stated <= 1)).all():
        raise ValueError("probability: expected values from 0 to 1")
    total = shares.sum()
    if not ((shares >= 0).all() and np.isfinite(total) and total > 0):
        raise ValueError("weights: expected values of at least 0, some above")
    return stated, same, shares / total
