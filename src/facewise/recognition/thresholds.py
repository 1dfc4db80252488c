"""From what a user asks for (a similarity, an error rate, nothing) to a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facewise.zoo import ModelSpec, Threshold

if TYPE_CHECKING:
    from facewise.recognition.calibration import Calibration

DEFAULT_FAR = 1e-3
"""Of two pictures of different people, one pair in a thousand counts as the same."""


def choose_threshold(
    spec: ModelSpec,
    threshold: float | None = None,
    far: float | None = None,
    *,
    calibration: Calibration | None = None,
) -> Threshold:
    """The threshold to decide by.

    Args:
        spec: the embedder's spec, which has the thresholds that were measured.
        threshold: a cosine similarity in [-1, 1], taken as it is.
        far: a false-accept rate in (0, 1). When neither is given, `DEFAULT_FAR`, or the lowest that
            was measured if that is higher: a model trained on a few people has no lower one, and
            `Threshold.far` says which it is.
        calibration: takes the place of the spec's measurements.

    Raises:
        ValueError: both are given, or one is outside its range.
        ModelError: no threshold was measured for this rate.

    Example:
        >>> from facewise.recognition import choose_threshold
        >>> from facewise.zoo import get_spec
        >>> choose_threshold(get_spec("dlib_resnet29.dlib"), threshold=0.95)
        Threshold(value=0.95, far=None, measured_on='given')
    """
    if threshold is not None and far is not None:
        raise ValueError("threshold and far: give one of them, not both")
    if threshold is not None:
        if not -1 <= threshold <= 1:
            raise ValueError(f"threshold: expected a similarity in [-1, 1], got {threshold}")
        return Threshold(float(threshold), None, "given")
    if far is None:
        far = DEFAULT_FAR
        measured = [point.far for point in spec.thresholds if point.far]
        if calibration is None and measured:
            far = max(far, min(measured))
    far = float(far)
    if not 0 < far < 1:
        raise ValueError(f"far: expected a rate in (0, 1), got {far}")
    return spec.threshold(far) if calibration is None else calibration.threshold(far)
