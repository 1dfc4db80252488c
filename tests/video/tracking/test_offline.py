"""A tracker that may wait: nobody is missed between looks, and everybody keeps their number."""

from __future__ import annotations

import gc
import itertools
import weakref

import numpy as np
import pytest

from facewise.video.frames import VideoFrame
from facewise.video.tracking import Adaptive, EveryNth, Tracker, TrackingOptions

EIGHT = EveryNth(8, carries=True)


def track(moving, squares, count, schedule=EIGHT, *, detector=None, **options):
    detector = detector or moving.BlueDetector([square.blue for square in squares])
    return list(Tracker(detector, schedule, **options).run(moving.frames(count, squares)))


def test_every_frame_is_given_once_in_order_with_its_time(moving):
    square = moving.Square(lambda i: (60 + 3 * i, 100), 200)
    tracked = track(moving, [square], 30)
    assert [frame.index for frame in tracked] == list(range(30))
    assert [frame.time for frame in tracked] == [i / moving.RATE for i in range(30)]
    assert tracked[7].image.shape == (240, 320, 3)
    assert tracked[7].faces.data["track"].dtype == np.int64
    assert tracked[7].faces.data["detected"].dtype == bool


def test_a_face_is_followed_between_looks(moving):
    square = moving.Square(lambda i: (60 + 5 * i, 100 + 20 * np.sin(i / 6)), 200)
    tracked = track(moving, [square], 33)
    assert moving.numbers(tracked, square, least=0.8) == [1] * 33
    seen = [bool(frame.faces.data["detected"][0]) for frame in tracked]
    assert seen == [i % 8 == 0 for i in range(33)]


def test_a_face_is_carried_back_to_where_it_came_from(moving):
    """It appears on frame 9, and is first looked for on frame 16."""
    square = moving.Square(lambda i: (100 + 4 * i, 120) if i >= 9 else None, 200)
    tracked = track(moving, [square], 33)
    assert moving.numbers(tracked, square) == [None] * 9 + [1] * 24
    assert all(len(frame.faces) == 0 for frame in tracked[:9])


def test_landmarks_and_boxes_go_on_with_the_face_and_do_not_lag(moving):
    square = moving.Square(lambda i: (60 + 6 * i, 120), 200, side=lambda i: 40 + i)
    tracked = track(moving, [square], 33)
    for frame in tracked:
        box = square.box(frame.index)
        expected = box[:2] + moving.LANDMARKS * (box[2:] - box[:2])
        assert np.abs(frame.faces.landmarks[0] - expected).max() < 3.5
        assert np.abs(frame.faces.boxes[0] - box).max() < 3.5


def test_frames_wait_for_the_next_look_and_no_longer(moving):
    square = moving.Square(lambda i: (60 + 3 * i, 100), 200)
    tracker = Tracker(moving.BlueDetector([200]), Adaptive(4, 10))
    given = 0
    for frame in moving.frames(50, [square]):
        given += len(tracker.add(frame))
        assert frame.index + 1 - given <= 10
    assert given + len(tracker.finish()) == 50


def test_two_who_cross_keep_their_numbers(moving):
    back = moving.Square(lambda i: (40 + 5 * i, 118), 100)
    front = moving.Square(lambda i: (280 - 5 * i, 124), 200)
    tracked = track(moving, [back, front], 49)
    mine, theirs = moving.numbers(tracked, back), moving.numbers(tracked, front)
    assert theirs == [2 if mine[0] == 1 else 1] * 49
    assert set(mine[:20]) == set(mine[-20:]) == {mine[0]}
    assert mine[0] is not None


def test_nothing_is_given_twice_while_one_is_hidden(moving):
    back = moving.Square(lambda i: (40 + 5 * i, 120), 100)
    front = moving.Square(lambda i: (280 - 5 * i, 120), 200)
    for frame in track(moving, [back, front], 49):
        for one, other in itertools.combinations(frame.faces.boxes, 2):
            assert moving.overlap(one, other) <= 0.5


def test_a_short_occlusion_ends_no_track(moving):
    """A pillar that is no face stands in the way for some 16 frames, two looks."""
    face = moving.Square(lambda i: (60 + 4 * i, 120), 100)
    pillar = moving.Square(lambda _: (160, 120), 7, side=64)
    detector = moving.BlueDetector([100])
    tracked = track(moving, [face, pillar], 57, detector=detector)
    found = moving.numbers(tracked, face)
    assert set(found) == {1, None}
    assert found[:10] == [1] * 10
    assert found[-15:] == [1] * 15


def test_who_comes_back_is_known_by_looks_and_not_without(moving):
    away = range(40, 100)

    def where(i):
        return None if i in away else (60 + 2 * i, 120) if i < 40 else (300 - 2 * (i - 100), 60)

    square = moving.Square(where, 100)
    other = moving.Square(lambda i: (60, 200), 200)
    options = TrackingOptions(similarity=0.5)
    known = track(moving, [square, other], 140, embedder=moving.BlueEmbedder(), options=options)
    first, last = moving.numbers(known, square)[20], moving.numbers(known, square)[-1]
    assert first == last is not None
    unknown = track(moving, [square, other], 140)
    assert set(moving.numbers(unknown, square)[100:]) == {3}


def test_few_chips_are_embedded(moving):
    square = moving.Square(lambda i: (60 + i, 120), 100)
    embedder = moving.BlueEmbedder()
    options = TrackingOptions(similarity=0.5)
    track(moving, [square], 200, embedder=embedder, options=options)
    assert 1 <= embedder.calls <= 6


def test_a_cut_ends_tracks_and_looks_know_people_after_it(moving):
    square = moving.Square(lambda i: (60 + 2 * i if i < 21 else 220, 100), 100)
    options = TrackingOptions(similarity=0.5)

    def video():
        yield from moving.frames(21, [square], background=1)
        yield from moving.frames(21, [square], background=2, start=21)

    def run(**more):
        tracker = Tracker(moving.BlueDetector([100]), EIGHT, options=options, **more)
        return list(tracker.run(video()))

    alone, known = run(), run(embedder=moving.BlueEmbedder())
    assert moving.numbers(alone, square) == [1] * 21 + [2] * 21
    assert moving.numbers(known, square) == [1] * 42
    assert alone[20].faces.data["detected"].all(), "the last frame of the scene was looked at"
    assert alone[21].faces.data["detected"].all(), "and the first of the next"


def test_a_flash_is_no_cut(moving):
    square = moving.Square(lambda i: (60 + 2 * i, 100), 100)

    def video():
        for frame in moving.frames(30, [square]):
            if frame.index == 13:  # brighter, but for the blue that the detector goes by
                image = frame.image.copy()
                image[:, :, :2] = np.minimum(image[:, :, :2].astype(int) + 70, 255)
                frame = VideoFrame(frame.index, frame.time, image)
            yield frame

    tracked = list(Tracker(moving.BlueDetector([100]), EIGHT).run(video()))
    assert set(moving.numbers(tracked, square)) <= {1, None}
    assert moving.numbers(tracked, square).count(1) >= 28


def test_what_is_found_on_a_single_frame_makes_no_track(moving):
    square = moving.Square(lambda i: (60 + 2 * i, 100), 100)
    false = {2: [(200, 150, 240, 190)]}
    once = track(moving, [square], 33, detector=moving.BlueDetector([100], false=false))
    assert all(frame.faces.data["track"].tolist() == [1] for frame in once)
    more = track(
        moving, [square], 33, detector=moving.BlueDetector([100], false=false),
        options=TrackingOptions(confirm=False),
    )  # fmt: skip
    assert 2 in more[16].faces.data["track"]


def test_a_face_that_leaves_the_picture_ends(moving):
    square = moving.Square(lambda i: (200 + 6 * i, 120), 100)
    tracked = track(moving, [square], 49)
    gone = [frame.index for frame in tracked if square.box(frame.index)[0] >= 320]
    assert gone
    assert all(len(tracked[i].faces) == 0 for i in gone)
    inside = [i for i in range(49) if square.box(i)[2] <= 320]
    assert all(moving.numbers(tracked, square)[i] == 1 for i in inside)


def test_numbers_are_never_given_twice(moving):
    """Ten faces, one after the other, each for 20 frames."""

    def one(n):
        place = (60, 60) if n % 2 else (250, 180)
        return moving.Square(lambda i: place if i // 20 == n else None, 100 + n)

    squares = [one(n) for n in range(10)]
    tracked = track(moving, squares, 200, options=TrackingOptions(occlusion=0.0))
    for n, square in enumerate(squares):
        assert set(moving.numbers(tracked, square)) - {None} == {n + 1}


def test_frames_may_change_their_size(moving):
    square = moving.Square(lambda i: (100, 100), 100)

    def video():
        yield from moving.frames(11, [square])
        yield from moving.frames(11, [square], start=11, width=400, height=300)

    tracked = list(Tracker(moving.BlueDetector([100]), EIGHT).run(video()))
    assert [frame.index for frame in tracked] == list(range(22))
    assert None not in moving.numbers(tracked, square)


@pytest.mark.parametrize("count", [0, 1, 2, 8, 9])
def test_short_videos(moving, count):
    square = moving.Square(lambda i: (100, 100), 100)
    tracked = track(moving, [square], count, options=TrackingOptions(confirm=False))
    assert moving.numbers(tracked, square) == [1] * count


def test_a_video_without_faces(moving):
    tracked = track(moving, [], 20)
    assert [len(frame.faces) for frame in tracked] == [0] * 20
    assert tracked[3].faces.data["track"].shape == (0,)


def test_a_detector_without_landmarks(moving):
    square = moving.Square(lambda i: (60 + 2 * i, 100), 100)
    detector = moving.BlueDetector([100], points=False)
    tracked = track(moving, [square], 20, detector=detector)
    assert moving.numbers(tracked, square) == [1] * 20
    assert all(frame.faces.landmarks is None for frame in tracked)


def test_a_tracker_begins_anew_with_new_numbers(moving):
    square = moving.Square(lambda i: (60 + 2 * i, 100), 100)
    tracker = Tracker(moving.BlueDetector([100]), EIGHT)
    first = list(tracker.run(moving.frames(20, [square])))
    second = list(tracker.run(moving.frames(20, [square])))
    assert moving.numbers(first, square) == [1] * 20
    assert moving.numbers(second, square) == [2] * 20


@pytest.mark.slow
def test_memory_is_bounded(moving):
    """Frames are let go when they are given, and people who have left when there are too many."""
    where = moving.Square(lambda i: (100 + i % 100, 120) if i % 40 < 20 else None, 100)
    options = TrackingOptions(similarity=0.5, remembered=3, occlusion=0.1)
    tracker = Tracker(
        moving.BlueDetector([100]), EIGHT, embedder=moving.BlueEmbedder(), options=options
    )
    alive: list[weakref.ref] = []
    most = 0
    for frame in moving.frames(400, [where]):
        alive.append(weakref.ref(frame.image))
        tracker.add(frame)
        del frame
        if len(alive) % 20 == 0:
            gc.collect()
            alive = [ref for ref in alive if ref() is not None]
            most = max(most, len(alive))
    assert most <= 2 * EIGHT.longest + 2


@pytest.mark.slow
def test_hundreds_of_faces(moving):
    """15 × 16 small squares that drift together."""
    grid = list(itertools.product(range(16), range(15)))
    squares = [
        moving.Square(lambda i, x=x, y=y: (40 + 40 * x + i, 40 + 40 * y + i / 2), 2 + n, side=24)
        for n, (x, y) in enumerate(grid)
    ]
    detector = moving.BlueDetector([square.blue for square in squares], least=60)
    video = moving.frames(17, squares, width=720, height=680)
    tracked = list(Tracker(detector, EIGHT).run(video))
    for square in squares:
        found = moving.numbers(tracked, square)
        assert len(set(found)) == 1
        assert found[0] is not None
