"""Medians, quartiles and ratios."""

from __future__ import annotations

import pytest
from bench.summary import faster, figures, quartiles


def test_quartiles():
    assert quartiles([5, 1, 3, 2, 4]) == (2, 3, 4)
    assert quartiles([7]) == (7, 7, 7)


def test_the_faster_reference_is_that_of_the_smaller_median():
    seconds = {"single": [4, 4, 4], "batched": [1, 5, 5], "failed": []}
    assert faster(seconds, ["single", "batched", "failed"]) == "single"
    assert faster(seconds, ["failed"]) is None


def test_ratios_are_taken_round_by_round_so_that_a_slow_spell_does_not_count():
    seconds = {"ref": [1.0, 10.0, 1.0], "ours": [0.5, 5.0, 0.25], "other": [2.0, 20.0, 2.0]}
    found = figures(seconds, ["ref", "other"])
    assert found["ours"]["ratio"] == 2
    assert found["ours"]["ratio_q3"] == 3
    assert found["ours"]["ratios"] == {"ref": 2, "other": 4}
    assert found["ours"]["median"] == 0.5
    assert found["ours"]["per_second"] == 2
    assert found["ref"]["ratio"] == 1
    assert found["other"]["ratio"] == pytest.approx(0.5)


def test_a_round_that_was_interrupted_is_compared_as_far_as_it_went():
    found = figures({"ref": [1.0, 4.0], "ours": [0.5], "late": []}, ["ref"])
    assert found["ours"]["ratio"] == 2
    assert "late" not in found


def test_without_a_reference_there_are_times_but_no_ratios():
    found = figures({"ours": [2.0]}, [])
    assert found["ours"]["median"] == 2
    assert "ratio" not in found["ours"]
