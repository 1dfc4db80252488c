"""Tracked videos that nobody had to track."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("av")

from facewise.faces import Faces
from facewise.video import VideoFrame, open_source
from facewise.video.naming.sightings import Sightings
from facewise.video.results import TrackedVideo
from facewise.video.tracking import TrackedFrame
from tracked_parts import Limits, faces_of

LIMITS = Limits()


@pytest.fixture
def tracked_video():
    """`make(frames, tracks, pictures=…)`: frames are {track: box}, or Faces with two columns."""
    made = []

    def make(frames, tracks, *, pictures=None, limits=LIMITS, size=(96, 64)):
        if pictures is None:
            pictures = [np.full((size[1], size[0], 3), 90, np.uint8)] * len(frames)
        source = open_source(pictures)
        sightings = Sightings()
        for index, seen in enumerate(frames):
            faces = seen if isinstance(seen, Faces) else faces_of(seen)
            frame = VideoFrame(index, index / 25, pictures[index])
            sightings.add(TrackedFrame(index, index / 25, frame, faces))
        times = (0.0, (len(frames) - 1) / 25) if frames else None
        video = TrackedVideo(source, sightings, tuple(tracks), limits, times)
        made.append(video)
        return video

    yield make
    for video in made:
        video.close()
        video.source.close()
