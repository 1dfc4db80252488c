"""Means through the integral image against PyTorch's own area interpolation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from facewise.detection.resampling import IntegralImages


def area(image, size):
    """The reference: PyTorch's interpolate(mode="area")."""
    x = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float()
    return interpolate(x, size=size, mode="area")[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    ("size", "target"),
    [
        ((1, 1), (1, 1)),
        ((1, 1), (5, 3)),
        ((37, 53), (12, 17)),
        ((37, 53), (37, 53)),
        ((20, 30), (49, 61)),
        ((200, 3), (13, 2)),
        ((480, 640), (289, 385)),
    ],
)
def test_a_level_of_the_pyramid_is_pytorchs_area(rng, size, target):
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    [level] = IntegralImages([image]).resized(*target)
    np.testing.assert_allclose(level, area(image, target), atol=1e-4)
    assert level.dtype == np.float32


def test_rows_of_a_level_are_rows_of_the_whole(rng):
    integral = IntegralImages([rng.integers(0, 256, (90, 70, 3), np.uint8)])
    whole = integral.resized(40, 30)
    np.testing.assert_array_equal(integral.resized(40, 30, slice(7, 22)), whole[:, 7:22])


@pytest.mark.parametrize("size", [24, 48])
def test_crops_are_pytorchs_area_of_each_window(rng, size):
    image = rng.integers(0, 256, (120, 160, 3), np.uint8)
    left, top = rng.integers(0, 100, 40), rng.integers(0, 80, 40)
    windows = np.stack(
        [left, top, left + rng.integers(1, 60, 40), top + rng.integers(1, 40, 40)], axis=1
    )
    crops = IntegralImages([image]).crops(windows, size)
    assert crops.shape == (40, size, size, 3)
    for crop, (x1, y1, x2, y2) in zip(crops, windows, strict=True):
        np.testing.assert_allclose(crop, area(image[y1:y2, x1:x2], (size, size)), atol=1e-4)


def test_sums_beyond_32_bits_are_still_exact():
    """A white picture of 12 million pixels: its table overflows, its means must not."""
    white = np.full((3000, 4000, 3), 255, np.uint8)
    integral = IntegralImages([white])
    np.testing.assert_allclose(integral.resized(30, 40), 255, rtol=1e-6)
    windows = np.array([[0, 0, 2000, 2000], [3000, 2000, 4000, 3000]])
    np.testing.assert_allclose(integral.crops(windows, 24), 255, rtol=1e-6)


def test_several_pictures_are_each_as_alone(rng):
    images = [rng.integers(0, 256, (90, 70, 3), np.uint8) for _ in range(3)]
    together = IntegralImages(images)
    alone = [IntegralImages([image]) for image in images]
    for size in ((40, 30), (13, 17), (120, 101)):
        for level, own in zip(together.resized(*size), alone, strict=True):
            np.testing.assert_array_equal(level, own.resized(*size)[0])
    windows = np.array([[3, 4, 50, 60], [0, 0, 70, 90], [69, 89, 70, 90]])
    crops = together.crops(windows, 24, np.array([2, 0, 1]))
    for crop, window, number in zip(crops, windows, (2, 0, 1), strict=True):
        np.testing.assert_array_equal(crop, alone[number].crops(window[None], 24)[0])
