"""A scene that is being followed: its frames since the last look, and the faces in it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from facewise.video.tracking.boxes import sizes
from facewise.video.tracking.flow import GrayPicture, gray_height
from facewise.video.tracking.looking import look
from facewise.video.tracking.schedules import Signs
from facewise.video.tracking.segment import Segment
from facewise.video.tracking.thumbnails import Thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from facewise.detection import Detector
    from facewise.video.frames import VideoFrame
    from facewise.video.tracking.observations import Held
    from facewise.video.tracking.schedules import Schedule
    from facewise.video.tracking.tracks import Anchor, Track

    Floats = NDArray[np.float32]

_USUAL = 40.0
"""Pixels of a face's side, to begin with."""


class Scene:
    """Frames of one size that show one scene.

    Attributes:
        segment: the frames from the last look on; empty before the first.
        tracks: the faces that are followed.
        mark: of this scene and its copies.
        length: frames so far.
    """

    def __init__(self) -> None:
        self.length = 0
        self.segment = Segment()
        self.tracks: list[Track] = []
        self.mark = object()
        self._thumbnails = Thumbnails()
        self._rows = 0
        self._fine = 0

    def goes_on(self, frame: VideoFrame) -> bool:
        """Whether the next frame belongs to it too; true of the first."""
        segment = self.segment
        if not len(segment):
            self._choose_rows(frame)
        elif not segment.fits(frame):
            return False
        return self._thumbnails.follow(frame.gray(self._rows))

    def add(self, frame: VideoFrame) -> None:
        """The next frame, after `goes_on` of it: the faces are followed to it."""
        gray = GrayPicture(frame.gray(self._rows), frame.width, frame.height)
        followed = [track for track in self.tracks if track.trust[-1] > 0]
        lost = [track for track in self.tracks if track.trust[-1] <= 0]
        if followed:
            boxes, sure = self.segment.ahead(_boxes(followed), gray)
            for track, box, confidence in zip(followed, boxes, sure, strict=True):
                track.step(box, float(confidence))
        for track in lost:
            track.step(track.boxes[-1], 0.0)
        self.segment.append(frame, gray)
        self.length += 1
        self._fine += 1

    def look(
        self, detector: Detector, schedule: Schedule, *, over: bool = False
    ) -> Callable[[], list[Anchor]]:
        """What looks at the last frame, in whatever thread, and gives the faces that it finds.

        Args:
            detector: finds them.
            schedule: says in what size.
            over: nothing comes after it, so small faces are found now or never.
        """
        scale = schedule.scale(self.signs())
        if over and self._fine > schedule.longest:
            scale = schedule.resize
        if scale == schedule.resize:
            self._fine = 0
        self._thumbnails.keep()
        image = self.segment.frames[-1].image
        expected = [track for track in self.tracks if track.trust[-1] > 0]
        closer = _boxes(expected if scale < schedule.resize else [])
        return partial(look, detector, image, scale, closer)

    def restart(self) -> list[Held]:
        """The last frame is the first of a new segment; gives those before it.

        Faces are followed from it in a gray picture as small as they allow.
        """
        done = self.segment.give(len(self.segment) - 1)
        frame = self.segment.frames[-1]
        self._choose_rows(frame)
        gray = GrayPicture(frame.gray(self._rows), frame.width, frame.height)
        self.segment.repicture(gray)
        return done

    def copy(self) -> Scene:
        """One that goes its own way from here."""
        other = Scene()
        other.segment = self.segment.copy()
        other.mark, other.length = self.mark, self.length
        other.tracks = [track.copy() for track in self.tracks]
        other._thumbnails = replace(self._thumbnails)
        other._rows, other._fine = self._rows, self._fine
        return other

    def signs(self) -> Signs:
        """What is known of the last frame before the detector has looked at it."""
        frame = self.segment.frames[-1]
        seen = [track for track in self.tracks if track.anchor.detected]
        since = len(self.segment) - 1
        return Signs(
            since=since,
            cut=since == 0,
            faces=len(self.tracks),
            weakest=min((track.trust[-1] for track in seen), default=1.0),
            change=self._thumbnails.change(_boxes(self.tracks), frame.width, frame.height),
            fine=self._fine,
            sides=tuple(float(sizes(track.boxes[-1])) for track in self.tracks),
        )

    def _choose_rows(self, frame: VideoFrame) -> None:
        smallest = min((float(sizes(track.boxes[-1])) for track in self.tracks), default=_USUAL)
        self._rows = gray_height(frame.height, smallest)


def _boxes(tracks: Sequence[Track]) -> Floats:
    """Where tracks are, (n, 4)."""
    if not tracks:
        return np.empty((0, 4), np.float32)
    return np.stack([track.boxes[-1] for track in tracks])
