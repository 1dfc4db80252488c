"""Make a model's calibration: fit probabilities, prove them on others, and tabulate rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.extra import needed
from facewise.evaluation.metrics.calibration import expected_calibration_error, log_loss
from facewise.evaluation.metrics.verification import checked
from facewise.evaluation.scores import pair_similarity
from facewise.evaluation.thresholds import (
    FARS,
    OperatingPoints,
    operating_points,
    operating_points_of_pairs,
)
from facewise.recognition.calibration import (
    Calibration,
    Counts,
    FarPoint,
    Scores,
    check_prior,
    comparable,
    comparable_detector,
)
from facewise.recognition.curves import Curve, IsotonicCurve, LogisticCurve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.evaluation.protocols.pairs import PairProtocol

    Doubles: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]

TABLE_FARS = tuple(
    sorted({*FARS, *(float(f"{0.5 * 10 ** (-step / 8):.3g}") for step in range(70))})
)
"""The rates of a table: eight a decade from 0.5 down, of which those are kept that can be
measured, and the ones that specs state."""

PARTS = 5
"""Groups of people, where pairs have no folds of their own."""

_FINEST = 1e-4  # of similarities, the step of thresholds; what lies closer together is no data
_UNREGULARISED = 1e6  # scikit-learn's C; finite, so that kinds which do not overlap have a slope


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A curve of probabilities, and how true it is.

    Attributes:
        curve: fitted to all pairs.
        scores: by method, on pairs that each curve was not fitted to.
        probability: float64 (n,), what the kept method said of each pair when it was not fitted to
            it.
        weights: float64 (n,), how much each pair counts; both kinds together as the prior says.
    """

    curve: Curve
    scores: dict[str, Scores]
    probability: Doubles
    weights: Doubles


def calibrate(
    similarity: Doubles,
    same: Bools,
    *,
    folds: NDArray[np.integer] | None = None,
    people: NDArray[np.integer] | None = None,
    prior: float = 0.5,
    weights: Doubles | None = None,
) -> Fit:
    """Fit the probability that a pair is genuine, as a function of its similarity.

    Two methods are fitted: isotonic regression (Zadrozny and Elkan 2002) and logistic regression
    (Platt 1999). Each is cross-validated, the one with the lower log-loss is kept and fitted to
    all pairs. No probability is 0 or 1: the isotonic fit is given one more impostor pair, as alike
    as the most alike pair, and one more genuine pair, as unlike as the least alike one; the
    logistic one is cut off at the odds that so many pairs can support.

    Args:
        similarity: float64 (n,), finite.
        same: bool (n,), True for genuine pairs.
        folds: int (n,), of each pair: each fold is predicted from the others.
        people: int (n, 2), whom each pair shows, instead of folds: the people are parted into
            `PARTS`, and pairs are predicted from all pairs that show none of the parts they show.
        prior: the share of genuine pairs to assume, whatever the share among the pairs; at least
            `LEAST_PRIOR` from 0 and 1.
        weights: float64 (n,), finite, above 0: how much each pair counts among those of its kind.

    Raises:
        ProtocolError: too few pairs or people to cross-validate, or genuine pairs are not more
            alike than impostor pairs.
        ValueError: arrays that do not fit or have values outside their ranges, such a prior, or
            not one of folds and people; names the argument.
        ExtraMissingError: scikit-learn is not installed.
    """
    similarity, same = checked(similarity, same)
    if np.isnan(similarity).any():
        raise ValueError("similarity: expected finite values; leave out pairs that failed")
    similarity = np.clip(similarity, -1, 1)  # rounding may lead a little outside
    prior = float(prior)
    check_prior(prior)
    if folds is not None and people is None:
        splits = _by_fold(_whole(folds, "folds", (len(same),)))
    elif people is not None and folds is None:
        splits = _by_people(_whole(people, "people", (len(same), 2)))
    else:
        raise ValueError("folds and people: give one of them")
    counted = _positive(weights, len(same))
    methods: dict[str, Callable[[Doubles, Bools, Doubles, float], Curve]] = {
        IsotonicCurve.method: _isotonic,
        LogisticCurve.method: _logistic,
    }
    held_out = {method: np.full(len(same), np.nan) for method in methods}
    for test, train in splits:
        if not test.any():
            continue
        if not same[train].any() or same[train].all():
            raise ProtocolError(
                "too few pairs or people to cross-validate: without those to predict there are "
                "no pairs of one person or none of two; give pictures of more people"
            )
        for method, fit in methods.items():
            curve = fit(similarity[train], same[train], counted[train], prior)
            held_out[method][test] = curve(similarity[test])
    shares = _balanced(same, counted, prior)
    scores = {
        method: Scores(
            log_loss=log_loss(stated, same, shares),
            expected_calibration_error=expected_calibration_error(stated, same, weights=shares),
        )
        for method, stated in held_out.items()
    }
    best = min(methods, key=lambda method: scores[method].log_loss)
    return Fit(
        curve=methods[best](similarity, same, counted, prior),
        scores=scores,
        probability=held_out[best],
        weights=shares,
    )


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationRun:
    """A calibration with what it was made from.

    Attributes:
        calibration: what to save.
        points: the operating points behind its rates.
        fit: its probabilities.
        same: bool (n,), of the pairs of `fit`.
        failed_pairs: pairs that could not be compared and are not among them.
    """

    calibration: Calibration
    points: OperatingPoints
    fit: Fit
    same: Bools
    failed_pairs: int


def make_calibration(
    protocol: PairProtocol,
    vectors: NDArray[np.float32],
    embedder: Embedder,
    detector: Detector | None,
    detector_id: str | None,
    *,
    prior: float = 0.5,
    weights: Doubles | None = None,
) -> CalibrationRun:
    """Calibrate a model on the pictures of a protocol.

    The probability comes from its pairs, cross-validated by its folds; where it gives none, or but
    one, by people, who are those whom genuine pairs join if the protocol names none. The
    false-accept rates come from all pairs of images of different people, or from its impostor pairs
    if nobody is named. Pairs with an image that has no vector are left out.

    Args:
        protocol: images and pairs.
        vectors: float32 (m, d), unit length; NaN where an image failed.
        embedder: which made them.
        detector: which found the faces, or None for chips.
        detector_id: its id, likewise.
        prior: see `calibrate`.
        weights: see `calibrate`; of all pairs of the protocol.

    Raises:
        ProtocolError: too few pairs or people, as `calibrate`.
        ValueError: a prior or weights that `calibrate` refuses.
        ExtraMissingError: scikit-learn or SciPy is not installed.
    """
    counted = _positive(weights, len(protocol.same))
    similarity = pair_similarity(vectors, protocol.pairs)
    compared = ~np.isnan(similarity)
    similarity, same = similarity[compared], protocol.same[compared]
    pairs = protocol.pairs[compared]
    genuine, impostors = int(np.count_nonzero(same)), int(np.count_nonzero(~same))
    if not (genuine and impostors):
        raise ProtocolError(
            f"{protocol.name}: {genuine} pairs of one person and {impostors} of two could be "
            "compared, and both kinds are needed"
        )
    if protocol.people is not None:
        points = operating_points(vectors, protocol.people, TABLE_FARS)
    else:
        images = len(np.unique(pairs[~same]))
        points = operating_points_of_pairs(similarity[~same], images, TABLE_FARS)
    by_fold = protocol.folds_given and protocol.fold_count > 1
    fit = calibrate(
        similarity,
        same,
        folds=protocol.folds[compared] if by_fold else None,
        people=None if by_fold else _people(protocol)[pairs],
        prior=prior,
        weights=counted[compared],
    )
    calibration = Calibration(
        embedder=comparable(embedder),
        detector=detector_id,
        detector_settings=None if detector is None else comparable_detector(detector),
        far_table=_table(points),
        curve=fit.curve,
        prior=prior,
        scores=fit.scores,
        counts=Counts(
            images=points.images,
            people=points.people,
            genuine_pairs=genuine,
            impostor_pairs=impostors,
            impostor_comparisons=points.impostor_pairs,
        ),
        measured_on=_measured_on(protocol, points, detector_id, embedder.flip),
    )
    return CalibrationRun(calibration, points, fit, same, int(np.count_nonzero(~compared)))


def _measured_on(
    protocol: PairProtocol, points: OperatingPoints, detector_id: str | None, flip: bool
) -> str:
    which = "its impostor pairs"
    if points.people is not None:
        which = f"all that {points.images:,} images of {points.people:,} people make"
    return (
        f"{protocol.name}: {points.impostor_pairs:,} pairs of different people, {which}; "
        f"{detector_id or 'aligned chips'}{', flip' if flip else ''}"
    )


def _table(points: OperatingPoints) -> tuple[FarPoint, ...]:
    """By rising similarity; without thresholds that accept none, whose rate is not known."""
    table = tuple(
        FarPoint(far, threshold, points.measured[far])
        for far, threshold in reversed(points.thresholds.items())
        if points.measured[far] > 0
    )
    if not table:
        raise ProtocolError(
            "the pairs of different people are all equally alike; no false-accept rate can be "
            "measured"
        )
    return table


def _people(protocol: PairProtocol) -> NDArray[np.intp]:
    """The number of the person on each image."""
    if protocol.people is not None:
        return np.unique(np.array(protocol.people, str), return_inverse=True)[1]
    genuine = protocol.pairs[protocol.same]
    count = len(protocol.images)
    graph = needed("scipy.sparse", "calibrations").coo_array(
        (np.ones(len(genuine), bool), (genuine[:, 0], genuine[:, 1])), shape=(count, count)
    )
    _, component = needed("scipy.sparse.csgraph", "calibrations").connected_components(
        graph, directed=False
    )
    return np.asarray(component, np.intp)


def _whole(values: NDArray[np.integer], name: str, shape: tuple[int, ...]) -> NDArray[np.integer]:
    """The numbers of folds or people, if they are such, for each pair."""
    values = np.asarray(values)
    if values.shape != shape or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(
            f"{name}: expected whole numbers of shape {shape}, got {values.dtype} {values.shape}"
        )
    return values


def _positive(weights: Doubles | None, count: int) -> Doubles:
    """The weight of each pair, all alike where none are given."""
    if weights is None:
        return np.ones(count)
    values = np.asarray(weights, np.float64)
    if values.shape != (count,):
        raise ValueError(f"weights: expected one for each of {count} pairs, got {values.shape}")
    if not (np.isfinite(values) & (values > 0)).all():
        raise ValueError("weights: expected finite values above 0")
    return values


def _by_fold(folds: NDArray[np.integer]) -> Iterator[tuple[Bools, Bools]]:
    """Pairs to predict, and pairs to fit to."""
    for fold in np.unique(folds):
        yield folds == fold, folds != fold


def _by_people(people: NDArray[np.integer]) -> Iterator[tuple[Bools, Bools]]:
    """Likewise; who is among the first is not among the second."""
    _, person, pairs = np.unique(people, return_inverse=True, return_counts=True)
    part, load = np.empty(len(pairs), np.intp), np.zeros(PARTS)
    for number in np.argsort(-pairs, kind="stable"):  # the largest first, to the least loaded part
        part[number] = np.argmin(load)
        load[part[number]] += pairs[number]
    left, right = np.sort(part[person.reshape(people.shape)], axis=1).T
    for i in range(PARTS):
        for j in range(i, PARTS):
            clear = (left != i) & (left != j) & (right != i) & (right != j)
            yield (left == i) & (right == j), clear


def _balanced(same: Bools, weights: Doubles, prior: float) -> Doubles:
    """Weights that sum to 1, those of genuine pairs to the prior."""
    shares: Doubles = weights.copy()
    for kind, share in ((same, prior), (~same, 1 - prior)):
        shares[kind] *= share / shares[kind].sum()
    return shares


def _effective(weights: Doubles) -> float:
    """How many pairs of equal weight would tell as much (Kish 1965)."""
    return float(weights.sum() ** 2 / np.sum(weights**2))


def _isotonic(similarity: Doubles, same: Bools, weights: Doubles, prior: float) -> IsotonicCurve:
    shares = _balanced(same, weights, prior)
    one_more = [(1 - prior) / _effective(shares[~same]), prior / _effective(shares[same])]
    model = needed("sklearn.isotonic", "calibrations").IsotonicRegression()
    model.fit(
        np.append(similarity, [similarity.max(), similarity.min()]),
        np.append(same, [False, True]),
        sample_weight=np.append(shares, one_more),
    )
    rising = np.maximum.accumulate(model.y_thresholds_)
    return IsotonicCurve(tuple(zip(model.X_thresholds_.tolist(), rising.tolist(), strict=True)))


def _logistic(similarity: Doubles, same: Bools, weights: Doubles, prior: float) -> LogisticCurve:
    shares = _balanced(same, weights, prior)
    centre, scale = similarity.mean(), max(float(similarity.std()), _FINEST)
    model = needed("sklearn.linear_model", "calibrations").LogisticRegression(
        C=_UNREGULARISED, tol=1e-8
    )
    model.fit(((similarity - centre) / scale)[:, None], same, sample_weight=shares * len(same))
    slope = float(model.coef_[0, 0] / scale)
    if slope <= 0:
        raise ProtocolError("pairs of one person are not more alike than pairs of two people")
    odds = prior / (1 - prior)
    low, high = odds / (_effective(shares[same]) + 1), odds * (_effective(shares[~same]) + 1)
    return LogisticCurve(
        slope=slope,
        intercept=float(model.intercept_[0] - slope * centre),
        lowest=low / (1 + low),
        highest=high / (1 + high),
    )
