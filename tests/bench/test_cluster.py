"""The figures of docs/results/curation.md, and one quick run."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import cluster
from facewise.curation.clustering.limits import limits_for
from facewise.curation.clustering.methods import clustered
from facewise.evaluation.metrics.clustering import bcubed

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.shared]


def test_a_quick_run(tmp_path, shared):
    folder = shared("data/lfw/lfw-deepfunneled").parents[2]
    arguments = ["--quick", "--shared", folder, "--json", tmp_path / "run.json"]
    command = [sys.executable, "-m", "bench", "cluster", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
    groups = json.loads((tmp_path / "run.json").read_text())["groups"]
    assert sum("LFW" in group["title"] for group in groups) >= 4
    [scale] = [group for group in groups if "4,000 faces" in group["title"]]
    assert scale["rows"][0]["extras"]["bcubed"] > 0.99


@pytest.mark.parametrize(
    ("model", "least"),
    [("dlib_resnet29.dlib", 0.93), ("weights/mobilefacenet-ms1m-128d.pt", 0.97)],
)
def test_lfw_is_sorted_into_people_at_once_and_in_batches(shared, model, least):
    if "/" in model:
        shared(model)
    folder = shared("data/lfw/lfw-deepfunneled").parents[2]
    given = argparse.Namespace(shared=folder, quick=False)
    vectors, people, spec = cluster._embedded(given, model)
    _, person, images = np.unique(people, return_inverse=True, return_counts=True)
    often = images[person] >= 2
    vectors, people = vectors[often], people[often]
    whole = bcubed(clustered(vectors, limits_for(spec, len(vectors))), people)
    assert whole.f >= least
    order = np.random.default_rng(0).permutation(len(vectors))
    parts = bcubed(cluster._in_batches(vectors, spec, order), people)
    assert abs(whole.f - parts.f) < 0.01
