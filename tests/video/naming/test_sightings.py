"""The faces of a first pass, for a second."""

from __future__ import annotations

import numpy as np

from facewise.faces import Faces
from facewise.video import VideoFrame
from facewise.video.naming.sightings import Sightings
from facewise.video.tracking import TrackedFrame

PICTURE = np.zeros((8, 8, 3), np.uint8)


def faces(rng, n, landmarks=True):
    corners = rng.uniform(-10, 500, (n, 2))
    return Faces(
        np.hstack([corners, corners + rng.uniform(1, 90, (n, 2))]),
        rng.uniform(0, 1, n),
        rng.uniform(0, 500, (n, 5, 2)) if landmarks else None,
    ).with_data(track=rng.integers(1, 1 << 40, n), detected=rng.random(n) < 0.5)


def test_what_was_seen_comes_back_to_the_last_bit(rng):
    given = {i: faces(rng, int(rng.integers(0, 6)), bool(i % 3)) for i in range(0, 60, 2)}
    with Sightings() as sightings:
        for i, some in given.items():
            sightings.add(TrackedFrame(i, i / 25, VideoFrame(i, i / 25, PICTURE), some))
        for i in range(70):
            found = sightings.of(i)
            if i in given:
                assert found == given[i]
            else:
                assert len(found) == 0
                assert {"track", "detected"} <= set(found.data)


def test_frames_may_be_passed_over(rng):
    with Sightings() as sightings:
        for i in range(10):
            some = faces(rng, 2)
            sightings.add(TrackedFrame(i, i / 25, VideoFrame(i, i / 25, PICTURE), some))
        assert sightings.of(9) == some
        assert len(sightings.of(20)) == 0


def test_nothing_seen_is_nothing_found():
    with Sightings() as sightings:
        assert len(sightings.of(0)) == 0
        assert len(sightings.of(7)) == 0
