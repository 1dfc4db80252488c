"""Parts of tracked videos that nobody had to track."""

from __future__ import annotations

import cv2
import numpy as np

from facewise.faces import Faces
from facewise.recognition import UNKNOWN
from facewise.video.naming.records import BestFace, Span, Track


def jpeg(color=(200, 150, 120)):
    picture = np.full((150, 150, 3), color, np.uint8)
    return cv2.imencode(".jpg", picture[:, :, ::-1])[1].tobytes()


def a_track(number, spans, **values):
    """A track; spans are (first frame, last frame), at 25 a second."""
    best = BestFace(spans[0][0], spans[0][0] / 25, (0, 0, 20, 20), 0.8, jpeg())
    defaults = {
        "name": UNKNOWN,
        "person": 0,
        "similarity": None,
        "probability": None,
        "confidence": 0.0,
        "spans": tuple(Span(a, b, a / 25, b / 25) for a, b in spans),
        "frames": sum(b - a + 1 for a, b in spans),
        "detections": 1,
        "embedded": 1,
        "best": best,
        "template": None,
    }
    return Track(id=number, **(defaults | values))


class Limits:
    kept = 0.8


def faces_of(seen, landmarks=None, detected=True):
    boxes = np.array(list(seen.values()), np.float32).reshape(-1, 4)
    n = len(boxes)
    return Faces(boxes, np.full(n, 0.9), landmarks).with_data(
        track=np.array(list(seen), np.int64), detected=np.full(n, detected)
    )
