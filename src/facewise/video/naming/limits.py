"""From which similarity on a track has a name, and what a similarity is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ModelError
from facewise.gallery.thresholds import fpir_of, search_threshold

if TYPE_CHECKING:
    from facewise.gallery.thresholds import SearchThreshold
    from facewise.recognition import Calibration
    from facewise.zoo import ModelSpec

TEMPLATES = 10
"""A comparison of two templates counts as so many of two pictures. Means of several faces are more
alike than single faces are, also those of strangers: where both sides are means of 3 pictures, and
one side's are degraded, they reach the similarity of FAR 1e-3 in 1 % of all comparisons, and that
of FAR 1e-4 in 0.06 % (`bench/poor_faces.py`)."""

_PART = 0.15
"""Of the way from the threshold to 1, taken for `Judge.decade` where no rates are known."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Similarities that decide about names, and what a similarity is worth.

    Attributes:
        sure: enough for a track of which little has been seen: a tenth of the rate of `enough`.
        enough: enough for any other.
        kept: a name is kept down to here: ten times that rate.
        people: how many the track is compared with.
        judge: who made them.
    """

    sure: float
    enough: float
    kept: float
    people: int
    judge: Judge

    def certainty(self, similarity: float) -> float:
        """How seldom a stranger is so like one of the people, in [0, 1]; or the probability.

        With a calibration it is `probability`. Without one it is 1 less the FPIR that a threshold
        at this similarity would have; where no rates are known, a curve with 0.5 at the threshold.
        """
        probability = self.probability(similarity)
        if probability is not None:
            return probability
        points = sorted((t.value, t.far) for t in self.judge.spec.thresholds if t.far)
        if len(points) < 2:
            width = _PART * max(1 - self.enough, 1e-6)
            return 1 / (1 + math.exp(min(2 * (self.enough - similarity) / width, 500)))
        # Above the measured similarities the rate is the lowest that was measured; below, it rises
        # by as much again as its logarithm does in between.
        value, rate = points[0]
        points.insert(0, (value + math.log10(rate) * self.judge.decade, 1 - 1e-9))
        values, rates = zip(*points, strict=True)
        far = math.exp(float(np.interp(similarity, values, np.log(rates))))
        return 1 - fpir_of(far, max(self.people, 1) * TEMPLATES)

    def probability(self, similarity: float) -> float | None:
        """That two pictures with this similarity are of one person; None without a calibration."""
        if self.judge.calibration is None:
            return None
        return self.judge.calibration.probability(similarity)


@dataclass(frozen=True, slots=True)
class Judge:
    """Makes limits for a model.

    Attributes:
        spec: of the embedder.
        threshold: a similarity in [-1, 1], taken as it is.
        far: a false-accept rate of one comparison of two pictures, taken as the model has it.
        fpir: the share of strangers' tracks that may get a name; 0.01 if nothing is given.
        calibration: takes the place of the spec's measurements.

    Raises:
        ValueError: more than one of `threshold`, `far` and `fpir`, or one is outside its range.
        ModelError: no such threshold was measured for the model.
    """

    spec: ModelSpec
    threshold: float | None = None
    far: float | None = None
    fpir: float | None = None
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        self.decided(1)

    def decided(self, people: int) -> SearchThreshold:
        """The threshold for a comparison with so many people."""
        return search_threshold(
            self.spec,
            max(people, 1) * TEMPLATES,
            threshold=self.threshold,
            far=self.far,
            fpir=self.fpir,
            calibration=self.calibration,
        )

    def limits(self, people: int) -> Limits:
        """The limits for a comparison with so many people."""
        chosen = self.decided(people)
        step = self.decade
        return Limits(chosen.value + step, chosen.value, chosen.value - step, people, self)

    def strangers(self, people: int) -> float:
        """The similarity from which on two of so many unknown tracks are one person.

        Whatever was asked for names, it is that of an FPIR of 1 %; or the `threshold` where the
        model has no rates.

        Raises:
            ModelError: there is neither.
        """
        among = max(people, 1) * TEMPLATES
        try:
            return search_threshold(self.spec, among, calibration=self.calibration).value
        except ModelError:
            if self.threshold is None:
                raise
            return self.threshold

    @property
    def decade(self) -> float:
        """By how much a similarity rises when the false-accept rate falls to a tenth, about."""
        if self.calibration is not None:
            points = [(p.asked, p.similarity) for p in self.calibration.far_table]
        else:
            points = [(t.far, t.value) for t in self.spec.thresholds if t.far]
        low, high = min(points, default=(1.0, 1.0)), max(points, default=(1.0, 1.0))
        if low[0] == high[0]:
            return _PART * (1 - self.strangers(1))
        return max((low[1] - high[1]) / math.log10(high[0] / low[0]), 0.0)
