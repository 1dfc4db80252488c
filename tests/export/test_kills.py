"""Killed before anything it does to a file, and started again: the bytes of a run in one piece."""

from __future__ import annotations

import os
import random

import pytest

from killed_runs import KilledRuns
from tiny_models import photo, tree

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks"),
]


def test_killed_anywhere(tmp_path):
    root = tmp_path / "people"
    for number in range(8):
        photo(root / f"{'ab'[number % 2]}/{number}.png", number, faces=number % 3)
    (root / "a/bad.png").write_bytes(b"bad")
    runs = KilledRuns("export")
    try:
        (tmp_path / "whole").mkdir()
        assert runs.run(root, tmp_path / "whole") == "ended"
        expected = tree(tmp_path / "whole")
        assert set(expected) == {"f.npz", "m.h5", "f.npz.problems.csv"}
        step, killed = 0, 0
        rng = random.Random(2)
        while True:
            step += rng.randint(8, 24)
            out = tmp_path / f"out{step}"
            out.mkdir()
            how = runs.run(root, out, step)
            if how == "ended":
                break
            assert how == "killed"
            killed += 1
            assert runs.run(root, out) == "ended"
            assert tree(out) == expected
        assert killed > 4
    finally:
        runs.close()
