"""The frames since the last look, and what is known of the faces on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.video.tracking.boxes import shown_part
from facewise.video.tracking.flow import GrayPicture, carry
from facewise.video.tracking.observations import Held, Observation, apart
from facewise.video.tracking.patches import patches
from facewise.video.tracking.paths import Path
from facewise.video.tracking.tracks import ENOUGH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.video.frames import VideoFrame

    Floats = NDArray[np.float32]

_INSIDE = 0.3
"""Part of a box that must lie inside the picture, or the face has left."""


class Segment:
    """Frames of one size, from one look to the next.

    Attributes:
        frames: in order; the first was looked at.
    """

    def __init__(self) -> None:
        self.frames: list[VideoFrame] = []
        self._grays: list[GrayPicture] = []
        self._faces: list[list[tuple[float, Observation]]] = []

    def __len__(self) -> int:
        return len(self.frames)

    def copy(self) -> Segment:
        """With the same frames."""
        other = Segment()
        other.frames, other._grays = list(self.frames), list(self._grays)
        other._faces = [list(faces) for faces in self._faces]
        return other

    def fits(self, frame: VideoFrame) -> bool:
        """Whether a frame has the size of those before it."""
        last = self.frames[-1]
        return (last.width, last.height) == (frame.width, frame.height)

    def append(self, frame: VideoFrame, gray: GrayPicture) -> None:
        """One more frame."""
        self.frames.append(frame)
        self._grays.append(gray)
        self._faces.append([])

    def ahead(self, boxes: Floats, gray: GrayPicture) -> tuple[Floats, Floats]:
        """Boxes of the last frame followed to the next; see `carry`. One that leaves is lost."""
        return self._step(self._grays[-1], gray, boxes)

    def back(self, boxes: Floats) -> list[Path]:
        """Boxes (n, 4) of the last frame, each followed back to the first."""
        n, frames = len(boxes), len(self)
        ways, trust = np.zeros((frames, n, 4), np.float32), np.zeros((frames, n), np.float32)
        ways[-1], trust[-1] = boxes, 1
        for i in range(frames - 2, -1, -1):
            ways[i], alive = ways[i + 1], trust[i + 1] > 0
            if alive.any():
                here, there = self._grays[i + 1], self._grays[i]
                ways[i, alive], sure = self._step(here, there, ways[i, alive])
                trust[i, alive] = trust[i + 1, alive] * np.minimum(sure / ENOUGH, 1)
        return [Path(ways[:, j], trust[:, j]) for j in range(n)]

    def patches(self, boxes: Floats) -> Floats:
        """What boxes (n, 4) of the last frame show; see `patches`."""
        return patches(self._grays[-1], boxes)

    def likeness(self, faces: Floats, ways: Sequence[Path]) -> Floats:
        """How much what lies on the ways of n faces looks like them, in [-1, 1]: (n, frames).

        Args:
            faces: what they look like, (n, 256).
            ways: n ways through the segment.
        """
        result = np.zeros((len(ways), len(self)), np.float32)
        for place, gray in enumerate(self._grays):
            seen = patches(gray, np.stack([way.boxes[place] for way in ways]))
            result[:, place] = (seen * faces).sum(axis=1)
        return result

    def put(self, place: int, face: Observation, trust: float) -> None:
        """A face on a frame.

        Args:
            place: of the frame in the segment.
            face: what is known.
            trust: in that, in [0, 1]. Where two are on one place, the one in front is the one that
                is trusted; and where nothing is, it is not given where it even touches another.
        """
        self._faces[place].append((trust, face))

    def give(self, count: int) -> list[Held]:
        """The first so many frames, which are finished."""
        done = [
            Held(frame, apart(faces))
            for frame, faces in zip(self.frames[:count], self._faces[:count], strict=True)
        ]
        del self.frames[:count], self._grays[:count], self._faces[:count]
        return done

    def repicture(self, gray: GrayPicture) -> None:
        """Follow from another gray picture of the last frame."""
        self._grays[-1] = gray

    def _step(self, here: GrayPicture, there: GrayPicture, boxes: Floats) -> tuple[Floats, Floats]:
        moved, sure = carry(here, there, boxes)
        frame = self.frames[-1]
        sure[shown_part(moved, frame.width, frame.height) < _INSIDE] = 0
        return moved, sure
