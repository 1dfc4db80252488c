"""The trackers that are compared: facewise's in several ways, and the plain one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import facewise
from bench.tracking.plain import by_overlap, exact_faces
from bench.tracking.tracked import Tracked, from_frames
from facewise.detection import Detector
from facewise.embedding import Embedder
from facewise.video import open_source
from facewise.video.tracking import Adaptive, EveryNth, Schedule, Tracker

Track = Callable[[Path, int], list[Tracked]]

STRIDE = 4
"""Of the schedules that look at every nth frame; the one that FastMTCNN's notebook takes."""


def plain(video: Path, count: int) -> list[Tracked]:
    """Exact detection on every frame, ids by overlap; detections are kept beside the video."""
    cache = video.with_suffix(".exact.json")
    tracked = list(by_overlap(exact_faces(video, _detector(), cache)))
    if len(tracked) != count:
        raise ValueError(f"{video}: expected {count} frames, got {len(tracked)}")
    return tracked


def with_tracker(schedule: Schedule, *, looks: bool, live: bool = False) -> Track:
    """facewise's tracker.

    Args:
        schedule: of detection.
        looks: whether people are known by their looks too.
        live: whether it must answer at once.
    """

    def track(video: Path, count: int) -> list[Tracked]:
        embedder = _embedder() if looks else None
        tracker = Tracker(_detector(), schedule, embedder=embedder, live=live)
        with open_source(video) as source:
            return from_frames(tracker.run(source), count)

    return track


TRACKERS: Mapping[str, tuple[str, Track]] = {
    "plain": ("exact every frame, ids by overlap", plain),
    "held": (f"every {STRIDE}th, held", with_tracker(EveryNth(STRIDE), looks=False)),
    "carried": (
        f"every {STRIDE}th, carried, looks",
        with_tracker(EveryNth(STRIDE, carries=True), looks=True),
    ),
    "motion": ("adaptive, motion alone", with_tracker(Adaptive(), looks=False)),
    "adaptive": ("adaptive, looks", with_tracker(Adaptive(), looks=True)),
    "live": ("adaptive, looks, live", with_tracker(Adaptive(), looks=True, live=True)),
}
"""By a short name: how it is called in tables, and what does it. "Looks": by an embedder."""


@lru_cache(maxsize=1)
def _detector() -> Detector:
    return facewise.load_detector("mtcnn")


@lru_cache(maxsize=1)
def _embedder() -> Embedder:
    return facewise.load_embedder()
