"""Killed before anything it does to a file, and started again: the bytes of a run in one piece."""

from __future__ import annotations

import os
import random

import pytest

from killed_runs import KilledRuns
from tiny_models import photo, tree

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("killed") / "photos"
    for number in range(11):
        photo(root / f"{'ab'[number % 2]}/{number}.png", number, faces=number % 4)
    (root / "a/bad.png").write_bytes(b"bad")
    return root


@pytest.fixture(scope="module")
def runs():
    made = KilledRuns("align")
    yield made
    made.close()


def test_killed_anywhere(photos, runs, tmp_path):
    whole = tmp_path / "chips"
    assert runs.run(photos, whole) == "ended"
    expected = tree(whole)
    assert len(expected) > 15
    step, killed = 0, 0
    rng = random.Random(1)
    while True:
        step += rng.randint(12, 32)
        out = tmp_path / "again"
        how = runs.run(photos, out, step)
        if how == "ended":
            break
        assert how == "killed"
        killed += 1
        runs.run(photos, out, rng.randint(1, 40))  # and once more
        assert runs.run(photos, out) == "ended"
        found = {name: content for name, content in tree(out).items() if name != "boxes.txt"}
        assert found == {n: c for n, c in expected.items() if n != "boxes.txt"}
        boxes = (out / "boxes.txt").read_text().replace(str(out), str(whole))
        assert boxes == expected["boxes.txt"].decode()
        out.rename(tmp_path / f"done-{step}")
    assert killed > 2
