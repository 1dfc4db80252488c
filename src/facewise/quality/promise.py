"""The quality a face has if it is sharp and well lit: what is known before its pixels are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facewise.quality import boxes as by_box
from facewise.quality.light import light, well_lit
from facewise.quality.pose import ahead
from facewise.quality.sharpness import detail, sharp_enough

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import Picture

    Floats = NDArray[np.float32]


def promise(
    boxes: Floats,
    landmarks: Floats | None,
    scores: Floats,
    size: tuple[int, int],
    everybody: Floats | None = None,
) -> Floats:
    """The most that the quality of faces can be (`assess`), by their places alone.

    Who has many faces, and wants the best, need look at the pixels of few.

    Args:
        boxes: (n, 4), in pixels of the picture.
        landmarks: (n, 5, 2), or None: as if they all looked ahead.
        scores: the detector's, (n,), in [0, 1].
        size: `(width, height)` of the picture.
        everybody: boxes of all faces of the picture, (m, 4), these among them; None: there are no
            others.

    Returns:
        In [0, 1], (n,): the product of `parts_by_place`.
    """
    product = np.ones(len(boxes), np.float32)
    for part in parts_by_place(boxes, landmarks, scores, size, everybody).values():
        product = product * part
    return product


def parts_by_place(
    boxes: Floats,
    landmarks: Floats | None,
    scores: Floats,
    size: tuple[int, int],
    everybody: Floats | None = None,
) -> dict[str, Floats]:
    """The shares that need no pixels, each in [0, 1], (n,); arguments as of `promise`.

    Returns:
        `score`; `size`: of the side of the box to `LARGE` (nothing below `SMALLEST`); `inside`: of
        the box that lies inside the picture; `free`: that is under no other box; `pose`: how far
        the face looks ahead.
    """
    n = len(boxes)
    return {
        "score": np.asarray(scores, np.float32),
        "size": by_box.largeness(boxes),
        "inside": by_box.shown(boxes, size),
        "free": np.ones(n, np.float32) if everybody is None else by_box.uncovered(boxes, everybody),
        "pose": np.ones(n, np.float32) if landmarks is None else ahead(landmarks),
    }


def kept(promised: float, image: Picture, box: Floats) -> float:
    """The quality of a face, in [0, 1], once its pixels are there.

    Args:
        promised: see `promise`.
        image: the picture, uint8 RGB (h, w, 3).
        box: `(x1, y1, x2, y2)` in pixels.
    """
    return promised * sharp_enough(detail(image, box)) * well_lit(*light(image, box))
