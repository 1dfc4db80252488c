"""What a face is worth by its place, and then by its pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import facewise
from facewise.quality import kept, promise
from facewise.quality.boxes import SMALLEST
from facewise.quality.pose import turn
from facewise.quality.sharpness import detail

AHEAD = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)
SIZE = (1000, 1000)


def one(box, points=AHEAD, score=1.0, size=SIZE):
    box = np.array([box], np.float32)
    points = None if points is None else points[None]
    return float(promise(box, points, np.array([score], np.float32), size)[0])


def test_the_best_face_is_large_looks_ahead_and_lies_inside():
    assert one([100, 100, 200, 200]) == pytest.approx(1)
    assert one([100, 100, 400, 400]) == pytest.approx(1)
    assert one([100, 100, 150, 150]) == pytest.approx(0.5)
    assert one([-50, 100, 50, 200]) == pytest.approx(0.5)
    assert one([100, 100, 200, 200], score=0.7) == pytest.approx(0.7)
    assert one([0, 0, SMALLEST - 1, SMALLEST - 1]) == 0
    assert one([100, 100, 200, 200], None) == pytest.approx(1)


def test_a_face_beside_or_under_another_is_worth_what_is_free():
    box = np.array([[100, 100, 200, 200]], np.float32)
    for other, free in [
        ([300, 100, 400, 200], 1),
        ([150, 100, 250, 200], 0.5),
        ([175, 150, 400, 400], 0.875),
        ([0, 0, 400, 400], 0),
    ]:
        everybody = np.concatenate([box, np.array([other, [900, 900, 950, 950]], np.float32)])
        found = promise(box, None, np.ones(1, np.float32), SIZE, everybody)
        assert found.tolist() == pytest.approx([free])


def test_a_turned_face_is_worth_less_however_it_is_rolled():
    sideways = AHEAD.copy()
    sideways[2, 0] = 70  # the nose below an eye
    assert turn(np.stack([AHEAD, sideways])).tolist() == pytest.approx([0, 0.5])
    assert one([0, 0, 100, 100], sideways) < 0.4
    rolled = sideways @ np.array([[0.8, 0.6], [-0.6, 0.8]], np.float32)
    assert turn(rolled[None])[0] == pytest.approx(0.5, abs=1e-5)


def test_landmarks_that_coincide_are_no_error():
    assert np.isfinite(one([0, 0, 100, 100], np.zeros((5, 2), np.float32)))


def test_a_face_that_is_blurred_or_was_small_is_less_sharp(examples):
    image = facewise.load_image(examples / "photos" / "obama.jpg")
    box = facewise.detect(image)[0].boxes[0]
    soft = [image, *(cv2.GaussianBlur(image, (0, 0), sigma) for sigma in (2, 4, 8))]
    values = [detail(picture, box) for picture in soft]
    assert values == sorted(values, reverse=True)
    assert kept(1, soft[0], box) > 2 * kept(1, soft[-1], box)
    height, width = image.shape[:2]
    small = cv2.resize(image, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    assert detail(small, box / 4) < 0.6 * values[0]


@pytest.mark.parametrize("box", [[-50, -50, -10, -10], [5, 5, 6, 6], [90, 90, 400, 400]])
def test_a_face_of_one_colour_or_outside_has_no_sharpness(box):
    assert detail(np.full((100, 100, 3), 7, np.uint8), np.array(box, np.float32)) == 0
