"""A model's calibration: what a similarity means, as a probability and as a false-accept rate.

`facewise calibrate` makes one (`facewise.evaluation.calibration`); here it is read and used, with
nothing but NumPy.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, overload

import numpy as np

from facewise._files import replace_file
from facewise.errors import ModelError, ModelMismatchError
from facewise.recognition.curves import MOST, Curve, IsotonicCurve, inside, log_odds, within
from facewise.zoo import Threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.detection import Detector
    from facewise.embedding import Embedder

    Doubles: TypeAlias = NDArray[np.float64]

FORMAT, VERSION = "facewise-calibration", 1

FarIs: TypeAlias = Literal["measured", "below", "above"]
"""What a stated false-accept rate is: measured (between two measured ones: interpolated), or the
nearest measured one, which the true rate is below or above."""

LEAST_PRIOR = 1e-12
"""Priors are at least so far from 0 and from 1."""

_FORMATS = ("networks", "sieve")
"""Of a detector's settings: what its networks run on. Backends and number formats have proved to
find the same faces, and `mode` says whether there is a sieve."""

_ROUNDING = 1e-9  # relative; rates such as 10**-3 are not exact in binary


class FarPoint(NamedTuple):
    """A threshold and its false-accept rate.

    Attributes:
        asked: the rate it was chosen for, in (0, 1): the lowest that does not exceed it.
        similarity: the threshold, in [-1, 1].
        measured: the share of comparisons of different people at or above it, in (0, `asked`].
    """

    asked: float
    similarity: float
    measured: float


class Far(NamedTuple):
    """The false-accept rate that a threshold at some similarity has.

    Attributes:
        rate: in (0, 1).
        kind: see `FarIs`.
    """

    rate: float
    kind: FarIs

    def __str__(self) -> str:
        return f"{'' if self.kind == 'measured' else f'{self.kind} '}{self.rate:.2g}"


@dataclass(frozen=True, slots=True)
class Scores:
    """How true the probabilities of a method are on pairs that it was not fitted to.

    Attributes:
        log_loss: mean of -ln(probability of what is so), both kinds of pairs weighted by the prior.
        expected_calibration_error: see `facewise.evaluation.metrics`; in [0, 1].
    """

    log_loss: float
    expected_calibration_error: float

    def __post_init__(self) -> None:
        within(self.log_loss, "scores.log_loss", 0, MOST)
        within(self.expected_calibration_error, "scores.expected_calibration_error", 0, 1)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a calibration rests on.

    Attributes:
        images: with a face, that were compared.
        people: how many they show, or None where the data do not say.
        genuine_pairs: pairs of one person behind the probability.
        impostor_pairs: pairs of two people behind the probability.
        impostor_comparisons: pairs of two people behind the false-accept rates.
    """

    images: int
    people: int | None
    genuine_pairs: int
    impostor_pairs: int
    impostor_comparisons: int

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name == "people" and value is None:
                continue
            if type(value) is not int or not 1 <= value < 1 << 62:
                raise ValueError(f"counts.{name}: expected a whole number above 0, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the similarities of a model mean, measured on some set of pictures.

    Attributes:
        embedder: the parts of `Embedder.settings` that change similarities: its model, the hash of
            its weights, crop, normalisation and flip; not the number format.
        detector: id of the detector, or None for chips that were aligned already.
        detector_settings: the parts of `Detector.settings` that change boxes, and the detector's
            class (`comparable_detector`); None for chips.
        far_table: thresholds by rising similarity (so by falling rate).
        curve: from similarity to the probability that two pictures are of one person.
        prior: the share of genuine pairs that the probabilities assume, in (0, 1).
        scores: cross-validated, by method (`isotonic`, `logistic`).
        counts: what was compared.
        measured_on: the data, the detector and the method behind the rates.

    Raises:
        ValueError: values out of range or of order; names the key.

    Example:
        >>> from facewise.recognition import Calibration
        >>> from facewise.recognition.calibration import Counts, FarPoint
        >>> from facewise.recognition.curves import IsotonicCurve
        >>> calibration = Calibration(
        ...     embedder={"model": "some.model"},
        ...     detector=None,
        ...     detector_settings=None,
        ...     far_table=(FarPoint(0.1, 0.2, 0.1), FarPoint(0.001, 0.4, 0.001)),
        ...     curve=IsotonicCurve(((0.1, 0.01), (0.5, 0.99))),
        ...     prior=0.5,
        ...     scores={},
        ...     counts=Counts(200, 50, 1000, 1000, 10_000),
        ...     measured_on="200 chips",
        ... )
        >>> round(calibration.probability(0.3), 6), round(calibration.probability(0.3, 0.1), 6)
        (0.5, 0.1)
        >>> str(calibration.far(0.3)), str(calibration.far(0.5))
        ('0.01', 'below 0.001')
        >>> calibration.threshold(0.001).value
        0.4
    """

    embedder: Mapping[str, str | bool]
    detector: str | None
    detector_settings: Mapping[str, Any] | None
    far_table: tuple[FarPoint, ...]
    curve: Curve
    prior: float
    scores: Mapping[str, Scores]
    counts: Counts
    measured_on: str

    def __post_init__(self) -> None:
        if not isinstance(self.embedder.get("model"), str):
            raise ValueError("embedder.model: expected the id of a model")
        if (self.detector is None) != (self.detector_settings is None):
            raise ValueError("detector: expected both its id and its settings, or neither")
        check_prior(self.prior)
        if not self.far_table:
            raise ValueError("far: expected at least one threshold")
        last = FarPoint(1.0, -1.0, 1.0)
        for i, point in enumerate(self.far_table):
            key = f"far[{i}]"
            inside(point.asked, f"{key}.asked")
            within(point.similarity, f"{key}.similarity", -1, 1)
            inside(point.measured, f"{key}.measured")
            if point.measured > point.asked * (1 + _ROUNDING):
                raise ValueError(
                    f"{key}.measured: expected at most {point.asked} (asked), got {point.measured}"
                )
            if (
                point.asked >= last.asked
                or point.similarity < last.similarity
                or point.measured > last.measured
            ):
                raise ValueError(
                    f"{key}: expected a lower rate asked, no lower similarity and no higher "
                    f"measured rate than {list(last)}, got {list(point)}"
                )
            last = point

    @property
    def model(self) -> str:
        """Id of the embedder."""
        return str(self.embedder["model"])

    @overload
    def probability(self, similarity: float, prior: float | None = None) -> float: ...

    @overload
    def probability(
        self, similarity: NDArray[np.floating], prior: float | None = None
    ) -> Doubles: ...

    def probability(
        self, similarity: float | NDArray[np.floating], prior: float | None = None
    ) -> float | Doubles:
        """The probability that two pictures with this similarity are of one person.

        Never 0 or 1: it goes as far as the pairs behind it can tell.

        Args:
            similarity: one cosine, or an array of them.
            prior: the share of genuine pairs where the answer is used, in (0, 1), if it is not
                the calibration's. The odds change by Bayes' rule, in the ratio of the prior odds.

        Returns:
            In (0, 1), of the shape that was given.

        Raises:
            ValueError: a similarity that is no number, or a prior outside (0, 1).
        """
        values = np.asarray(similarity, np.float64)
        if np.isnan(values).any():
            raise ValueError("similarity: expected a number, got NaN")
        found = self.curve(values)
        if prior is not None:
            check_prior(prior)
            change = math.exp(log_odds(self.prior) - log_odds(prior))
            found = found / (found + (1 - found) * change)
        return found if found.ndim else float(found)

    def far(self, similarity: float) -> Far:
        """The false-accept rate that a threshold at this similarity has.

        In words: how often two different people are at least so alike. Between two measured
        thresholds the logarithm of the rate is interpolated. Beyond the table the true rate is
        below the smallest measured or above the largest, and `Far.kind` says so.

        Raises:
            ValueError: the similarity is no number.
        """
        if math.isnan(similarity):
            raise ValueError("similarity: expected a number, got NaN")
        first, last = self.far_table[0], self.far_table[-1]
        if similarity < first.similarity:
            return Far(first.measured, "above")
        if similarity > last.similarity:
            return Far(last.measured, "below")
        known = [point.similarity for point in self.far_table]
        rates = np.log([point.measured for point in self.far_table])
        return Far(float(np.exp(np.interp(similarity, known, rates))), "measured")

    def threshold(self, far: float = 1e-3) -> Threshold:
        """The threshold for a false-accept rate, as `ModelSpec.threshold` gives the model's own.

        Between two measured rates the value is interpolated over log(FAR).

        Raises:
            ModelError: no threshold was measured for such a rate.
        """
        low, high = self.far_table[-1].asked, self.far_table[0].asked
        if not low * (1 - _ROUNDING) <= far <= high * (1 + _ROUNDING):
            raise ModelError(
                f"calibration of {self.model}: its {self.counts.impostor_comparisons:,} "
                f"comparisons of different people measure FAR {low:g} to {high:g}, and FAR "
                f"{far:g} is outside; ask for another rate (--far), give a similarity "
                "(--threshold), or calibrate on more pictures"
            )
        for point in self.far_table:
            if math.isclose(point.asked, far, rel_tol=_ROUNDING):
                return Threshold(point.similarity, float(far), self.measured_on)
        rising = self.far_table[::-1]
        value = np.interp(
            math.log(far),
            [math.log(point.asked) for point in rising],
            [point.similarity for point in rising],
        )
        return Threshold(float(value), float(far), f"{self.measured_on}; interpolated")

    def check(self, embedder: Embedder, detector: Detector | None) -> None:
        """Make sure that similarities are made as those were that this was measured on.

        Args:
            embedder: of the pictures.
            detector: that found their faces, or None for chips.

        Raises:
            ModelMismatchError: they are not; says in what, on both sides.
        """
        other = _differences(self.embedder, comparable(embedder))
        if other is not None:
            made, now = other
            raise ModelMismatchError(
                f"calibration: made for {made}; this model has {now}; calibrate it"
            )
        if self.detector_settings is None or detector is None:
            if self.detector_settings is None and detector is None:
                return
            made = self.detector or "aligned chips"
            now = "aligned chips" if detector is None else "a detector"
            raise ModelMismatchError(
                f"calibration: made with {made}; here it is {now}; calibrate with what you use"
            )
        other = _differences(self.detector_settings, comparable_detector(detector))
        if other is not None:
            made, now = other
            raise ModelMismatchError(
                f"calibration: made with {self.detector} of {made}; this detector has {now}; "
                "calibrate with what you use"
            )

    def to_dict(self) -> dict[str, Any]:
        """The content of a calibration file."""
        probability: dict[str, Any] = {"method": self.curve.method}
        if isinstance(self.curve, IsotonicCurve):
            probability["points"] = [list(point) for point in self.curve.points]
        else:
            probability |= asdict(self.curve)
        detector = None
        if self.detector_settings is not None:
            detector = {"id": self.detector, "settings": dict(self.detector_settings)}
        return {
            "format": FORMAT,
            "version": VERSION,
            "embedder": dict(self.embedder),
            "detector": detector,
            "measured_on": self.measured_on,
            "counts": asdict(self.counts),
            "prior": self.prior,
            "far": [point._asdict() for point in self.far_table],
            "probability": probability,
            "scores": {method: asdict(scores) for method, scores in self.scores.items()},
        }

    def save(self, path: str | PathLike[str]) -> None:
        """Write a calibration file, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False)
        replace_file(Path(path), f"{text}\n".encode())


def comparable(embedder: Embedder) -> dict[str, str | bool]:
    """The embedder's settings that change similarities.

    The number format is not among them: what runs in another one has proved to differ from float32
    by less than matters here (docs/runtime.md).
    """
    return {key: value for key, value in embedder.settings.items() if key != "precision"}


def comparable_detector(detector: Detector) -> dict[str, Any]:
    """The detector's settings that change boxes, as JSON has them, and its class as `type`.

    Detectors carry no id: what tells one without weights from others is its class.
    """
    plain = {key: value for key, value in detector.settings.items() if key not in _FORMATS}
    found: dict[str, Any] = json.loads(json.dumps({"type": type(detector).__name__, **plain}))
    return found


def check_prior(prior: float) -> None:
    """Refuse a share of genuine pairs that is not at least `LEAST_PRIOR` from 0 and 1.

    Raises:
        ValueError: it is not.
    """
    if not (type(prior) in (int, float) and LEAST_PRIOR <= prior <= 1 - LEAST_PRIOR):
        raise ValueError(
            f"prior: expected a number from {LEAST_PRIOR:g} to 1 - {LEAST_PRIOR:g}, "
            f"got {prior!r:.40}"
        )


def _differences(made: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, str] | None:
    """What differs between two rows of settings, in words for each; None where nothing does."""
    other = [key for key in {**made, **now} if made.get(key) != now.get(key)]
    if not other:
        return None
    first, second = (
        ", ".join(f"{key} {settings.get(key, 'unknown')!s:.40}" for key in other)
        for settings in (made, now)
    )
    return first, second
