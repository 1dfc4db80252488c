"""From the faces that the detector sees on a frame to chips worth keeping, and to vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facewise.alignment import crop
from facewise.quality import kept, promise
from facewise.runtime.workers import device_turn
from facewise.video.naming.evidence import Look
from facewise.video.naming.records import BestFace
from facewise.video.tracking.aside import aside

if TYPE_CHECKING:
    from facewise.alignment import CropPolicy
    from facewise.embedding import Embedder
    from facewise.images import Picture
    from facewise.video.naming.evidence import Evidence
    from facewise.video.tracking import TrackedFrame

_JPEG_QUALITY = 95


_APART = 0.2
"""Seconds between carried faces of a track that are looked at."""

_TRUSTED = 0.5
"""Score of a carried face from which on it lies where its box is."""


def offer_faces(
    tracked: TrackedFrame,
    evidence: Mapping[int, Evidence],
    policy: CropPolicy,
    *,
    carried: bool = False,
) -> None:
    """Give the tracks of a frame their faces on it, where these are better than what they have.

    The frame's picture is made only if a face may be wanted.

    Args:
        tracked: the frame.
        evidence: of each track that is on it.
        policy: how chips are cut.
        carried: take faces too that were carried here, now and then. Otherwise only what the
            detector saw counts: its landmarks are those that embedders were trained on.

    Raises:
        FacesError: the policy needs landmarks and the faces have none.
    """
    faces = tracked.faces
    chosen = faces.data["detected"]
    if carried:
        looked = [evidence[track].looked for track in faces.data["track"].tolist()]
        late = np.array(looked, np.float64) + _APART <= tracked.time
        chosen = chosen | (late & (faces.scores >= _TRUSTED))
    if not chosen.any():
        return
    faces = faces[np.flatnonzero(chosen)]
    ids = faces.data["track"].tolist()
    size = tracked.frame.width, tracked.frame.height
    everybody = tracked.faces.boxes
    promised = promise(faces.boxes, faces.landmarks, faces.scores, size, everybody).tolist()
    wanted = {}
    for place, (track, most) in enumerate(zip(ids, promised, strict=True)):
        evidence[track].looked = tracked.time
        if evidence[track].wants(most):
            worth = kept(most, tracked.image, faces.boxes[place])
            if evidence[track].wants(worth):
                wanted[place] = worth
    if not wanted:
        return
    chips = crop(tracked.image, faces[list(wanted)], policy)
    for (place, worth), chip in zip(wanted.items(), chips, strict=True):
        x1, y1, x2, y2 = faces.boxes[place].tolist()
        box = (x1, y1, x2, y2)
        # A copy: the chip of one face must not keep those of all.
        evidence[ids[place]].offer(Look(worth, chip.copy(), tracked.index, tracked.time, box))


def embed_waiting(embedder: Embedder, evidence: Sequence[Evidence], time: float) -> None:
    """Embed the faces that wait, all together.

    Args:
        embedder: makes the vectors.
        evidence: of tracks, each with a face that waits.
        time: seconds, now.
    """
    looks = [some.waiting for some in evidence if some.waiting is not None]
    if not looks:
        return
    chips = np.stack([look.chip for look in looks])
    with device_turn(embedder):
        vectors = aside(lambda: embedder.embed(chips, flip=embedder.flip))
    for some, look, vector in zip(evidence, looks, vectors, strict=True):
        some.learn(look, vector.copy(), time)
        if some.best is None or look.quality > some.best.quality:
            jpeg = _as_jpeg(look.chip)
            some.best = BestFace(look.frame, look.time, look.box, look.quality, jpeg)


def _as_jpeg(chip: Picture) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    encoded = cv2.imencode(".jpg", cv2.cvtColor(chip, cv2.COLOR_RGB2BGR), options)[1]
    content: bytes = encoded.tobytes()
    return content
