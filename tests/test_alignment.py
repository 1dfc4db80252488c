"""Chips: the margin rule and the similarity transform."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from facewise import Faces, FacesError
from facewise.alignment import (
    ARCFACE_112,
    EyeCornerCrop,
    FivePointCrop,
    MarginCrop,
    crop,
    crop_each,
    margin_box,
    similarity_transforms,
)


def test_margin_is_in_pixels_of_the_chip():
    # facenet: a margin of 40 in a chip of 160 leaves 120 for the box; a box of 60 is scaled by 2,
    # so 10 pixels of the image are added on each side.
    assert margin_box(np.array([100, 100, 160, 160]), MarginCrop(160, 40), 500, 500) == (
        90,
        90,
        170,
        170,
    )
    # cut off at the border, and truncated
    assert margin_box(np.array([-5.5, 3.9, 30.7, 44.2]), MarginCrop(160, 0), 25, 500) == (
        0,
        3,
        25,
        44,
    )
    # outside the picture there is still one pixel
    assert margin_box(np.array([90, 90, 95, 95]), MarginCrop(160, 0), 50, 50) == (49, 49, 50, 50)


def test_margin_chip_is_pillows_bilinear_resize(rng):
    image = rng.integers(0, 256, (90, 120, 3), np.uint8)
    faces = Faces([[10, 20, 70, 80]], [0.9])
    [chip] = crop(image, faces, MarginCrop(48, 0))
    expected = Image.fromarray(image).crop((10, 20, 70, 80)).resize((48, 48), Image.BILINEAR)
    np.testing.assert_array_equal(chip, np.asarray(expected))


@pytest.mark.parametrize("margin", [-1, 160, 200])
def test_margin_must_leave_room_for_the_face(margin):
    with pytest.raises(ValueError, match=r"margin must lie in \[0, 160\)"):
        MarginCrop(160, margin)


def test_similarity_is_recovered_exactly(rng):
    template = np.array(ARCFACE_112)
    angles, scales = rng.uniform(-3, 3, 20), rng.uniform(0.1, 9, 20)
    shifts = rng.uniform(-200, 200, (20, 2))
    turn = np.stack(
        [np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], axis=1
    ).reshape(20, 2, 2)
    points = scales[:, None, None] * (template @ turn.transpose(0, 2, 1)) + shifts[:, None]
    matrices = similarity_transforms(points, template)
    back = points @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2]
    np.testing.assert_allclose(back, np.broadcast_to(template, back.shape), atol=1e-9)


def test_similarity_is_least_squares_as_umeyama(rng):
    """Against Umeyama's singular value form, which is another way to the same optimum."""
    template = np.array(ARCFACE_112)
    for points in template + rng.normal(0, 6, (10, 5, 2)):
        source, target = points - points.mean(0), template - template.mean(0)
        u, s, vt = np.linalg.svd(target.T @ source)
        sign = np.diag([1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
        rotation = u @ sign @ vt
        scale = (s * np.diag(sign)).sum() / (source**2).sum()
        expected = np.hstack(
            [scale * rotation, (template.mean(0) - scale * rotation @ points.mean(0))[:, None]]
        )
        np.testing.assert_allclose(similarity_transforms(points[None], template)[0], expected)


def test_points_that_coincide_give_a_shift():
    [matrix] = similarity_transforms(np.full((1, 5, 2), 7.0), np.array(ARCFACE_112))
    np.testing.assert_allclose(matrix[:, :2], np.eye(2))
    assert np.isfinite(matrix).all()


@pytest.mark.parametrize(("scale", "angle"), [(0.5, 20), (1, -35), (2.2, 10), (5, -15)])
def test_landmarks_land_on_the_template(scale, angle):
    """Spots drawn at the landmarks are found, in the chip, where the template wants them.

    At scale 5 the picture is averaged before it is warped; a mistake there would shift the spots.
    """
    template = np.array(ARCFACE_112)
    turn = cv2.getRotationMatrix2D((56, 56), angle, scale)
    points = template @ turn[:, :2].T + turn[:, 2] + 60 + 56 * scale
    image = np.zeros((int(240 + 112 * scale), int(240 + 112 * scale), 3), np.uint8)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    for k, (px, py) in enumerate(points[:3]):
        spot = 255 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (18 * scale**2))
        image[:, :, k] = spot.astype(np.uint8)
    [chip] = crop(image, Faces([[0, 0, 9, 9]], [1], points[None]), FivePointCrop())
    weight = chip.astype(float)
    grid_y, grid_x = np.mgrid[:112, :112]
    for k in range(3):
        w = weight[:, :, k]
        found = (grid_x * w).sum() / w.sum(), (grid_y * w).sum() / w.sum()
        np.testing.assert_allclose(found, template[k], atol=0.15)


def test_small_faces_are_as_a_plain_bilinear_warp(rng):
    image = rng.integers(0, 256, (200, 200, 3), np.uint8)
    points = np.array(ARCFACE_112) * 0.8 + 30
    [chip] = crop(image, Faces([[0, 0, 9, 9]], [1], points[None]), FivePointCrop())
    [matrix] = similarity_transforms(points.astype(np.float32)[None], np.array(ARCFACE_112))
    np.testing.assert_array_equal(chip, cv2.warpAffine(image, matrix, (112, 112)))


def test_a_large_face_does_not_alias(rng):
    """A fine checkerboard has to come out as its mean, not as a pattern."""
    image = np.indices((1200, 1200)).sum(axis=0) % 2 * np.uint8(255)
    image = np.repeat(image.astype(np.uint8)[:, :, None], 3, axis=2)
    points = np.array(ARCFACE_112) * 9 + 20
    [chip] = crop(image, Faces([[0, 0, 9, 9]], [1], points[None]), FivePointCrop())
    assert abs(chip[5:-5, 5:-5].astype(int) - 127).max() <= 16


def test_faces_outside_the_picture_give_chips_all_the_same(rng):
    image = rng.integers(0, 256, (40, 40, 3), np.uint8)
    far = np.array(ARCFACE_112) * 20 + 5000
    faces = Faces([[5000, 5000, 6000, 6000]], [0.9], far[None])
    for policy in (FivePointCrop(), MarginCrop(160, 20)):
        assert crop(image, faces, policy).shape == (1, policy.size, policy.size, 3)
    assert crop(image, Faces.empty(), FivePointCrop()).shape == (0, 112, 112, 3)


def test_five_points_are_needed():
    with pytest.raises(FacesError, match="landmarks"):
        crop(np.zeros((9, 9, 3), np.uint8), Faces([[0, 0, 5, 5]], [0.9]), FivePointCrop())


@pytest.mark.parametrize("policy", [MarginCrop(60, 8), FivePointCrop(), EyeCornerCrop()])
def test_chips_of_several_pictures_are_those_of_each(rng, policy):
    images = [
        rng.integers(0, 256, size, np.uint8) for size in ((90, 120, 3), (50, 40, 3), (9, 9, 3))
    ]
    points = rng.uniform(5, 40, (4, 5, 2))
    boxes = np.tile([5, 6, 35, 38], (4, 1))
    faces = [
        Faces(boxes[:3], np.ones(3), points[:3]),
        Faces.empty(),
        Faces(boxes[3:], np.ones(1), points[3:]),
    ]
    together = crop_each(images, faces, policy)
    assert [len(chips) for chips in together] == [3, 0, 1]
    for chips, image, some in zip(together, images, faces, strict=True):
        np.testing.assert_array_equal(chips, crop(image, some, policy))
    assert crop_each([], [], policy) == []
