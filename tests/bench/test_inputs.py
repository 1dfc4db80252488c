"""Frames for the rounds."""

from __future__ import annotations

import numpy as np
import pytest
from bench.contest import UnavailableError
from bench.inputs import read_video, resized, spread


def test_every_round_goes_through_the_whole_video_from_another_start():
    assert spread(list(range(10)), 3, 2) == [[0, 3, 6], [1, 4, 7]]
    assert spread([1, 2], 4, 1) == [[1, 2, 1, 2]]


def test_resized_averages_and_leaves_the_right_size_alone():
    frame = np.zeros((4, 4, 3), np.uint8)
    frame[:2] = 100
    [small] = resized([frame], (1, 2))
    assert small.tolist() == [[[50] * 3, [50] * 3]]
    assert resized([frame], (4, 4))[0] is frame


def test_a_missing_video_names_the_option(tmp_path):
    with pytest.raises(UnavailableError, match="see --shared"):
        read_video(tmp_path / "none.mp4")
