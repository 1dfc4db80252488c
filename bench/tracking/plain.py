"""The plain way of tracking: detect on every frame, and go on where boxes overlap most."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.overlap import intersection_over_union
from bench.tracking.tracked import Tracked
from facewise.detection import Detector
from facewise.faces import Faces
from facewise.video import open_source

_SAVED_EVERY = 50


def exact_faces(video: Path, detector: Detector, cache: Path) -> list[Faces]:
    """What a detector finds on every frame; kept in a file, also when interrupted.

    Args:
        video: a file.
        detector: looks at every frame.
        cache: the file; of another video or detector it is not used.
    """
    content = hashlib.sha256(video.read_bytes()).hexdigest()
    key = json.dumps([content, dict(detector.settings)], sort_keys=True, default=str)
    found: list[Faces] = []
    done = False
    if cache.exists():
        kept = json.loads(cache.read_text(encoding="utf-8"))
        if kept["key"] == key:
            found, done = [Faces.from_json(text) for text in kept["faces"]], kept["done"]
    if done:
        return found
    with open_source(video) as source:
        for frame in source:
            if frame.index < len(found):
                continue
            found += detector.detect([frame.image])
            if len(found) % _SAVED_EVERY == 0:
                _save(cache, key, found, done=False)
    _save(cache, key, found, done=True)
    return found


def _save(cache: Path, key: str, found: Sequence[Faces], *, done: bool) -> None:
    draft = cache.with_suffix(".part")
    content = {"key": key, "done": done, "faces": [faces.to_json() for faces in found]}
    draft.write_text(json.dumps(content), encoding="utf-8")
    draft.replace(cache)


def by_overlap(
    frames: Iterable[Faces], *, least: float = 0.3, patience: int = 8
) -> Iterator[Tracked]:
    """Give ids by the overlap with the last box of each track.

    Args:
        frames: the faces of each.
        least: intersection over union to go on from.
        patience: frames for which a track waits where it was seen last.
    """
    from scipy.optimize import linear_sum_assignment

    boxes, ids, ages = np.empty((0, 4), np.float32), np.empty(0, np.int64), np.empty(0, np.int64)
    following = 1
    for faces in frames:
        overlap = intersection_over_union(boxes, faces.boxes)
        given = np.zeros(len(faces), np.int64)
        ages += 1
        for row, column in zip(*linear_sum_assignment(-overlap), strict=True):
            if overlap[row, column] >= least:
                given[column] = ids[row]
                ages[row] = patience + 1  # replaced below
        for column in np.flatnonzero(given == 0):
            given[column], following = following, following + 1
        waiting = ages <= patience
        boxes = np.concatenate([boxes[waiting], faces.boxes])
        ids = np.concatenate([ids[waiting], given])
        ages = np.concatenate([ages[waiting], np.zeros(len(given), np.int64)])
        yield Tracked(given, faces.boxes)
