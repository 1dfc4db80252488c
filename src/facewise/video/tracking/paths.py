"""Where a face is on the frames of a segment, as it is followed from one of its ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.video.tracking.boxes import overlaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_AGREED = 0.3
"""Overlap of the ways from both ends from which on they are the same way, and are averaged."""


@dataclass(frozen=True, slots=True)
class Path:
    """A box for every frame of a segment, its ends included.

    Attributes:
        boxes: float32 (frames, 4), in pixels.
        trust: float32 (frames,), in [0, 1]; 0 where the face was not followed to, and the box is a
            guess.
    """

    boxes: Floats
    trust: Floats

    @classmethod
    def standing(cls, box: Floats) -> Path:
        """Of a single frame."""
        return cls(box[None], np.ones(1, np.float32))


def led_to(path: Path, box: Floats) -> Path:
    """A path bent so that it ends at a box: what it has gone astray is spread over the way."""
    place = np.linspace(0, 1, len(path.trust), dtype=np.float32)[:, None]
    return Path(path.boxes + place * (box - path.boxes[-1]), path.trust)


def joined(forward: Path, backward: Path) -> Path:
    """One path from two, one followed from the first frame and the other from the last.

    Each end counts most where it is near, so that the result begins and ends where they do. Where
    neither was followed to, it goes straight from one to the other, with a trust of 0.
    """
    frames = len(forward.trust)
    place = np.linspace(0, 1, frames, dtype=np.float32)
    ahead, back = forward.trust * (1 - place), backward.trust * place
    apart = overlaps(forward.boxes, backward.boxes) < _AGREED
    # Two ways that differ: the nearer end's, not something in the middle that is neither.
    first = ahead >= back
    ahead, back = np.where(apart & ~first, 0, ahead), np.where(apart & first, 0, back)
    total = ahead + back
    known = total > 0
    share = back / np.where(known, total, 1)
    boxes = forward.boxes * (1 - share)[:, None] + backward.boxes * share[:, None]
    if known.any():
        unknown, frame = ~known, np.arange(frames)
        for column in range(4):
            boxes[unknown, column] = np.interp(frame[unknown], frame[known], boxes[known, column])
    trust = np.where(known, forward.trust * (1 - share) + backward.trust * share, 0)
    return Path(boxes.astype(np.float32), trust.astype(np.float32))
