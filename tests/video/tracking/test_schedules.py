"""When the detector looks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import facewise
from facewise.video.frames import VideoFrame
from facewise.video.tracking import Adaptive, EveryNth, Signs, Tracker, TrackingOptions

CALM = Signs(since=1, cut=False, faces=2, weakest=1.0, change=0.0)


def test_every_nth():
    looks = [EveryNth(4).looks(CALM._replace(since=i)) for i in range(9)]
    assert looks == [True, False, False, False, True, False, False, False, True]
    assert EveryNth(4, carries=True).looks(CALM._replace(cut=True, since=0))


def test_adaptive_looks_when_there_is_reason_to():
    schedule = Adaptive(shortest=3, longest=9)
    assert schedule.looks(CALM._replace(cut=True, since=0))
    assert not any(schedule.looks(CALM._replace(since=i)) for i in range(1, 9))
    assert schedule.looks(CALM._replace(since=9))
    weak, changed = CALM._replace(weakest=0.1), CALM._replace(change=0.5)
    for signs in (weak, changed):
        assert not schedule.looks(signs._replace(since=2))
        assert schedule.looks(signs._replace(since=3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EveryNth(0), "n: expected at least 1 frame, got 0"),
        (lambda: EveryNth(4, resize=0), "resize: expected a factor"),
        (lambda: EveryNth(4, resize=1.5), "resize: expected a factor"),
        (lambda: Adaptive(resize=-1), "resize: expected a factor"),
        (lambda: Adaptive(shortest=0), "shortest and longest"),
        (lambda: Adaptive(shortest=9, longest=8), "got 9 and 8"),
        (lambda: TrackingOptions(occlusion=-1), "occlusion"),
        (lambda: TrackingOptions(remembered=-1), "remembered"),
        (lambda: TrackingOptions(similarity=2), "similarity"),
    ],
)
def test_settings_outside_their_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def fast_mtcnn(detect, frames, stride, resize):
    """The boxes of facenet-pytorch's FastMTCNN notebook, for the frame as it was."""
    if resize != 1:
        size = int(frames[0].shape[1] * resize), int(frames[0].shape[0] * resize)
        back = np.array([frames[0].shape[1] / size[0], frames[0].shape[0] / size[1]] * 2)
        small = [cv2.resize(frame, size) for frame in frames]
    else:
        small, back = frames, np.ones(4)
    boxes = [detect(frame) * back for frame in small[::stride]]
    return [boxes[int(i / stride)] for i in range(len(frames))]


@pytest.mark.parametrize(("stride", "resize"), [(4, 1), (3, 0.5), (1, 0.75)])
def test_every_nth_is_fast_mtcnn_with_numbers(examples, stride, resize):
    picture = facewise.load_image(examples / "photos" / "astronaut.jpg")
    pictures = [np.roll(picture, (3 * i, 5 * i), (0, 1)) for i in range(6)]
    detector = facewise.load_detector(min_face_size=40)
    expected = fast_mtcnn(lambda p: detector.detect(p)[0].boxes, pictures, stride, resize)
    video = [VideoFrame(i, i / 25, picture) for i, picture in enumerate(pictures)]
    tracked = list(Tracker(detector, EveryNth(stride, resize)).run(video))
    for frame, boxes in zip(tracked, expected, strict=True):
        np.testing.assert_allclose(frame.faces.boxes, boxes, atol=1e-3)
        assert frame.faces.data["track"].tolist() == [1]
        assert frame.faces.data["detected"].tolist() == [frame.index % stride == 0]
        inside = (frame.faces.landmarks[0] - boxes[0, :2]) / (boxes[0, 2:] - boxes[0, :2])
        assert (inside > 0).all()
        assert (inside < 1).all()


def test_frames_are_given_at_once_where_nothing_is_carried(moving):
    square = moving.Square(lambda i: (60 + i, 100), 200)
    tracker = Tracker(moving.BlueDetector([200]), EveryNth(4))
    for frame in moving.frames(9, [square]):
        [given] = tracker.add(frame)
        assert given.index == frame.index
    assert tracker.finish() == []


def test_without_carrying_a_lost_face_gets_a_new_number(moving):
    square = moving.Square(lambda i: (60 if i < 8 else 260, 100), 200)
    tracker = Tracker(moving.BlueDetector([200]), EveryNth(4))
    tracked = list(tracker.run(moving.frames(16, [square])))
    assert moving.numbers(tracked, square) == [1] * 8 + [2] * 8


def test_looks_in_between_are_coarse():
    schedule = Adaptive(longest=16, resize=0.8, coarse=0.5, fine=24)
    large = CALM._replace(sides=(80.0, 90.0, 120.0), fine=16)
    assert schedule.scale(large) == pytest.approx(0.4)
    assert schedule.scale(large._replace(cut=True)) == 0.8
    assert schedule.scale(large._replace(fine=24)) == 0.8
    few, many = large._replace(sides=(30.0,) * 4), large._replace(sides=(30.0,) * 5)
    assert schedule.scale(few) == pytest.approx(0.4), "they are looked for at their places"
    assert schedule.scale(many) == 0.8
    assert Adaptive(coarse=1, fine=0).scale(large) == 1
    assert EveryNth(4, resize=0.5).scale(large) == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [({"coarse": 0}, "coarse: expected a factor"), ({"fine": -1}, "fine: expected at least 0")],
)
def test_settings_of_coarse_looks(options, message):
    with pytest.raises(ValueError, match=message):
        Adaptive(**options)


def test_what_a_coarse_look_cannot_see_is_looked_for_where_it_is(moving):
    """The detector needs 150 pixels of a face; at half size the small one has 100."""
    small = moving.Square(lambda i: (60 + 2 * i, 60), 100, side=20)
    large = moving.Square(lambda i: (240 - 2 * i, 160), 200, side=60)
    detector = moving.BlueDetector([100, 200])
    schedule = Adaptive(shortest=4, longest=8, fine=1000)
    tracked = list(Tracker(detector, schedule).run(moving.frames(50, [small, large])))
    assert {frame.index for frame in tracked if frame.faces.data["detected"].all()} >= {8, 16, 24}
    assert detector.parts >= 5
    for square in (small, large):
        assert len(set(moving.numbers(tracked, square))) == 1
        assert None not in moving.numbers(tracked, square)
