"""How sharp a face is, by its fine detail: two measures, for two questions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import Picture

    Floats = NDArray[np.float32]

SHARP = 0.1
"""See `detail`: from here on a face gains nothing by being sharper."""

_SIDE = 64  # pixels to which every face is brought for `detail`
_FOCUS_SIDE = 112  # pixels to which a larger face is reduced for `focus`


def detail(image: Picture, box: Floats) -> float:
    """The variance of a face's Laplacian, over that of its grey values; at least 0.

    Every face is brought to the same size first, so a small one, which has no fine detail, is not
    sharp either: what an embedder can see of it.

    Args:
        image: uint8 RGB (h, w, 3).
        box: `(x1, y1, x2, y2)` in pixels; what is outside the picture is left out.
    """
    part = inside(image, box)
    if part is None:
        return 0.0
    how = cv2.INTER_AREA if min(part.shape[:2]) > _SIDE else cv2.INTER_LINEAR
    return _relative(
        _grey(np.asarray(cv2.resize(part, (_SIDE, _SIDE), interpolation=how), np.uint8))
    )


def sharp_enough(detail: float) -> float:
    """The share in [0, 1] that the detail lets through."""
    return math.sqrt(min(detail / SHARP, 1.0))


def focus(image: Picture, box: Floats) -> float:
    """As `detail`, but only what is larger than 112 pixels is made smaller.

    So a small face is not taken for a blurred one: whether the picture is in focus. Larger ones are
    reduced, so that a large soft picture is not taken for worse than the same one made smaller.

    Source: J. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative
    study", ICPR 2000, for the variance of the Laplacian; the division makes it independent of
    contrast.
    """
    part = inside(image, box)
    if part is None:
        return 0.0
    grey = _grey(part)
    scale = _FOCUS_SIDE / min(grey.shape)
    if scale < 1:
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = np.asarray(small, np.uint8)
    return _relative(grey)


def inside(image: Picture, box: Floats) -> Picture | None:
    """The pixels of a face, a copy; None where fewer than 3 × 3 lie in the picture."""
    height, width = image.shape[:2]
    x1, y1 = np.floor(box[:2]).clip(0, (width, height)).astype(int)
    x2, y2 = np.ceil(box[2:]).clip(0, (width, height)).astype(int)
    if x2 - x1 < 3 or y2 - y1 < 3:
        return None
    return np.ascontiguousarray(image[y1:y2, x1:x2])


def _grey(part: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8)


def _relative(grey: Picture) -> float:
    contrast = float(grey.var())
    return 0.0 if contrast == 0 else float(cv2.Laplacian(grey, cv2.CV_32F).var()) / contrast
