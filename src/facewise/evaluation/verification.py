"""Score the pairs of a protocol: the figures, whichever model or fusion gave the similarities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation import metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.protocols.pairs import PairProtocol
    from facewise.zoo import Threshold

Missing: TypeAlias = Literal["fail", "drop"]
"""What becomes of pairs that could not be compared: they count as wrong, or do not count."""

FARS = (1e-2, 1e-3, 1e-4)
"""The false-accept rates that true-accept rates are given at, unless others are asked for."""

OTHER_FOLDS = "best on the other folds"
"""`threshold_source` where each fold's threshold was chosen on the others."""


@dataclass(frozen=True, slots=True)
class TarAtFar:
    """A point of the curve.

    Attributes:
        far: the false-accept rate that was asked for.
        tar: the true-accept rate, or None where so few impostor pairs cannot measure the former.
        low: lower bound of the true-accept rate (95 %, bootstrap), or None.
        high: upper bound, likewise.
        threshold: the lowest similarity that is accepted, or None.
        note: why there is no rate, or empty.
    """

    far: float
    tar: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """The figures of one protocol and one set of similarities.

    Attributes:
        accuracy: mean of the folds' accuracies, in [0, 1].
        accuracy_std: their standard deviation (of the population: divided by the number of
            folds); None with a single fold.
        accuracy_sem: the standard error of their mean (the sample's deviation over the root of
            the number of folds), which LFW's authors ask to publish; None with a single fold.
        auc: area under the curve of all pairs.
        eer: equal error rate of all pairs.
        tar_at_far: true-accept rates with their intervals, by falling false-accept rate.
        precision: of the pairs accepted at the folds' thresholds the share that are genuine; 1
            where none is accepted.
        recall: of the genuine pairs the share that are accepted there.
        far: of the impostor pairs the share that are accepted there.
        threshold: mean of the folds' thresholds, a cosine similarity.
        threshold_source: how the thresholds were chosen.
        pairs: pairs that count.
        failed_pairs: pairs that could not be compared.
        folds: accuracy of each fold.
        counted: bool (n,), the pairs that count.
        accepted: bool (n,), the pairs that were accepted at their fold's threshold.
    """

    accuracy: float
    accuracy_std: float | None
    accuracy_sem: float | None
    auc: float
    eer: float
    tar_at_far: tuple[TarAtFar, ...]
    precision: float
    recall: float
    far: float
    threshold: float
    threshold_source: str
    pairs: int
    failed_pairs: int
    folds: tuple[float, ...]
    counted: NDArray[np.bool_]
    accepted: NDArray[np.bool_]

    def tar(self, far: float) -> float | None:
        """The true-accept rate at one of the false-accept rates that were asked for.

        Raises:
            KeyError: the rate was not asked for.
        """
        return {point.far: point.tar for point in self.tar_at_far}[far]


def verify(
    similarity: NDArray[np.float64],
    protocol: PairProtocol,
    *,
    missing: Missing = "fail",
    fixed: Threshold | None = None,
    fars: Sequence[float] = FARS,
) -> Verification:
    """Score a protocol.

    Args:
        similarity: float (n,), one for each pair of the protocol, NaN where it failed.
        protocol: the pairs and their folds.
        missing: `fail` counts failed pairs as wrong (see `facewise.evaluation.metrics`), `drop`
            leaves them out, which flatters a detector that misses the hard ones.
        fixed: the threshold of all folds. By default each fold's is the best of the others, which
            a single fold does not have.
        fars: false-accept rates to give the true-accept rate at.

    Raises:
        ProtocolError: too few pairs could be compared to give the figures, or there is one fold
            and no fixed threshold.
    """
    compared = ~np.isnan(similarity)
    counted = np.ones_like(compared) if missing == "fail" else compared
    _check(protocol, compared, counted, fixed)
    values, same, folds = similarity[counted], protocol.same[counted], protocol.folds[counted]
    numbers = np.unique(folds)
    if fixed is None:
        _, by_fold = metrics.accuracy_by_fold(values, same, folds)
        source = OTHER_FOLDS
    else:
        by_fold = np.full(len(numbers), fixed.value)
        source = fixed.measured_on
        if fixed.far is not None:
            source = f"for FAR {fixed.far:g}, measured on {source}"
    # How far above its fold's threshold each pair is: 0 decides for all.
    margin = values - by_fold[np.searchsorted(numbers, folds)]
    accuracies = np.array(
        [metrics.accuracy(margin[folds == k], same[folds == k], 0) for k in numbers]
    )
    precision, recall = metrics.precision_recall(margin, same, 0)
    std = sem = None
    if len(accuracies) > 1:
        std = float(accuracies.std())
        sem = float(accuracies.std(ddof=1)) / math.sqrt(len(accuracies))
    accepted = np.zeros_like(counted)
    accepted[counted] = margin >= 0
    return Verification(
        accuracy=float(accuracies.mean()),
        accuracy_std=std,
        accuracy_sem=sem,
        auc=metrics.auc(values, same),
        eer=metrics.equal_error_rate(values, same),
        tar_at_far=operating_curve(values, same, fars),
        precision=precision,
        recall=recall,
        far=float(np.mean(margin[~same] >= 0)),
        threshold=float(by_fold.mean()),
        threshold_source=source,
        pairs=len(values),
        failed_pairs=int(np.count_nonzero(~compared)),
        folds=tuple(accuracies.tolist()),
        counted=counted,
        accepted=accepted,
    )


def operating_curve(
    similarity: NDArray[np.float64], same: NDArray[np.bool_], fars: Sequence[float]
) -> tuple[TarAtFar, ...]:
    """True-accept rates with their intervals, by falling false-accept rate."""
    impostors = int(np.count_nonzero(~same))
    points = []
    for far in sorted(fars, reverse=True):
        tar = metrics.tar_at_far(similarity, same, far)
        limit = metrics.limit_at_far(similarity, same, far)
        interval = metrics.tar_interval(similarity, same, far)
        if tar is None or limit is None or interval is None:
            note = f"not measurable with {impostors:,} impostor pairs"
            points.append(TarAtFar(far, note=note))
        else:
            threshold = float(np.nextafter(limit, np.inf)) if np.isfinite(limit) else None
            points.append(TarAtFar(far, tar, interval.low, interval.high, threshold))
    return tuple(points)


def _check(
    protocol: PairProtocol,
    compared: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    fixed: Threshold | None,
) -> None:
    """Refuse what would give figures of nothing, in words of the protocol."""
    failed = f"{np.count_nonzero(~compared)} of {len(compared)} pairs could not be compared"
    if not compared.any() or len(np.unique(protocol.same[counted])) < 2:
        raise ProtocolError(f"{failed}, too many to give any figure")
    if len(np.unique(protocol.folds[counted])) < protocol.fold_count:
        raise ProtocolError(f"{failed}; a fold has none left")
    if fixed is None:
        if protocol.fold_count < 2:
            raise ProtocolError(
                "one fold alone has no others to choose a threshold on; use at least two, "
                "or give a threshold"
            )
        if len(np.unique(protocol.folds[compared])) < 2:
            raise ProtocolError(f"{failed}; those that could lie in one fold")
