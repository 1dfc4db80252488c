"""Matching the boxes of two detectors."""

from __future__ import annotations

import numpy as np
import pytest
from bench.overlap import agreement, intersection_over_union

NONE = np.empty((0, 4), np.float32)


def boxes(*rows):
    return np.array(rows, np.float32)


def test_intersection_over_union():
    table = intersection_over_union(boxes([0, 0, 2, 2]), boxes([1, 0, 3, 2], [2, 0, 4, 2]))
    assert table.tolist() == [[pytest.approx(1 / 3), 0]]


def test_a_detector_that_misses_a_face_and_invents_another():
    truth = [boxes([0, 0, 10, 10], [20, 0, 30, 10]), boxes([0, 0, 10, 10])]
    found = [boxes([0, 0, 10, 8], [50, 50, 60, 60]), boxes([0, 0, 10, 10])]
    result = agreement(found, truth)
    assert result.faces == 1.5
    assert result.recall == pytest.approx(2 / 3)
    assert result.iou == pytest.approx(0.9)
    assert result.others == 0.5


def test_a_face_is_matched_once():
    result = agreement([boxes([0, 0, 10, 10], [0, 0, 10, 9])], [boxes([0, 0, 10, 10])])
    assert (result.recall, result.iou, result.others) == (1, 1, 1)


def test_nothing_to_find():
    result = agreement([NONE], [NONE])
    assert (result.faces, result.recall, result.iou, result.others) == (0, None, None, 0)
    assert agreement([NONE], [boxes([0, 0, 1, 1])]).recall == 0
