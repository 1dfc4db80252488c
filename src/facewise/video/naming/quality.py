"""How much a face of a frame tells of whose it is: by size, pose, sharpness and score."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facewise.video.tracking.boxes import areas, shown_part, sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import Picture

    Floats = NDArray[np.float32]

SMALLEST = 24.0
"""Side of a face, in pixels, below which it tells nothing."""

_LARGE = 100.0
"""Side from which on a face gains nothing by being larger."""

_SHARP = 0.1
"""See `sharpness`: from here on a face gains nothing by being sharper."""

_TURNED = 0.2
"""See `turn`: up to here a face looks ahead …"""

_AWAY = 0.25
"""… and at so much more its worth is down to a third."""

_SIDE = 64  # pixels to which every face is brought before its sharpness is measured


def promise(
    boxes: Floats,
    landmarks: Floats | None,
    scores: Floats,
    size: tuple[int, int],
    everybody: Floats | None = None,
) -> Floats:
    """The quality that faces of a frame have if they are sharp; see `quality`.

    Args:
        boxes: (n, 4), in pixels of the frame.
        landmarks: (n, 5, 2), or None: as if they all looked ahead.
        scores: the detector's, (n,).
        size: `(width, height)` of the frame.
        everybody: boxes of all faces on the frame, (m, 4), these among them; None: there are no
            others.

    Returns:
        In [0, 1], (n,): the product of shares, each in [0, 1]: of the side of the box to `_LARGE`
        (nothing below `SMALLEST`); of the box that lies inside the frame, and under no other box;
        of how far the face looks ahead; and the score.
    """
    sides = sizes(boxes)
    large = np.where(sides < SMALLEST, 0, np.minimum(sides / _LARGE, 1))
    result = large * shown_part(boxes, *size) * scores
    if everybody is not None:
        result = result * (1 - _covered(boxes, everybody))
    if landmarks is not None:
        result = result * np.exp(-((np.maximum(turn(landmarks) - _TURNED, 0) / _AWAY) ** 2))
    return np.asarray(result, np.float32)


def quality(promised: float, sharp: float) -> float:
    """The quality of a face, in [0, 1].

    Over 860 pictures of 24 people of LFW, three in four made smaller, blurred and compressed, its
    rank correlation with the cosine to the mean of the person's other pictures is 0.79; that of the
    side of the box alone is 0.71, of `sharpness` alone 0.75 (`bench/poor_faces.py`).

    Args:
        promised: see `promise`.
        sharp: see `sharpness`.
    """
    return promised * math.sqrt(min(sharp / _SHARP, 1.0))


def turn(landmarks: Floats) -> Floats:
    """How far faces are turned to a side: 0 looks ahead, at 0.5 the nose is below an eye.

    Args:
        landmarks: (n, 5, 2), eyes first, then the nose.

    Returns:
        (n,): the distance of the nose from the middle of the eyes, along the line through them, in
        distances of the eyes.
    """
    axis = landmarks[:, 1] - landmarks[:, 0]
    middle = (landmarks[:, 0] + landmarks[:, 1]) / 2
    along = ((landmarks[:, 2] - middle) * axis).sum(axis=1)
    return np.asarray(np.abs(along) / np.maximum((axis**2).sum(axis=1), 1e-6), np.float32)


def _covered(boxes: Floats, everybody: Floats) -> Floats:
    """The part of each box (n, 4) that lies under the one of all others that covers most, (n,)."""
    one, other = boxes[:, None], everybody[None]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    common = sides.clip(0).prod(axis=2) / np.maximum(areas(boxes)[:, None], 1e-6)
    common[(one == other).all(axis=2)] = 0
    return np.asarray(common.max(axis=1, initial=0), np.float32)


def sharpness(image: Picture, box: Floats) -> float:
    """The variance of a face's Laplacian, over that of its grey values; at least 0.

    Every face is brought to the same size first, so a small one, which has no fine detail, is not
    sharp either. (`gallery.quality.sharpness` leaves small ones as they are; there their size is
    judged apart.)

    Args:
        image: uint8 RGB (h, w, 3).
        box: `(x1, y1, x2, y2)` in pixels; what is outside the picture is left out.
    """
    height, width = image.shape[:2]
    x1, y1 = np.floor(box[:2]).clip(0, (width, height)).astype(int)
    x2, y2 = np.ceil(box[2:]).clip(0, (width, height)).astype(int)
    if x2 - x1 < 3 or y2 - y1 < 3:
        return 0.0
    part = np.ascontiguousarray(image[y1:y2, x1:x2])
    how = cv2.INTER_AREA if min(part.shape[:2]) > _SIDE else cv2.INTER_LINEAR
    grey = cv2.cvtColor(cv2.resize(part, (_SIDE, _SIDE), interpolation=how), cv2.COLOR_RGB2GRAY)
    contrast = float(grey.var())
    return 0.0 if contrast == 0 else float(cv2.Laplacian(grey, cv2.CV_32F).var()) / contrast
