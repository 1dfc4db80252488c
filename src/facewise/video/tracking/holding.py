"""Look at every nth frame and leave the faces where they are: FastMTCNN, with numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facewise.video.tracking.association import assign, costs
from facewise.video.tracking.identity import Identity
from facewise.video.tracking.looking import look
from facewise.video.tracking.observations import Observation, finished
from facewise.video.tracking.paths import Path
from facewise.video.tracking.schedules import Schedule, Signs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.detection import Detector
    from facewise.video.frames import VideoFrame
    from facewise.video.tracking.records import TrackedFrame
    from facewise.video.tracking.tracks import Anchor

    Floats = NDArray[np.float32]


class Holding:
    """The engine of a schedule that does not carry: every detection is given, and nothing else.

    A face keeps its number where its box overlaps that of the look before.
    """

    def __init__(self, detector: Detector, schedule: Schedule) -> None:
        self._detector = detector
        self._schedule = schedule
        self._since = 0
        self._next = 1
        self._faces: list[tuple[int, Anchor]] = []

    def add(self, frame: VideoFrame) -> list[TrackedFrame]:
        """Give the frame back at once."""
        seen = self._schedule.looks(
            Signs(self._since, self._since == 0, len(self._faces), 1.0, 0.0)
        )
        if seen:
            self._since = 0
            self._look(frame)
        self._since += 1
        observations = [
            Observation(Identity(number), face.box, face.parts, face.score, seen)
            for number, face in self._faces
        ]
        return [finished(frame, observations)]

    def finish(self) -> list[TrackedFrame]:
        """Nothing is left; numbers go on where they were."""
        self._since, self._faces = 0, []
        return []

    def _look(self, frame: VideoFrame) -> None:
        found = look(self._detector, frame.image, self._schedule.resize)
        before = [Path.standing(face.box) for _, face in self._faces]
        after = [Path.standing(face.box) for face in found]
        pairs = assign(costs(before, after, [0.0] * len(before)))
        numbers = {column: self._faces[row][0] for row, column in pairs}
        faces = []
        for column, face in enumerate(found):
            if column not in numbers:
                numbers[column], self._next = self._next, self._next + 1
            faces.append((numbers[column], face))
        self._faces = faces
