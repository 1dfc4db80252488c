"""How alike two clusters must be to be one person: from measured rates, corrected for the crowd."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.gallery.thresholds import far_for
from facewise.recognition import choose_threshold

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from facewise.recognition import Calibration
    from facewise.zoo import ModelSpec

JOIN_FAR = 2e-4
"""The false-accept rate whose threshold holds for large clusters.

Chosen, with the two below, on collections of LFW's people of five kinds, with both embedders; F
changes little around them (docs/results/curation.md)."""

STRAY = 0.1
"""Of all faces that belong to nobody, the share that may find one face more alike than `pair`."""

LEAST_CROWD = 10_000
"""Faces for which `pair` is reckoned at least: a collection that grows is not judged more loosely
while it is small, so that it does not matter in which order photos come."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Similarities from which on clusters join.

    A mean over many faces has less noise than one pair: where it is low, it is another person; and
    there are far more pairs of faces than pairs of people, so one pair that is alike by chance is
    the rule. So two single faces need `pair`, large clusters `large`, and in between it falls with
    the size n of the larger: `large + (pair - large) / n`.

    Attributes:
        large: cosine, in [-1, 1].
        pair: cosine, at least `large`.
        measured_on: the data behind them, or "given".
        far: the false-accept rates of `large` and `pair`, or None where a cosine was given.
    """

    large: float
    pair: float
    measured_on: str = "given"
    far: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not -1 <= self.large <= self.pair <= 1:
            raise ValueError(
                f"limits: expected -1 <= large <= pair <= 1, got {self.large} and {self.pair}"
            )

    def at(self, sizes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
        """The limit for clusters of so many faces with others of so many; any shape."""
        larger = np.maximum(np.asarray(sizes, np.float64), np.asarray(others, np.float64))
        return self.large + (self.pair - self.large) / larger

    def to_dict(self) -> dict[str, Any]:
        """Plain values, by the names of the attributes."""
        return asdict(self)


def limits_for(
    spec: ModelSpec,
    faces: int,
    *,
    threshold: float | None = None,
    far: float | None = None,
    calibration: Calibration | None = None,
) -> Limits:
    """The limits of a model for a collection.

    Args:
        spec: of the embedder, which has the rates that were measured.
        faces: of the collection: each is compared with all others, so the false-accept rate of
            `pair` is chosen such that a share `STRAY` of strangers finds somebody.
        threshold: a cosine in [-1, 1] that holds for all sizes, instead.
        far: instead of `JOIN_FAR`, in (0, 1).
        calibration: takes the place of the spec's measurements.

    Where the model's thresholds do not reach as low, the lowest that was measured is used.

    Raises:
        ValueError: both are given, or one is outside its range.
        ModelError: no thresholds were measured for the model, or none for `far`.
    """
    if threshold is not None:
        value = choose_threshold(spec, threshold, far).value
        return Limits(value, value)
    if calibration is None:
        measured = [point.far for point in spec.thresholds if point.far]
    else:
        measured = [point.asked for point in calibration.far_table]
    wished = JOIN_FAR if far is None else far
    if far is None and measured:
        wished = min(max(JOIN_FAR, min(measured)), max(measured))
    large = choose_threshold(spec, far=wished, calibration=calibration)
    crowd = far_for(STRAY, max(faces, LEAST_CROWD))
    lowest = min(max(crowd, min(measured, default=crowd)), wished)
    pair = choose_threshold(spec, far=lowest, calibration=calibration)
    return Limits(
        large.value, max(pair.value, large.value), large.measured_on, (float(wished), float(lowest))
    )
