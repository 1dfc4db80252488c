"""Faces are covered before they are first seen, in between, and after."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.video.results.covering import Region
from facewise.video.results.regions import covered


def run(seen, rate=25.0):
    """Regions of each frame; `seen` is a list of {track: box}."""
    frames = [(i, i / rate, {t: Region(*box) for t, box in s.items()}) for i, s in enumerate(seen)]
    found = list(covered(frames))
    assert [(one.index, one.time) for one in found] == [frame[:2] for frame in frames]
    return [one.regions for one in found]


def holds(regions, box):
    return any(
        r.x1 <= box[0] + 1e-6 and r.y1 <= box[1] + 1e-6 and r.x2 >= box[2] - 1e-6
        and r.y2 >= box[3] - 1e-6
        for r in regions
    )  # fmt: skip


def moving(i):
    return (10 + 5 * i, 20, 50 + 5 * i, 70)


def test_a_face_is_covered_some_frames_before_and_after_and_then_no_more():
    seen = [{1: moving(i)} if 40 <= i < 60 else {} for i in range(100)]
    regions = run(seen)
    for i in range(30, 70):
        assert holds(regions[i], moving(i)), i
    assert not any(regions[:30])
    assert not any(regions[70:])


def test_a_gap_is_covered_throughout_and_a_long_one_at_its_ends():
    seen = [{1: moving(i)} if i < 20 or i >= 42 else {} for i in range(60)]
    regions = run(seen)
    assert all(holds(regions[i], moving(i)) for i in range(60))
    seen = [{1: moving(i)} if i < 20 or i >= 80 else {} for i in range(100)]
    regions = run(seen)
    assert all(holds(regions[i], moving(i)) for i in [*range(30), *range(70, 100)])
    assert not any(regions[30:70])


def test_a_face_on_a_single_frame_is_covered_around_it_too():
    box = (10, 10, 40, 50)
    regions = run([{5: box} if i == 20 else {} for i in range(40)])
    assert all(holds(regions[i], box) for i in range(10, 31))
    assert not any(regions[:10])


def test_a_slow_video_has_some_frames_at_least():
    regions = run([{1: moving(6)} if i == 6 else {} for i in range(14)], rate=1.0)
    assert [bool(some) for some in regions] == [3 <= i <= 9 for i in range(14)]


def test_the_last_track_of_a_video_is_covered_backwards_too():
    regions = run([{}] * 10 + [{3: moving(10)}, {3: moving(11)}])
    assert all(regions[i] for i in range(12))


def test_whatever_was_seen_is_covered_where_it_was_seen(rng):
    for rate in (5.0, 25.0, 240.0):
        seen = []
        for i in range(200):
            here = {}
            for track in range(1, 6):
                if rng.random() < (0.9 if (i // 30 + track) % 2 else 0.02):
                    x, y = rng.uniform(-20, 200, 2)
                    here[track] = (x, y, x + rng.uniform(5, 60), y + rng.uniform(5, 60))
            seen.append(here)
        regions = run(seen, rate)
        for here, some in zip(seen, regions, strict=True):
            assert all(holds(some, box) for box in here.values())
        for some in regions:
            assert np.isfinite(np.array(some)).all()


@pytest.mark.parametrize("rate", [1.0, 25.0, 100.0])
def test_no_more_frames_are_held_than_some_seconds_of_them(rate):
    taken = 0

    def frames():
        nonlocal taken
        for i in range(2000):
            taken = i
            yield i, i / rate, {1: Region(0, 0, 9, 9)} if i % 90 < 40 else {}

    for one in covered(frames()):
        assert taken - one.index <= 1.5 * rate + 12
