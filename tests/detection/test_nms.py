"""Non-maximum suppression against a direct quadratic statement of it."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.detection.nms import nms


def slow_nms(boxes, scores, threshold, smaller):
    """Take the best, drop what overlaps it, repeat; one pair of boxes at a time."""
    extra = 1 if smaller else 0
    left = sorted(range(len(boxes)), key=lambda i: -scores[i])
    kept = []
    while left:
        best = left.pop(0)
        kept.append(best)
        survivors = []
        for other in left:
            a, b = boxes[best].astype(float), boxes[other].astype(float)
            w = max(min(a[2], b[2]) - max(a[0], b[0]) + extra, 0)
            h = max(min(a[3], b[3]) - max(a[1], b[1]) + extra, 0)
            areas = [(x[2] - x[0] + extra) * (x[3] - x[1] + extra) for x in (a, b)]
            whole = min(areas) if smaller else sum(areas) - w * h
            if w * h <= threshold * whole:
                survivors.append(other)
        left = survivors
    return kept


@pytest.mark.parametrize("smaller", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
def test_equals_the_direct_statement(rng, smaller, threshold):
    corner = rng.uniform(0, 60, (120, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 40, (120, 2))], axis=1)
    boxes, scores = boxes.astype(np.float32), rng.uniform(0, 1, 120).astype(np.float32)
    kept = nms(boxes, scores, threshold, "smaller" if smaller else "union")
    assert kept.tolist() == slow_nms(boxes, scores, threshold, smaller)


def test_a_box_inside_another_goes_only_by_the_smaller_area():
    boxes = np.array([[0, 0, 100, 100], [40, 40, 60, 60]], np.float32)
    scores = np.array([0.9, 0.8], np.float32)
    assert nms(boxes, scores, 0.7).tolist() == [0, 1]
    assert nms(boxes, scores, 0.7, "smaller").tolist() == [0]


def test_nothing_and_boxes_without_area():
    assert nms(np.empty((0, 4), np.float32), np.empty(0, np.float32), 0.5).tolist() == []
    points = np.zeros((2, 4), np.float32)
    assert len(nms(points, np.array([0.5, 0.6], np.float32), 0.5)) == 2


def test_boxes_of_different_pictures_do_not_meet(rng):
    corners = rng.uniform(-50, 200, (600, 2))
    boxes = np.hstack([corners, corners + rng.uniform(5, 80, (600, 2))]).astype(np.float32)
    scores = rng.random(600).astype(np.float32).round(2)  # many are equal
    pictures = rng.integers(0, 5, 600)
    together = nms(boxes, scores, 0.4, pictures=pictures)
    for number in range(5):
        own = np.flatnonzero(pictures == number)
        alone = own[nms(boxes[own], scores[own], 0.4)]
        assert together[pictures[together] == number].tolist() == alone.tolist()
    assert len(nms(boxes[:0], scores[:0], 0.4, pictures=pictures[:0])) == 0
