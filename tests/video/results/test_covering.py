"""Faces are covered wholly, and for good."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.video.results import Region, cover
from facewise.video.results.covering import SOLID

WAYS = ["blur", "pixelate", "solid"]


def noise(rng, height=240, width=320):
    return rng.integers(0, 255, (height, width, 3), np.uint8)


@pytest.mark.parametrize("how", WAYS)
def test_no_pixel_of_a_box_is_kept_and_none_far_away_is_touched(rng, how):
    image = noise(rng)
    before = image.copy()
    for _ in range(40):
        x, y = rng.uniform(-40, 320), rng.uniform(-40, 240)
        width, height = rng.uniform(1, 120, 2)
        region = Region(x, y, x + width, y + height)
        changed = (cover(image, [region], how) != image).any(axis=2)
        left, top = max(int(x), 0), max(int(y), 0)
        part = changed[top : max(int(y + height), 0), left : max(int(x + width), 0)]
        # A pixel of noise may have the covering colour by chance.
        assert part.size < 50 or part.mean() > 0.98
        far = np.ones_like(changed)
        wide = 2 * max(width, height, 12)
        far[
            max(int(y - wide), 0) : max(int(y + height + wide), 0),
            max(int(x - wide), 0) : max(int(x + width + wide), 0),
        ] = False
        assert not changed[far].any()
    assert (image == before).all()


@pytest.mark.parametrize("how", ["blur", "pixelate"])
def test_nothing_is_left_but_a_few_means(rng, how):
    """Two faces that differ everywhere, but not in the means of cells, look the same."""
    image = np.full((240, 320, 3), 128, np.uint8)
    other = image.copy()
    checks = (np.indices((240, 320)).sum(axis=0) % 2 * 2 - 1)[..., None]
    other = (other + 60 * checks).astype(np.uint8)
    region = Region(100, 60, 180, 160)
    one, two = cover(image, [region], how), cover(other, [region], how)
    assert np.abs(one.astype(int) - two)[60:160, 100:180].max() <= 3
    # And there are no more values than a handful of cells could have.
    covered = cover(noise(rng), [region], "pixelate")[60:160, 100:180].reshape(-1, 3)
    assert len(np.unique(covered, axis=0)) <= 36


def test_what_is_covered_has_no_detail_however_large_it_is(rng):
    for side in (20, 60, 200):
        image = noise(rng, 500, 500)
        part = cover(image, [Region(150, 150, 150 + side, 150 + side)], "blur")
        box = part[150 : 150 + side, 150 : 150 + side].astype(float)
        # From one pixel to the next it changes by no more than across a cell of a fifth.
        assert np.abs(np.diff(box, axis=1)).max() <= 255 * 2.5 * 5 / side


def test_solid_is_one_colour():
    image = np.full((100, 100, 3), 200, np.uint8)
    drawn = cover(image, [Region(30, 30, 60, 70)], "solid")
    assert (drawn[30:70, 30:60] == SOLID).all()


def test_overlapping_regions_and_those_outside(rng):
    image = noise(rng)
    regions = [Region(10, 10, 60, 60), Region(40, 30, 90, 90), Region(-90, -90, -80, -80)]
    changed = (cover(image, regions, "solid") != image).any(axis=2)
    assert changed[30:60, 40:60].mean() > 0.99
    assert (cover(image, [], "blur") == image).all()


@pytest.mark.parametrize("color", [(1, 2), (1, 2, 300), (-1, 0, 0)])
def test_what_is_no_colour_is_refused(rng, color):
    with pytest.raises(ValueError, match="color: expected"):
        cover(noise(rng), [], "solid", color)


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="how: expected one of blur, pixelate, solid"):
        cover(np.zeros((9, 9, 3), np.uint8), [], "smear")
