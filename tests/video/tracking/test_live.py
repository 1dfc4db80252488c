"""A tracker that never waits."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from facewise.video.tracking import Adaptive, EveryNth, Tracker, TrackingOptions

EIGHT = EveryNth(8, carries=True)


class Gated:
    """A detector that answers whole frames when it is told to, and says when it is asked."""

    def __init__(self, detector):
        self.detector = detector
        self.settings = {}
        self.asked, self.answer = threading.Semaphore(0), threading.Semaphore(0)

    def detect(self, images):
        if images[0].shape[0] >= 240:
            self.asked.release()
            self.answer.acquire()
        return self.detector.detect(images)


def test_every_frame_is_given_at_once(moving):
    square = moving.Square(lambda i: (60 + 4 * i, 100), 200)
    tracker = Tracker(moving.BlueDetector([200]), EIGHT, live=True)
    tracked = []
    for frame in moving.frames(40, [square]):
        given = tracker.add(frame)
        assert [one.index for one in given] == [frame.index]
        tracked += given
    assert tracker.finish() == []
    found = moving.numbers(tracked, square, least=0.75)
    assert found[8:] == [1] * 32, "from the second look on, which confirms it"
    assert set(found[:8]) == {None}


def test_a_new_face_is_confirmed_by_the_frames_before_it(moving):
    """It comes between two looks, so that the first that sees it finds it on an earlier frame."""
    square = moving.Square(lambda i: (60 + 4 * i, 100) if i >= 10 else None, 200)
    tracker = Tracker(moving.BlueDetector([200]), EIGHT, live=True)
    tracked = list(tracker.run(moving.frames(30, [square])))
    assert moving.numbers(tracked, square) == [None] * 16 + [1] * 14


def test_who_comes_out_of_hiding_is_found_before_the_next_look(moving):
    """Behind a pillar, which the detector does not take for a face."""
    face = moving.Square(lambda i: (60 + 4 * i, 120), 100)
    pillar = moving.Square(lambda _: (160, 120), 7, side=60)
    schedule = EveryNth(16, carries=True)
    tracked = list(
        Tracker(moving.BlueDetector([100]), schedule, live=True).run(
            moving.frames(50, [face, pillar])
        )
    )
    found = moving.numbers(tracked, face)
    assert set(found[16:]) == {1, None}
    clear = next(i for i in range(20, 50) if face.box(i)[0] >= 190)
    assert found[clear + 2] == 1
    assert clear + 2 < 48, "the next look"


def test_crossing_faces_keep_their_numbers(moving):
    back = moving.Square(lambda i: (40 + 5 * i, 118), 100)
    front = moving.Square(lambda i: (280 - 5 * i, 124), 200)
    tracker = Tracker(moving.BlueDetector([100, 200]), EIGHT, live=True)
    tracked = list(tracker.run(moving.frames(49, [back, front])))
    for square in (back, front):
        found = moving.numbers(tracked, square)
        assert set(found[8:20]) == set(found[-14:]) == {found[8]}
        assert found[8] is not None


def test_frames_are_let_go(moving):
    square = moving.Square(lambda i: (60 + i % 100, 100), 200)
    tracker = Tracker(moving.BlueDetector([200]), EIGHT, live=True)
    images = []
    for frame in moving.frames(100, [square]):
        images.append(weakref.ref(frame.image))
        tracker.add(frame)
    del frame
    gc.collect()
    assert sum(ref() is not None for ref in images) <= EIGHT.longest + 1


def test_no_frame_waits_for_a_detector_aside(moving):
    """What it finds on frame 0 counts for frame 0, and is followed to where the face is by then."""
    square = moving.Square(lambda i: (60 + 5 * i, 100), 200)
    detector = Gated(moving.BlueDetector([200]))
    options = TrackingOptions(confirm=False)
    tracker = Tracker(detector, EIGHT, live=True, aside=True, options=options)
    video = list(moving.frames(60, [square], width=400))
    tracked = [tracked for frame in video[:6] for tracked in tracker.add(frame)]
    assert detector.asked.acquire(timeout=60)
    assert [len(one.faces) for one in tracked] == [0] * 6
    detector.answer.release()
    tracker.wait()
    tracked += [tracked for frame in video[6:8] for tracked in tracker.add(frame)]
    assert moving.numbers(tracked, square, least=0.75)[6:] == [1, 1]
    tracked += [tracked for frame in video[8:20] for tracked in tracker.add(frame)]
    assert detector.asked.acquire(timeout=60), "it is asked again, about frame 8 or later"
    assert moving.numbers(tracked, square, least=0.75)[6:] == [1] * 14, "and nobody waits"
    detector.answer.release()
    tracker.wait()
    tracked += [tracked for frame in video[20:24] for tracked in tracker.add(frame)]
    assert moving.numbers(tracked, square, least=0.75)[6:] == [1] * 18
    tracker.finish()


def test_a_scene_that_is_over_is_not_looked_at_any_more(moving):
    square = moving.Square(lambda i: (60 + 5 * i, 100) if i < 6 else None, 200)
    detector = Gated(moving.BlueDetector([200]))
    options = TrackingOptions(confirm=False)
    tracker = Tracker(detector, EIGHT, live=True, aside=True, options=options)
    tracked = []
    for frame in moving.frames(6, [square]):
        tracked += tracker.add(frame)
    for frame in moving.frames(6, [square], start=6, background=9):
        tracked += tracker.add(frame)
    for _ in range(2):
        detector.answer.release()
    tracker.wait()
    for frame in moving.frames(3, [square], start=12, background=9):
        tracked += tracker.add(frame)
    assert [len(one.faces) for one in tracked] == [0] * 15
    tracker.finish()


class Failing:
    def detect(self, images):
        raise RuntimeError("no more power")


def test_what_a_detector_aside_raises_comes_out(moving):
    tracker = Tracker(Failing(), Adaptive(), live=True, aside=True)
    first, second = moving.frames(2, [])
    tracker.add(first)
    tracker.wait()
    with pytest.raises(RuntimeError, match="no more power"):
        tracker.add(second)
