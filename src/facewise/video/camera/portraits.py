"""The best picture of each face that is there, cut out of its frame, for those who enrol it."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facewise.quality import kept, promise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.faces import Faces
    from facewise.images import Picture
    from facewise.video.tracking import TrackedFrame

_MARGIN = 0.6
"""Of the longer side of a face, around it on each side."""

_LARGEST = 480
"""Pixels of a side of a portrait."""

_APART = 0.2
"""Seconds between two looks at one face."""

_BETTER = 1.1
"""Times the quality that a new portrait must have."""

_VERSIONS, _FACES = 3, 32
"""Portraits of one face, and faces, that are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A face with what is around it.

    Attributes:
        track: whose.
        version: how many were kept of this face before, and one.
        image: uint8 RGB (s, s, 3); black where it reaches out of the frame.
        box: `(x1, y1, x2, y2)` of the face in it, in pixels.
        quality: in [0, 1]; see `facewise.quality`.
        time: seconds, of the frame.
    """

    track: int
    version: int
    image: Picture
    box: tuple[float, float, float, float]
    quality: float
    time: float

    def jpeg(self) -> bytes:
        """It as a JPEG file."""
        return bytes(cv2.imencode(".jpg", cv2.cvtColor(self.image, cv2.COLOR_RGB2BGR))[1])


class Portraits:
    """The best portraits of those who are there, or were lately; for several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, deque[Portrait]] = OrderedDict()
        self._looked: dict[int, float] = {}
        self._lock = threading.Lock()

    def see(self, tracked: TrackedFrame) -> None:
        """Take the next frame: look at those faces that were not looked at just before."""
        faces = tracked.faces
        tracks = faces.data["track"].tolist()
        due = [
            place
            for place, track in enumerate(tracks)
            if tracked.time >= self._looked.get(track, -np.inf) + _APART
        ]
        if not due:
            return
        size = tracked.frame.width, tracked.frame.height
        some = faces[due]
        promised = promise(some.boxes, some.landmarks, some.scores, size, faces.boxes).tolist()
        for place, most in zip(due, promised, strict=True):
            track = tracks[place]
            self._looked[track] = tracked.time
            best = self.of(track)
            if best is not None and most <= best.quality * _BETTER:
                continue
            worth = kept(most, tracked.image, faces.boxes[place])
            if best is None or worth > best.quality * _BETTER:
                version = 1 if best is None else best.version + 1
                image, box = cut_out(tracked.image, faces, place)
                self._keep(Portrait(track, version, image, box, worth, tracked.time))

    def of(self, track: int, version: int | None = None) -> Portrait | None:
        """The portrait of a track: the best one, or an earlier one, if it is still there."""
        with self._lock:
            some = self._kept.get(track, ())
            return next((p for p in reversed(some) if version in {None, p.version}), None)

    def versions(self) -> dict[int, int]:
        """The number of the best portrait of each track."""
        with self._lock:
            return {track: some[-1].version for track, some in self._kept.items()}

    def _keep(self, portrait: Portrait) -> None:
        with self._lock:
            some = self._kept.setdefault(portrait.track, deque(maxlen=_VERSIONS))
            some.append(portrait)
            self._kept.move_to_end(portrait.track)
            while len(self._kept) > _FACES:
                gone, _ = self._kept.popitem(last=False)
                self._looked.pop(gone, None)


def cut_out(
    image: Picture, faces: Faces, place: int
) -> tuple[Picture, tuple[float, float, float, float]]:
    """One face of a frame with what is around it, in the middle of a square.

    Args:
        image: uint8 RGB (h, w, 3).
        faces: of the frame.
        place: of the face among them.

    Returns:
        uint8 RGB (s, s, 3), black outside the frame, s at most `_LARGEST`; and the face's box
        there.
    """
    x1, y1, x2, y2 = faces.boxes[place].tolist()
    half = max(8.0, (0.5 + _MARGIN) * max(x2 - x1, y2 - y1))
    left, top = round((x1 + x2) / 2 - half), round((y1 + y2) / 2 - half)
    side = round(2 * half)
    square: NDArray[np.uint8] = np.zeros((side, side, 3), np.uint8)
    height, width = image.shape[:2]
    low = max(left, 0), max(top, 0)
    high = max(min(left + side, width), low[0]), max(min(top + side, height), low[1])
    square[low[1] - top : high[1] - top, low[0] - left : high[0] - left] = image[
        low[1] : high[1], low[0] : high[0]
    ]
    factor = min(1.0, _LARGEST / side)
    if factor < 1:
        size = (_LARGEST, _LARGEST)
        square = np.asarray(cv2.resize(square, size, interpolation=cv2.INTER_AREA), np.uint8)
    box = (x1 - left, y1 - top, x2 - left, y2 - top)
    x1, y1, x2, y2 = (value * factor for value in box)
    return square, (x1, y1, x2, y2)
