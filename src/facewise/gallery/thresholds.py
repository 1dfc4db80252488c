"""The threshold of a search: from a wished rate of strangers with a name to a similarity."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from facewise.recognition import choose_threshold
from facewise.zoo import Threshold

if TYPE_CHECKING:
    from facewise.recognition import Calibration
    from facewise.zoo import ModelSpec

DEFAULT_FPIR = 0.01
"""Of a hundred faces of strangers, one gets a name."""


@dataclass(frozen=True, slots=True)
class SearchThreshold:
    """What a search decides by.

    Attributes:
        value: a face at or above this similarity has the person's name, in [-1, 1].
        far: the false-accept rate of one comparison at this similarity, in (0, 1), or None where
            the similarity was given.
        fpir: the false-positive identification rate that follows for `comparisons`, or None.
        comparisons: of a probe, with which `fpir` was reckoned.
        measured_on: the data behind `far`, or "given".
        note: where `fpir` is not what was wished: why. Else empty.
    """

    value: float
    far: float | None
    fpir: float | None
    comparisons: int
    measured_on: str
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, by the names of the attributes."""
        return asdict(self)

    def as_threshold(self) -> Threshold:
        """Its similarity and rate as those of one comparison."""
        return Threshold(self.value, self.far, self.measured_on)


def fpir_of(far: float, comparisons: int) -> float:
    """How often a stranger gets a name when compared with many: 1 - (1 - FAR)^N.

    So it is where comparisons are independent, and a gallery's are not quite: several faces of one
    person are alike, and some strangers resemble many. It is taken as the estimate it is.

    Source: P. Grother, M. Ngan, K. Hanaoka, "Face Recognition Vendor Test (FRVT) Part 2:
    Identification", NISTIR 8271 (2019), for the terms; the formula is that of N independent trials.

    Example:
        >>> from facewise.gallery.thresholds import fpir_of
        >>> round(fpir_of(1e-3, 100), 4)
        0.0952
    """
    return -math.expm1(comparisons * math.log1p(-far))


def far_for(fpir: float, comparisons: int) -> float:
    """The false-accept rate of one comparison with which N of them give a wished FPIR.

    Example:
        >>> from facewise.gallery.thresholds import far_for, fpir_of
        >>> round(fpir_of(far_for(0.01, 5000), 5000), 6)
        0.01
    """
    return -math.expm1(math.log1p(-fpir) / comparisons)


def search_threshold(
    spec: ModelSpec,
    comparisons: int,
    *,
    threshold: float | None = None,
    far: float | None = None,
    fpir: float | None = None,
    calibration: Calibration | None = None,
) -> SearchThreshold:
    """The threshold for a search.

    Args:
        spec: of the embedder, which has the rates that were measured.
        comparisons: of one probe: the faces (or templates) of the gallery; 0 counts as 1.
        threshold: a similarity in [-1, 1], taken as it is.
        far: the false-accept rate of one comparison, in (0, 1), taken as it is: the more people,
            the more strangers get a name.
        fpir: of all probes of strangers the share that may get a name, in (0, 1); `DEFAULT_FPIR`
            when nothing is given. `far_for` turns it into the rate of one comparison. Where the
            model's thresholds do not reach so low (or so high) a rate, the nearest that was
            measured is used, and `note` and `fpir` of the result say so.
        calibration: takes the place of the spec's measurements.

    Raises:
        ValueError: more than one is given, or one is outside its range.
        ModelError: no thresholds were measured for the model, or none for `far`.
    """
    if sum(given is not None for given in (threshold, far, fpir)) > 1:
        raise ValueError("threshold, far and fpir: give one of them")
    n = max(comparisons, 1)
    note = ""
    if threshold is None and far is None:
        wished = DEFAULT_FPIR if fpir is None else float(fpir)
        if not 0 < wished < 1:
            raise ValueError(f"fpir: expected a rate in (0, 1), got {wished}")
        exact = far_for(wished, n)
        rates = _measured(spec, calibration)
        far = min(max(exact, rates[0]), rates[-1]) if rates else exact
        if far > exact:
            note = (
                f"FPIR {wished:g} with {n:,} comparisons needs FAR {exact:.2g} of each; the lowest "
                f"that was measured is {far:g}"
            )
        elif far < exact:
            note = f"the highest FAR that was measured, {far:g}, is used"
    chosen = choose_threshold(spec, threshold, far, calibration=calibration)
    reached = None if chosen.far is None else fpir_of(chosen.far, n)
    return SearchThreshold(chosen.value, chosen.far, reached, n, chosen.measured_on, note)


def _measured(spec: ModelSpec, calibration: Calibration | None) -> list[float]:
    """The false-accept rates that there are thresholds for, rising."""
    if calibration is not None:
        return sorted(point.asked for point in calibration.far_table)
    return sorted(point.far for point in spec.thresholds if point.far)
