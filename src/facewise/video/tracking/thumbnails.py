"""Frames made tiny: does one go on from the one before, and how much has changed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_SIZE = (32, 18)
"""Columns and rows."""

_APART = 0.08
"""Mean difference, in [0, 1], from which on it may be another scene …"""

_ALIKE = 0.6
"""… and correlation, below which it is one: a flash changes the brightness, and not what is where.
"""


@dataclass(slots=True)
class Thumbnails:
    """Of the last frame, and of the last that was kept."""

    _last: Floats | None = None
    _kept: Floats | None = None

    def follow(self, pixels: NDArray[np.uint8]) -> bool:
        """Take in the next frame, gray, unless it shows another scene; whether it was taken."""
        small = cv2.resize(pixels, _SIZE, interpolation=cv2.INTER_AREA)
        thumbnail = np.asarray(small, np.float32) / np.float32(255)
        if self._last is not None and _another(self._last, thumbnail):
            return False
        self._last = thumbnail
        return True

    def keep(self) -> None:
        """Compare with this frame from now on."""
        self._kept = self._last

    def change(self, boxes: Floats, width: int, height: int) -> float:
        """Mean difference, in [0, 1], of the last frame and the kept one, outside of boxes.

        Args:
            boxes: (n, 4), in pixels of the frame.
            width: of the frame.
            height: of the frame.
        """
        if self._last is None or self._kept is None:
            return 0.0
        apart = np.abs(self._last - self._kept)
        scale = np.array(_SIZE * 2) / np.array([width, height] * 2)
        for x1, y1, x2, y2 in np.rint(boxes * scale).clip(0, max(_SIZE)).astype(int):
            apart[y1 : y2 + 1, x1 : x2 + 1] = 0
        return float(apart.mean())


def _another(one: Floats, other: Floats) -> bool:
    if np.abs(one - other).mean() < _APART:
        return False
    a, b = one - one.mean(), other - other.mean()
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return norm < 1e-6 or float((a * b).sum()) / norm < _ALIKE
