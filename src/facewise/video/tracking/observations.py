"""Faces of frames that are not finished, and the frames that come of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facewise.faces import Faces
from facewise.video.tracking.boxes import out_of_box, overlaps
from facewise.video.tracking.records import TrackedFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.video.frames import VideoFrame
    from facewise.video.tracking.identity import Identity

    Floats = NDArray[np.float32]


_SAME = 0.5
"""Overlap from which on two boxes of a frame are one face."""

_TOUCHING = 0.1
"""Overlap that a guessed face may have with another."""


class Observation(NamedTuple):
    """A face on one frame.

    Attributes:
        who: the number of its track, which may not be decided yet.
        box: float32 (4,), in pixels.
        parts: landmarks in parts of the box, float32 (5, 2), or None.
        score: in [0, 1].
        detected: seen by the detector on this frame.
    """

    who: Identity
    box: Floats
    parts: Floats | None
    score: float
    detected: bool

    @property
    def number(self) -> int | None:
        """From 1 on; None: not decided."""
        return self.who.number


class Held(NamedTuple):
    """A frame whose faces are known, but for their numbers perhaps."""

    frame: VideoFrame
    faces: Sequence[Observation]

    @property
    def decided(self) -> bool:
        """Whether all numbers are known."""
        return all(face.number is not None for face in self.faces)


def apart(faces: Sequence[tuple[float, Observation]]) -> list[Observation]:
    """Of faces in one place only the most trusted.

    Args:
        faces: each with the trust in it, in [0, 1]; one with none must not even touch another. One
            that the detector saw counts most.
    """
    if len(faces) < 2:
        return [face for _, face in faces]
    faces = sorted(faces, key=lambda pair: -pair[0] - pair[1].detected)
    boxes = np.stack([face.box for _, face in faces])
    common = overlaps(boxes[:, None], boxes[None])
    kept: list[int] = []
    for i, (trust, _) in enumerate(faces):
        if not (common[i, kept] > (_SAME if trust > 0 else _TOUCHING)).any():
            kept.append(i)
    return [faces[i][1] for i in kept]


def finished(frame: VideoFrame, seen: Sequence[Observation]) -> TrackedFrame:
    """A frame with its faces, by rising number; of two with the same number only the better one."""
    by_number = {face.number or 0: face for face in sorted(seen, key=_worth)}
    seen = [by_number[number] for number in sorted(by_number)]
    # Without a face there is nothing to say about landmarks; with some, all have them or none.
    points = [out_of_box(face.parts, face.box) for face in seen if face.parts is not None]
    if not seen:
        faces = Faces.empty(landmarks=False)
    else:
        boxes = np.stack([face.box for face in seen])
        boxes[:, 2:] = np.maximum(boxes[:, :2], boxes[:, 2:])
        faces = Faces(
            boxes,
            np.clip([face.score for face in seen], 0, 1),
            np.stack(points) if len(points) == len(seen) else None,
        )
    faces = faces.with_data(
        track=np.array(sorted(by_number), np.int64),
        detected=np.array([face.detected for face in seen], bool),
    )
    return TrackedFrame(frame.index, frame.time, frame, faces)


def _worth(face: Observation) -> tuple[bool, float]:
    return face.detected, face.score
