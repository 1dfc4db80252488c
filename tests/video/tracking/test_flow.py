"""Boxes are followed from one gray picture to another."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facewise.video.tracking import flow
from facewise.video.tracking.flow import GrayPicture, carry, gray_height
from facewise.video.tracking.patches import patches

SIZE = (240, 320)
BOX = np.array([[140, 100, 190, 160]], np.float32)


def shown(pixels, *, width=None, height=None):
    rows, columns = pixels.shape
    return GrayPicture(pixels.astype(np.uint8), width or columns, height or rows)


def moved(pixels, dx, dy, growth=1.0):
    """The picture, grown about the middle of the box, then shifted."""
    x, y = BOX[0, :2] / 2 + BOX[0, 2:] / 2
    matrix = np.array(
        [[growth, 0, x - growth * x + dx], [0, growth, y - growth * y + dy]], np.float32
    )
    size = pixels.shape[::-1]
    return cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize("seed", range(8))
def test_shifts_and_growth_are_found(moving, seed):
    rng = np.random.default_rng(seed)
    dx, dy = rng.uniform(-15, 15, 2)
    growth = rng.uniform(0.93, 1.07)
    pixels = moving.texture(seed, *SIZE)
    boxes, sure = carry(shown(pixels), shown(moved(pixels, dx, dy, growth)), BOX)
    middle, half = (BOX[0, :2] + BOX[0, 2:]) / 2, (BOX[0, 2:] - BOX[0, :2]) / 2 * growth
    expected = np.concatenate([middle - half, middle + half]) + np.array([dx, dy] * 2)
    assert np.abs(boxes[0] - expected).max() < 0.6
    assert sure[0] > 0.9


def test_boxes_are_in_pixels_of_the_frame(moving):
    pixels = moving.texture(3, *SIZE)
    other = moved(pixels, 6, -4)
    here, there = (shown(p, width=960, height=720) for p in (pixels, other))
    boxes, _ = carry(here, there, BOX * 3)
    assert np.abs(boxes - (BOX + np.array([6, -4] * 2)) * 3).max() < 1.5


def test_each_box_follows_its_own(moving):
    pixels = moving.texture(3, *SIZE)
    other = pixels.copy()
    other[90:170, 130:210] = moving.texture(4, 80, 80)
    other[100:160, 150:200] = pixels[100:160, 140:190]
    boxes, sure = carry(shown(pixels), shown(other), np.vstack([BOX, BOX - 90]))
    assert np.abs(boxes[0] - BOX[0] - [10, 0, 10, 0]).max() < 1.5
    assert np.abs(boxes[1] - BOX[0] + 90).max() < 0.5
    assert (sure > 0.7).all()


def test_what_has_gone_is_lost_and_stays_where_it_was(moving):
    pixels = moving.texture(3, *SIZE)
    other = pixels.copy()
    other[80:180, 120:210] = moving.texture(4, 100, 90)
    boxes, sure = carry(shown(pixels), shown(other), BOX)
    assert sure[0] < 0.5
    assert np.isfinite(boxes).all()


@pytest.mark.parametrize("value", [0, 128])
def test_where_there_is_nothing_to_see_nothing_is_followed(value):
    blank = shown(np.full(SIZE, value))
    boxes, sure = carry(blank, blank, BOX)
    assert np.isfinite(boxes).all()
    assert np.abs(boxes - BOX).max() < 1
    assert sure[0] == 0 or np.abs(boxes - BOX).max() < 0.01


def test_boxes_outside_the_picture_are_lost(moving):
    picture = shown(moving.texture(3, *SIZE))
    outside = np.array([[-400, -400, -300, -300], [900, 10, 950, 60]], np.float32)
    boxes, sure = carry(picture, picture, outside)
    assert (sure == 0).all()
    assert np.abs(boxes - outside).max() == 0


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (8, 8)])
def test_tiny_pictures(moving, size):
    picture = shown(moving.texture(1, *size))
    boxes, _ = carry(picture, picture, np.array([[0, 0, size[1], size[0]]], np.float32))
    assert np.isfinite(boxes).all()


def test_no_boxes(moving):
    picture = shown(moving.texture(1, *SIZE))
    boxes, sure = carry(picture, picture, np.empty((0, 4), np.float32))
    assert boxes.shape == (0, 4)
    assert sure.shape == (0,)


def test_gray_pictures_are_as_small_as_the_faces_allow():
    assert gray_height(1080, 200) == 270
    assert gray_height(1080, 25) == 360
    assert gray_height(1080, 20) == 540
    assert gray_height(1080, 8) == 1080
    assert gray_height(240, 200) == 240
    for height in range(1, 3000, 37):
        assert 1 <= gray_height(height, 30) <= height


def test_patches_know_a_face_in_other_light_and_size(moving):
    pixels = moving.texture(3, *SIZE)
    large = cv2.resize(pixels, None, fx=2, fy=2)
    [mine] = patches(shown(pixels), BOX)
    [other] = patches(shown(large * 0.6 + 30), BOX * 2)
    [elsewhere] = patches(shown(pixels), BOX - 60)
    assert mine @ mine == pytest.approx(1, abs=1e-5)
    assert mine @ other > 0.97
    assert abs(mine @ elsewhere) < 0.5
    assert (patches(shown(np.zeros(SIZE)), BOX) == 0).all()


def test_only_the_surroundings_are_looked_at_and_the_result_is_the_same(moving, monkeypatch):
    wide = moving.texture(5, 360, 640).astype(np.uint8)
    moved = np.roll(wide, (5, 9), (0, 1))
    here, there = GrayPicture(wide, 1280, 720), GrayPicture(moved, 1280, 720)
    boxes = np.array([[300, 300, 360, 380], [420, 320, 500, 420]], np.float32)
    seen = []
    whole = flow._flow

    def watched(one, other, points):
        seen.append(one.shape)
        return whole(one, other, points)

    monkeypatch.setattr(flow, "_flow", watched)
    carried, sure = carry(here, there, boxes)
    monkeypatch.setattr(flow, "_part", lambda _, rows, columns: (slice(0, rows), slice(0, columns)))
    expected, as_sure = carry(here, there, boxes)
    np.testing.assert_allclose(carried, expected, atol=0.05)
    np.testing.assert_allclose(sure, as_sure, atol=0.05)
    assert np.abs(carried - boxes - [18, 10, 18, 10]).max() < 0.5
    assert seen[0][0] * seen[0][1] < 0.5 * seen[-1][0] * seen[-1][1]


def test_boxes_outside_of_the_picture_are_lost(moving):
    wide = moving.texture(5, 90, 160).astype(np.uint8)
    picture = GrayPicture(wide, 320, 180)
    far = np.array([[-900, -900, -800, -800], [5000, 90, 5100, 190]], np.float32)
    carried, sure = carry(picture, picture, far)
    np.testing.assert_array_equal(sure, 0)
    np.testing.assert_array_equal(carried, far)
