"""Heads cut out of portraits, softly, to be moved over a background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_REACH = (0.80, 0.86)
"""Half-axes of the ellipse of a whole head, in widths and heights of the face's box."""

_RAISED = 0.12
"""How far its centre lies above that of the box, in heights of the box."""

_SOFT = 0.35
"""Part of the half-axes over which a head fades out."""


@dataclass(frozen=True, eq=False)
class Head:
    """A head to draw.

    Attributes:
        person: whose.
        picture: the file it is from.
        pixels: float32 (h, w, 4), RGB in 0 to 255 times alpha, and alpha in [0, 1].
        box: of the face, `(x1, y1, x2, y2)` in `pixels`, as a detector draws it.
    """

    person: str
    picture: str
    pixels: Floats
    box: tuple[float, float, float, float]

    @property
    def height(self) -> float:
        """Of the face."""
        return self.box[3] - self.box[1]

    @cached_property
    def levels(self) -> Sequence[tuple[float, Floats]]:
        """The pixels at 1, 1/2 and 1/4 of their size, each with its factor, largest first."""
        levels = [(1.0, self.pixels)]
        for _ in range(2):
            factor, last = levels[-1]
            height, width = last.shape[:2]
            even = last[: height // 2 * 2, : width // 2 * 2]
            small = cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            levels.append((factor / 2, np.asarray(small, np.float32)))
        return levels


def cut_head(image: NDArray[np.uint8], box: Sequence[float], person: str, picture: str) -> Head:
    """The head around the box of a face, fading out into nothing.

    Args:
        image: uint8 RGB (h, w, 3).
        box: `(x1, y1, x2, y2)` of the face.
        person: whose it is.
        picture: where it is from.
    """
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    across = (x + 0.5 - (x1 + x2) / 2) / (_REACH[0] * width)
    down = (y + 0.5 - (y1 + y2) / 2 + _RAISED * height) / (_REACH[1] * height)
    alpha = np.clip((1 - np.hypot(across, down)) / _SOFT, 0, 1)
    alpha = alpha * alpha * (3 - 2 * alpha)
    alpha[[0, -1]] = alpha[:, [0, -1]] = 0
    pixels = np.dstack([image * alpha[..., None], alpha]).astype(np.float32)
    return Head(person, picture, pixels, (x1, y1, x2, y2))
