"""Frames and detectors that are out of the ordinary."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import facewise
from facewise.faces import Faces
from facewise.runtime.threads import become_worker
from facewise.video.frames import VideoFrame
from facewise.video.tracking import Adaptive, EveryNth, Tracker, TrackingOptions
from facewise.video.tracking.aside import aside

ENGINES = [
    {"schedule": EveryNth(3, carries=True)},
    {"schedule": Adaptive(2, 4)},
    {"schedule": Adaptive(2, 4), "live": True},
    {"schedule": EveryNth(3)},
]


def noise(i, height, width):
    image = np.random.default_rng(i).integers(0, 255, (height, width, 3)).astype(np.uint8)
    return VideoFrame(i, i / 25, image)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (7, 5)])
def test_tiny_frames(moving, engine, size):
    detector = moving.BlueDetector([300 % 256])
    given = list(Tracker(detector, **engine).run(noise(i, *size) for i in range(9)))
    assert [frame.index for frame in given] == list(range(9))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_frame_of_another_size(moving, engine):
    detector = moving.BlueDetector([44])
    frames = [noise(i, 30 + 7 * i, 90 - 5 * i) for i in range(12)]
    given = list(Tracker(detector, **engine).run(frames))
    assert [frame.index for frame in given] == list(range(12))
    assert [frame.frame for frame in given] == frames


class RaisesOnce:
    """Fails on one of its calls."""

    def __init__(self, detector, call):
        self.detector, self.left, self.settings = detector, call, {}

    def detect(self, images):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("once")
        return self.detector.detect(images)


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_detector_that_fails_once(moving, engine, call):
    """The error comes out, and who goes on gets the frames that follow, with their faces."""
    square = moving.Square(lambda i: (60 + 2 * i, 100), 200)
    tracker = Tracker(RaisesOnce(moving.BlueDetector([200]), call), **engine)
    given, failures = [], 0
    for frame in moving.frames(40, [square]):
        try:
            given += tracker.add(frame)
        except RuntimeError:
            failures += 1
    given += tracker.finish()
    assert failures == 1
    places = [frame.index for frame in given]
    assert places == sorted(set(places))
    assert places[-1] == 39
    assert set(moving.numbers(given[-20:], square)) == {1}


def test_faces_of_no_size_or_outside_of_the_picture(moving):
    class Odd:
        def detect(self, images):
            boxes = [[10, 10, 10, 10], [-90, -90, -50, -50], [900, 10, 990, 80]]
            return [Faces(np.array(boxes, np.float32), np.ones(3), None) for _ in images]

    for engine in ENGINES:
        tracker = Tracker(Odd(), options=TrackingOptions(confirm=False), **engine)
        assert len(list(tracker.run(moving.frames(9, [])))) == 9


def test_two_threads_may_run_things_aside_at_once():
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n: aside(lambda: n), range(200)))
    assert results == list(range(200))
    with ThreadPoolExecutor(1, initializer=become_worker) as pool:
        assert pool.submit(aside, lambda: 7).result() == 7
    with pytest.raises(ZeroDivisionError):
        aside(lambda: 1 / 0)


def test_pictures_that_have_nothing_to_do_with_each_other():
    pictures = [
        facewise.load_image(f"examples/photos/{name}.jpg") for name in ("obama", "astronaut")
    ]
    detector = facewise.load_detector()
    expected = [len(detector.detect([picture])[0]) for picture in pictures]
    frames = [VideoFrame(i, i / 25, picture) for i, picture in enumerate(pictures)]
    for some in (frames[:1], frames):
        given = list(Tracker(detector).run(some))
        assert [len(one.faces) for one in given] == expected[: len(some)]
    assert given[0].faces.data["track"].tolist() == [1]
    assert given[1].faces.data["track"].tolist() == [2]
