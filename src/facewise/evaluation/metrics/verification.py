"""Figures of 1:1 verification, as pure functions on arrays.

All of them take the same two arrays, one entry a pair: `similarity`, float (n,), and `same`, bool
(n,), True for a genuine pair (one person) and False for an impostor pair (two). A pair is accepted
when its similarity is at or above the threshold.

A pair whose similarity is NaN could not be compared, because one of its images shows no face. It
fails, and is never accepted: whatever the threshold, a genuine one is a false reject, and an
impostor one is no false accept but stays among the impostor pairs that rates are divided by. These
are the generalised rates of ISO/IEC 19795-1, which blame a system for the images it cannot use. A
right decision takes a comparison, so in accuracies such a pair counts as wrong, whichever its
kind. To leave failed pairs out instead, remove them before calling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.floating]
    Bools: TypeAlias = NDArray[np.bool_]
    Doubles: TypeAlias = NDArray[np.float64]

MIN_ERRORS = 3
"""A rate is measured only where it lets so many impostor pairs through. Three are few (the 95 %
Poisson interval of 3 is 0.6 to 8.8): read such a figure with its interval."""

_ROUNDING = 1e-9  # relative; rates such as 10**-3 are not exact in binary


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """A receiver operating characteristic: one point for each distinct similarity, and (0, 0).

    Attributes:
        thresholds: falling, from infinity, where nothing is accepted. The last is minus infinity
            when pairs failed: it closes the curve at (1, 1), but no threshold reaches that point.
        far: false accepts over impostor pairs at each threshold, rising from 0 to 1.
        tar: true accepts over genuine pairs, likewise.
    """

    thresholds: Doubles
    far: Doubles
    tar: Doubles


def roc(similarity: Floats, same: Bools) -> Roc:
    """The exact curve, by sorting; pairs of equal similarity are accepted together.

    Raises:
        ValueError: arrays that do not fit, infinite similarities, or pairs of one kind only.
    """
    values, same = checked(similarity, same)
    values = np.where(np.isnan(values), -np.inf, values)
    order = np.argsort(-values, kind="stable")
    values, same = values[order], same[order]
    last = np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)
    genuine, impostor = np.cumsum(same)[last], np.cumsum(~same)[last]
    return Roc(
        thresholds=np.append(np.inf, values[last]),
        far=np.append(0.0, impostor / impostor[-1]),
        tar=np.append(0.0, genuine / genuine[-1]),
    )


def auc(similarity: Floats, same: Bools) -> float:
    """Area under the curve: how often a genuine pair is more alike than an impostor pair.

    Ties count half; a failed pair is less alike than any other.

    Raises:
        ValueError: as `roc`.
    """
    curve = roc(similarity, same)
    return float(np.sum(np.diff(curve.far) * (curve.tar[1:] + curve.tar[:-1])) / 2)


def equal_error_rate(similarity: Floats, same: Bools) -> float:
    """The rate at which false accepts and false rejects are equal.

    Between two points of the curve, both rates are interpolated linearly.

    Raises:
        ValueError: as `roc`.
    """
    curve = roc(similarity, same)
    excess = curve.far - (1 - curve.tar)  # rises from -1 to 1
    after = int(np.argmax(excess >= 0))
    before = after - 1
    share = -excess[before] / (excess[after] - excess[before])
    return float(curve.far[before] + share * (curve.far[after] - curve.far[before]))


def tar_at_far(similarity: Floats, same: Bools, far: float) -> float | None:
    """The largest true-accept rate whose measured false-accept rate does not exceed `far`.

    Args:
        similarity: see the module.
        same: see the module.
        far: a rate in (0, 1).

    Returns:
        A rate in [0, 1], or None when it cannot be measured (`measurable`).

    Raises:
        ValueError: as `roc`, or `far` is outside (0, 1).
    """
    limit = limit_at_far(similarity, same, far)
    return None if limit is None else float(np.mean(np.asarray(similarity)[same] > limit))


def limit_at_far(similarity: Floats, same: Bools, far: float) -> float | None:
    """The similarity that a pair must exceed for a false-accept rate; arguments as `tar_at_far`.

    Returns:
        That of the most alike impostor pair which must not be accepted, minus infinity where all
        may be, or None when the rate cannot be measured (`measurable`).
    """
    values, same = checked(similarity, same)
    impostors = values[~same]
    if not measurable(far, len(impostors)):
        return None
    allowed = false_accepts(far, len(impostors))
    impostors = impostors[~np.isnan(impostors)]
    if allowed >= len(impostors):
        return -np.inf
    # The (allowed + 1)-th from above, without sorting millions.
    return float(
        np.partition(impostors, len(impostors) - 1 - allowed)[len(impostors) - 1 - allowed]
    )


def false_accepts(far: float, impostors: int) -> int:
    """How many of a number of impostor pairs may be accepted at a false-accept rate.

    Raises:
        ValueError: `far` is outside (0, 1).
    """
    if not 0 < far < 1:
        raise ValueError(f"far: expected a rate in (0, 1), got {far}")
    return math.floor(far * impostors * (1 + _ROUNDING))


def measurable(far: float, impostors: int) -> bool:
    """Whether a number of impostor pairs measures a false-accept rate: it expects `MIN_ERRORS`.

    Raises:
        ValueError: `far` is outside (0, 1).
    """
    return false_accepts(far, impostors) >= MIN_ERRORS


def precision_recall(similarity: Floats, same: Bools, threshold: float) -> tuple[float, float]:
    """Precision and recall of "the same person" at a threshold.

    Returns:
        Of the accepted pairs the share that are genuine, 1 where none is accepted (none was
        accepted wrongly); of the genuine pairs the share that are accepted, which is the
        true-accept rate.

    Raises:
        ValueError: as `roc`.
    """
    values, same = checked(similarity, same)
    accepted = values >= threshold
    right = np.count_nonzero(accepted & same)
    precision = right / np.count_nonzero(accepted) if accepted.any() else 1.0
    return float(precision), float(right / np.count_nonzero(same))


def accuracy(similarity: Floats, same: Bools, threshold: float) -> float:
    """The share of pairs that are decided rightly at a threshold; failed pairs are not.

    Raises:
        ValueError: arrays that do not fit, or no pairs.
    """
    values, same = checked(similarity, same, kinds=False)
    right = ((values >= threshold) == same) & ~np.isnan(values)
    return float(np.mean(right))


def best_threshold(similarity: Floats, same: Bools) -> float:
    """The threshold that decides most pairs rightly.

    All thresholds between two neighbouring similarities decide alike; the middle is taken. Where
    several such intervals are equally good, the widest wins, and of equally wide ones the lowest.
    To accept every pair is the lowest similarity, to accept none the next number above the highest.

    Raises:
        ValueError: arrays that do not fit, or no pair that could be compared.
    """
    values, same = checked(similarity, same, kinds=False)
    compared = ~np.isnan(values)
    if not compared.any():
        raise ValueError("similarity: no pair could be compared, so no threshold can be chosen")
    values, same = values[compared], same[compared]
    order = np.argsort(values, kind="stable")
    values, same = values[order], same[order]
    # Cut i accepts values[i:]: right are the impostors before it and the genuine after.
    right = np.append(0, np.cumsum(~same)) + np.append(np.cumsum(same[::-1])[::-1], 0)
    gaps = np.concatenate([[0.0], np.diff(values), [0.0]])
    possible = gaps > 0
    possible[[0, -1]] = True
    best = np.flatnonzero(possible & (right == right[possible].max()))
    cut = int(best[np.argmax(gaps[best])])
    if cut == 0:
        return float(values[0])
    if cut == len(values):
        return float(np.nextafter(values[-1], np.inf))
    middle = (values[cut - 1] + values[cut]) / 2
    # Between neighbouring numbers there is no middle, and rounding may hit the lower one.
    return float(middle if middle > values[cut - 1] else values[cut])


def accuracy_by_fold(
    similarity: Floats, same: Bools, folds: NDArray[np.integer]
) -> tuple[Doubles, Doubles]:
    """Accuracy of each fold at the threshold that is best on all the others.

    Args:
        similarity: see the module.
        same: see the module.
        folds: the number of each pair's fold, int (n,), as the protocol states them.

    Returns:
        Accuracies and thresholds, each (number of folds,), by rising fold number.

    Raises:
        ValueError: arrays that do not fit, fewer than two folds, or no pair that could be compared
            outside a fold.
    """
    values, same = checked(similarity, same, kinds=False)
    folds = np.asarray(folds)
    if folds.shape != values.shape:
        raise ValueError(f"folds: expected shape {values.shape}, got {folds.shape}")
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise ValueError("folds: one fold alone has no others to choose a threshold on")
    thresholds = [best_threshold(values[folds != k], same[folds != k]) for k in numbers]
    accuracies = [
        accuracy(values[folds == k], same[folds == k], threshold)
        for k, threshold in zip(numbers, thresholds, strict=True)
    ]
    return np.array(accuracies), np.array(thresholds)


def checked(similarity: Floats, same: Bools, *, kinds: bool = True) -> tuple[Doubles, Bools]:
    """The two arrays as float64 and bool, if they are what this module's functions take.

    Args:
        similarity: see the module.
        same: see the module.
        kinds: pairs of both kinds are needed.

    Raises:
        ValueError: they are not.
    """
    values, same = np.asarray(similarity, np.float64), np.asarray(same)
    if values.ndim != 1 or same.shape != values.shape:
        raise ValueError(
            f"similarity and same: expected two arrays of one length, "
            f"got shapes {values.shape} and {same.shape}"
        )
    if same.dtype != np.bool_:
        raise ValueError(f"same: expected booleans, got {same.dtype}")
    if np.isinf(values).any():
        raise ValueError("similarity: expected finite values, or NaN where a pair failed")
    if not len(values):
        raise ValueError("similarity: there are no pairs")
    if kinds and (same.all() or not same.any()):
        raise ValueError("same: a rate needs genuine and impostor pairs, and there is one kind")
    return values, same
