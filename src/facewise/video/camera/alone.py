"""A portrait that shows one face and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import NoFaceError
from facewise.recognition.people import plain_subject
from facewise.runtime.workers import device_turn
from facewise.video.tracking.boxes import overlaps

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.images import Picture
    from facewise.video.camera.portraits import Portrait

_SAME = 0.3
"""Overlap of two boxes from which on they are one face."""

_GREY = 128

_AROUND = 0.4
"""Of a face's sides, that is painted over around it."""

_ROUNDS = 3


def alone(portrait: Portrait, detector: Detector) -> Picture:
    """The portrait with its own face, and others painted over; uint8 RGB (s, s, 3).

    Raises:
        NoFaceError: the detector does not find the face there, or others are too near.
    """
    image = portrait.image
    for _ in range(_ROUNDS):
        with device_turn(detector):
            [faces] = detector.detect([image])
        box = np.asarray(portrait.box, np.float32)
        common = overlaps(faces.boxes, box[None]) if len(faces) else np.zeros(1)
        own = int(common.argmax())
        if common[own] < _SAME:
            raise NoFaceError(
                "no clear face in the picture of it; wait until the face looks to the camera"
            )
        if plain_subject(faces)[0] == own:
            return image
        image = _painted(image, faces.boxes, own)
    raise NoFaceError("other faces are too near in the picture of it; wait until it is alone")


def _painted(image: Picture, boxes: np.ndarray, own: int) -> Picture:
    """A copy in which all faces but one are painted over, with some of what is around them."""
    grown = (boxes[:, 2:] - boxes[:, :2]) * _AROUND
    low, high = boxes[:, :2] - grown, boxes[:, 2:] + grown
    areas = np.concatenate([low, high], axis=1).round().astype(int).clip(0).tolist()
    painted: Picture = np.array(image)
    for other, (x1, y1, x2, y2) in enumerate(areas):
        if other != own:
            painted[y1:y2, x1:x2] = _GREY
    x1, y1, x2, y2 = boxes[own].round().astype(int).clip(0).tolist()
    painted[y1:y2, x1:x2] = image[y1:y2, x1:x2]
    return painted
