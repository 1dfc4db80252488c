"""The speed bench: which faces are covered, ratios within rounds, and the longer video."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed")
pytest.importorskip("scipy", reason="scipy is not installed")

from bench.contest import Contender, Timed
from bench.tracking.covering import Judge, covered
from bench.tracking.looping import looped
from bench.tracking.truth import Named, Seen, Truth

from facewise.video import VideoWriter, open_source


def boxes(*places):
    return np.array([[x, 0, x + 40, 40] for x in places], np.float32).reshape(-1, 4)


def test_every_face_needs_a_box_of_its_own():
    assert covered(boxes(2, 100), boxes(0, 5)).tolist() == [True, False]
    assert covered(boxes(8, 0), boxes(0, 5)).tolist() == [True, True]
    assert covered(boxes(), boxes(0)).tolist() == [False]
    assert covered(boxes(0), boxes()).tolist() == []
    assert covered(boxes(14), boxes(0)).tolist() == [False], "26 of 54 pixels are less than a half"


def timed(name, number, seconds, output):
    return Timed(Contender(name, "", name, print), number, (), output, seconds)


def test_shares_and_ratios():
    truth = Truth(300, 40, [[Seen(1, boxes(0)[0], 1.0)]] * 2, {1: Named("Ann", True)})
    judge = Judge([boxes(0, 200), boxes(0)] * 2, truth, {"times": "slow"})
    found = [boxes(3), boxes(3, 100), boxes(), boxes(3)]
    for number, seconds in enumerate((0.1, 0.3, 0.2)):
        judge.see(timed("slow", number, 10 * (number + 1) * seconds, found))
        judge.see(timed("fast", number, seconds, found))
    extras = judge.extras("fast")
    assert extras["covered"] == pytest.approx(3 / 4), "what is no face by the truth does not count"
    assert extras["covered_all"] == pytest.approx(3 / 6)
    assert extras["others"] == pytest.approx(1 / 4)
    assert extras["times"] == pytest.approx(20), "the median of the ratios within rounds"
    assert judge.extras("slow")["times"] == 1


def test_a_video_shown_three_times(tmp_path):
    short, long = tmp_path / "short.mp4", tmp_path / "long.mp4"
    with VideoWriter(short, rate=25) as writer:
        for i in range(7):
            writer.write(np.full((48, 64, 3), 30 * i, np.uint8), i / 25)
    looped(short, 3, long)
    with open_source(short) as one, open_source(long) as three:
        first = [frame.image.mean() for frame in one]
        frames = [(frame.time, frame.image.mean()) for frame in three]
    assert [mean for _, mean in frames] == first * 3
    assert [time for time, _ in frames] == pytest.approx([i / 25 for i in range(21)], abs=2e-3)
    with pytest.raises(ValueError, match="expected a video with frames"):
        looped(short, 0, tmp_path / "none.mp4")
