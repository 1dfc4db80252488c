"""Whether a face is lit so that it can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from facewise.quality.sharpness import inside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import Picture

    Floats = NDArray[np.float32]

DARK, BRIGHT = 60.0, 200.0
"""Between these means of grey values, of 0 to 255, a face loses nothing. 13,213 of the 13,232 faces
of LFW are."""

FLAT = 20.0
"""Standard deviation of grey values from which on a face loses nothing. 1 in 1,000 faces of LFW has
less."""

_BLACK, _WHITE = 10.0, 250.0
"""Means at which nothing is to be seen."""


def light(image: Picture, box: Floats) -> tuple[float, float]:
    """Mean and standard deviation of a face's grey values, of 0 to 255; zeros outside the picture.

    Args:
        image: uint8 RGB (h, w, 3).
        box: `(x1, y1, x2, y2)` in pixels; what is outside the picture is left out.
    """
    part = inside(image, box)
    if part is None:
        return 0.0, 0.0
    mean, deviation = cv2.meanStdDev(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY))
    return float(mean[0, 0]), float(deviation[0, 0])


def well_lit(mean: float, deviation: float) -> float:
    """The share in [0, 1] that the light lets through; see `light`."""
    dark = (mean - _BLACK) / (DARK - _BLACK)
    bright = (_WHITE - mean) / (_WHITE - BRIGHT)
    return float(np.clip(min(dark, bright, deviation / FLAT), 0, 1))
