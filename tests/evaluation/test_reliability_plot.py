from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facewise.evaluation.metrics.calibration import reliability
from facewise.evaluation.metrics.intervals import wilson_interval
from facewise.evaluation.reliability_plot import genuine_intervals, write_reliability_plot


def test_plots(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stated = rng.random(300)
    same = rng.random(300) < stated
    for name in ("a.svg", "b.svg", "c.PNG"):
        write_reliability_plot(tmp_path / name, stated, same, title="some <model>")
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn == (tmp_path / "b.svg").read_text()
    assert "some &lt;model&gt;" in drawn or "<!-- some" in drawn
    with Image.open(tmp_path / "c.PNG") as image:
        assert image.format == "PNG"
        assert min(image.size) > 500
    with pytest.raises(ValueError, match=r"ends in \.svg or \.png"):
        write_reliability_plot(tmp_path / "d.pdf", stated, same)


def test_one_bin_that_is_filled(tmp_path: Path) -> None:
    write_reliability_plot(tmp_path / "a.svg", np.full(3, 0.95), np.array([True, True, False]))
    assert (tmp_path / "a.svg").read_text().endswith("</svg>\n")


def test_intervals_without_weights_are_of_the_pairs() -> None:
    stated = np.array([0.05] * 10 + [0.95] * 4)
    same = np.array([True] + [False] * 9 + [True] * 4)
    found = reliability(stated, same, 10)
    intervals = genuine_intervals(found, stated, same)
    np.testing.assert_allclose(intervals, [wilson_interval(1, 10), wilson_interval(4, 4)])


def test_intervals_rest_on_the_pairs_that_were_counted() -> None:
    # Two genuine pairs and a hundred others, which weigh alike together: the share is 0.5. Wilson's
    # interval of 2 in 102 is 0.005394 to 0.068694, and a genuine pair weighs 50 times as much.
    same = np.arange(102) < 2
    stated, weights = np.full(102, 0.45), np.where(same, 0.25, 0.005)
    found = reliability(stated, same, 10, weights)
    [interval] = genuine_intervals(found, stated, same, weights)
    assert interval.low == pytest.approx(50 * 0.005394 / (50 * 0.005394 + 0.994606), abs=1e-4)
    assert interval.high == pytest.approx(50 * 0.068694 / (50 * 0.068694 + 0.931306), abs=1e-4)
    assert interval == pytest.approx((0.2133, 0.7867), abs=1e-3)


def test_a_kind_that_a_bin_lacks_could_have_been_there() -> None:
    # Three light impostor pairs, up to 0.5615 of which might be genuine: of the weight, far more.
    same = np.array([True, True, False, False, False])
    stated, weights = np.array([0.9, 0.9, 0.1, 0.1, 0.1]), np.array([10.0, 10, 1, 1, 1])
    low, high = genuine_intervals(reliability(stated, same, 10, weights), stated, same, weights)[0]
    assert low == 0
    assert high == pytest.approx(5.615 / (5.615 + 0.4385), abs=1e-3)


def test_pairs_of_little_weight_make_nothing_sure() -> None:
    # One pair of weight 1 and 99 of 0.01: (1.99)² / (1 + 0.0099) are 3.9 pairs.
    weights = np.array([1.0] + [0.01] * 99)
    same, stated = np.ones(100, bool), np.full(100, 0.85)
    [interval] = genuine_intervals(reliability(stated, same, 10, weights), stated, same, weights)
    assert interval == pytest.approx(wilson_interval(4, 4))
