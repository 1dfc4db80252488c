"""Between looks, look for single faces that may have been lost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from facewise.video.tracking.aside import aside
from facewise.video.tracking.boxes import overlaps
from facewise.video.tracking.looking import look_at

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.video.tracking.scene import Scene

_ALIKE = 0.5
"""Correlation with what a face looked like below which it is doubtful that it is followed."""

_HIDDEN = 0.4
"""Overlap with a face that is followed well, from which on a doubtful one is hidden behind it."""


def recheck(scene: Scene, detector: Detector) -> None:
    """Look at the place of one doubtful face of the last frame: find it again, or lose it.

    One at most, the one that has waited longest, since this takes time and comes on every frame. A
    live tracker cannot wait for the next look: what was told on a frame cannot be made better.
    """
    segment = scene.segment
    frame = segment.frames[-1]
    tracks = [t for t in scene.tracks if t.confirmed and t.patch is not None]
    if not tracks or len(segment) == 1:
        return
    boxes = np.stack([track.boxes[-1] for track in tracks])
    faces = np.stack([track.patch for track in tracks if track.patch is not None])
    firm = (segment.patches(boxes) * faces).sum(axis=1) >= _ALIKE
    firm &= np.array([track.trust[-1] > 0 for track in tracks])
    behind = (overlaps(boxes[:, None], boxes[firm][None]) > _HIDDEN).any(axis=1)
    for track in (tracks[i] for i in np.flatnonzero(~firm & behind)):
        track.lose(len(track.boxes) - 2)
    doubtful = [tracks[i] for i in np.flatnonzero(~firm & ~behind)]
    for track in doubtful:
        track.waited += 1
    if not doubtful:
        return
    track = max(doubtful, key=lambda one: one.waited)
    track.waited = 0
    near = track.trust[-1] == 0
    found = aside(partial(look_at, detector, frame.image, track.boxes[-1], near=near))
    if found is not None and not (overlaps(boxes[firm], found.box) > _HIDDEN).any():
        track.find(found, frame.time, segment.patches(found.box[None])[0])
    elif not near:
        track.lose(len(track.boxes) - 2)
