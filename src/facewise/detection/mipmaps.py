"""Copies of a picture at half, a quarter, an eighth … of its size: for a quick look.

Bilinear interpolation from the next larger copy is near the mean over the same window and costs a
tenth of it. It is not the same: what it shows must only be used to decide where to look exactly
(`docs/design.md`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Places = NDArray[np.intp]


_EARLY = 0.05
"""Of a halving: a copy a little too small is taken before one of nearly twice the size."""


class Mipmaps:
    """The copies of one picture (Williams 1983).

    Args:
        image: uint8 RGB, shape (H, W, 3).
    """

    def __init__(self, image: Pixels) -> None:
        copies = [image]
        while min(copies[-1].shape[:2]) > 1:
            height, width = copies[-1].shape[:2]
            half: Any = cv2.resize(
                copies[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA
            )
            copies.append(half)
        self._copies = copies
        self._sizes = np.array([copy.shape[1::-1] for copy in copies])

    def crops(self, windows: Places, size: int) -> Pixels:
        """Windows of the picture, each as a square, from a copy that is little larger.

        Args:
            windows: integer (n, 4), `(left, top, right, bottom)` inside the picture, right and
                bottom exclusive, none empty.
            size: side of the squares in pixels.

        Returns:
            uint8 (n, size, size, 3).
        """
        crops = np.empty((len(windows), size, size, 3), np.uint8)
        sides = (windows[:, 2:] - windows[:, :2]).max(axis=1)
        levels = np.floor(np.log2(sides / size) + _EARLY).astype(np.intp)
        levels = levels.clip(0, len(self._copies) - 1)
        step = 1 << levels[:, None]
        # To the nearest pixel of the copy, and at least one.
        limits = self._sizes[levels]
        first = np.minimum(windows[:, :2] // step, limits - 1)
        last = np.minimum((windows[:, 2:] + step // 2) // step, limits)
        last = np.maximum(last, first + 1)
        places = np.concatenate([levels[:, None], first, last], axis=1).tolist()
        for crop, (level, x1, y1, x2, y2) in zip(crops, places, strict=True):
            part = self._copies[level][y1:y2, x1:x2]
            cv2.resize(part, (size, size), dst=crop, interpolation=cv2.INTER_LINEAR)
        return crops
