"""What of each frame is covered, and which faces are still to be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.video.results.covering import Region
from facewise.video.results.regions import covered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.faces import Faces
    from facewise.video.results.tracked_video import TrackedVideo
    from facewise.video.results.whom import Whom

_TOUCHING = 0.25
"""Part of the smaller of two boxes that lies in the other, from which on it may be either's."""


@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """What is covered on one frame.

    Attributes:
        index: of the frame.
        time: seconds, of the frame.
        regions: boxes to be covered, in no order; they may overlap.
        shown: the faces that are not to be covered; a region may reach over them all the same.
    """

    index: int
    time: float
    regions: list[Region]
    shown: Faces


def hidden(video: TrackedVideo, whom: Whom) -> Iterator[Hidden]:
    """What is covered, for every frame in order.

    A face that is not to be covered is, as long as it touches one that is: there the tracks may
    be confused.

    Args:
        video: what was found.
        whom: whose faces are covered.
    """
    free = {track.id for track in video.tracks if not whom.covers(track, video.limits)}
    frames = (
        (seen.index, seen.time, _regions(seen.faces, ~_free(seen.faces, free)))
        for seen in video.faces()
    )
    for places, seen in zip(covered(frames), video.faces(), strict=True):
        shown = _free(seen.faces, free)
        touching = shown & (_common(seen.faces.boxes)[:, ~shown] > _TOUCHING).any(axis=1)
        regions = [*places.regions, *_regions(seen.faces, touching).values()]
        yield Hidden(seen.index, seen.time, regions, seen.faces[shown & ~touching])


def _free(faces: Faces, free: set[int]) -> NDArray[np.bool_]:
    return np.array([track in free for track in faces.data["track"].tolist()], bool)


def _regions(faces: Faces, chosen: NDArray[np.bool_]) -> dict[int, Region]:
    rows = zip(faces.data["track"][chosen].tolist(), faces.boxes[chosen].tolist(), strict=True)
    return {track: Region(*box) for track, box in rows}


def _common(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """What of the smaller of each two boxes lies in the other, in [0, 1]: (n, n)."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    smaller = np.maximum(np.minimum(areas[:, None], areas[None]), 1e-6)
    return np.asarray((high - low).clip(0).prod(axis=2) / smaller, np.float32)
