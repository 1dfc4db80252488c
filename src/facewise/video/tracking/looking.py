"""Ask the detector: about a whole frame, or about a place in it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facewise.faces import Faces
from facewise.video.tracking.aside import aside
from facewise.video.tracking.boxes import centers, overlaps, sizes
from facewise.video.tracking.tracks import Anchor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.detection import Detector
    from facewise.images import Picture

    Floats = NDArray[np.float32]

_AROUND = 0.75
"""What is shown of the surroundings of a place, on each side, in sides of the box."""

_LARGEST = 96
"""Pixels of the longer side of a face in a place: a larger one is made smaller."""

_SAME = 0.4
"""Overlap with the place from which on what is found there is meant."""


_ANOTHER = 0.3
"""Overlap with an expected face from which on what was found may be it."""

_NOWHERE = np.empty((0, 4), np.float32)

_OTHER_SIZE = 1.6
"""Ratio of the sides of a face that should be in a place and of one beside it, at most."""


def look(
    detector: Detector, image: Picture, resize: float, closer: Floats = _NOWHERE
) -> list[Anchor]:
    """The faces of a frame.

    Args:
        detector: what finds them.
        image: uint8 RGB (h, w, 3).
        resize: what the frame is multiplied by first, bilinearly, as FastMTCNN does.
        closer: where faces are expected, (n, 4). Those that are not found are looked for once more
            at these places, in full size.
    """
    small, scale = image, np.ones(2, np.float32)
    if resize != 1:
        height, width = image.shape[:2]
        size = max(int(width * resize), 1), max(int(height * resize), 1)
        small = np.asarray(cv2.resize(image, size), np.uint8)
        scale = np.array([width / size[0], height / size[1]], np.float32)
    found = _anchors(detector.detect([small])[0], scale, np.zeros(2, np.float32))
    for box in closer:
        boxes = _boxes(found)
        if (overlaps(boxes, box) < _ANOTHER).all():
            face = aside(partial(look_at, detector, image, box))
            if face is not None and (overlaps(boxes, face.box) < _SAME).all():
                found.append(face)
    return found


def look_at(
    detector: Detector, image: Picture, box: Floats, *, near: bool = False
) -> Anchor | None:
    """What the detector finds where a face should be, or None.

    Args:
        detector: what finds it.
        image: uint8 RGB (h, w, 3).
        box: where it should be, (4,).
        near: it may also be beside the box, by up to its side, and of another size.
    """
    height, width = image.shape[:2]
    sides = box[2:] - box[:2]
    low = np.floor(box[:2] - _AROUND * sides).clip(0, (width, height)).astype(int)
    high = np.ceil(box[2:] + _AROUND * sides).clip(0, (width, height)).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    if min(part.shape[:2]) < 8:
        return None
    factor = min(_LARGEST / float(sides.max()), 1.0)
    size = max(round(part.shape[1] * factor), 1), max(round(part.shape[0] * factor), 1)
    scale = np.array([part.shape[1] / size[0], part.shape[0] / size[1]], np.float32)
    small = np.ascontiguousarray(
        part if factor == 1 else cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    )
    found = _anchors(detector.detect([small])[0], scale, low.astype(np.float32))
    if not found:
        return None
    boxes = _boxes(found)
    common = overlaps(boxes, box)
    best = int(common.argmax())
    if common[best] >= _SAME:
        return found[best]
    larger, smaller = np.maximum(sizes(boxes), sizes(box)), np.minimum(sizes(boxes), sizes(box))
    distance = np.linalg.norm(centers(boxes) - centers(box), axis=1) / larger
    best = int(distance.argmin())
    if near and distance[best] < 1 and larger[best] < _OTHER_SIZE * smaller[best]:
        return found[best]
    return None


def _boxes(found: list[Anchor]) -> Floats:
    return np.stack([anchor.box for anchor in found]) if found else _NOWHERE


def _anchors(faces: Faces, scale: Floats, corner: Floats) -> list[Anchor]:
    boxes = faces.boxes * np.tile(scale, 2) + np.tile(corner, 2)
    points = None if faces.landmarks is None else faces.landmarks * scale + corner
    return [
        Anchor.of(boxes[i], None if points is None else points[i], float(faces.scores[i]))
        for i in range(len(faces))
    ]
