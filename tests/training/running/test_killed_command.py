"""The command itself, with a real network and real faces, killed twenty times."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

PEOPLE, EACH, KILLS = 20, 6, 20


@pytest.fixture
def data(shared: Callable[[str], Path], tmp_path: Path) -> tuple[Path, Path]:
    """Aligned chips of some people of LFW, and pairs of them."""
    source = shared("data/lfw-aligned-112")
    found = (each for each in sorted(source.iterdir()) if len(list(each.glob("*.jpg"))) >= EACH)
    root = tmp_path / "people"
    for person, _ in zip(found, range(PEOPLE), strict=False):
        (root / person.name).mkdir(parents=True)
        for file in sorted(person.glob("*.jpg"))[:EACH]:
            (root / person.name / file.name).symlink_to(file)
    names = sorted(each.name for each in root.iterdir())
    assert len(names) > 5

    def picture(name: str, number: int) -> str:
        return f"{name}/{sorted(each.name for each in (root / name).iterdir())[number]}"

    rows = [(picture(name, 0), picture(name, 1), 1) for name in names]
    rows += [(picture(a, 2), picture(b, 3), 0) for a, b in list(combinations(names, 2))[:PEOPLE]]
    pairs = tmp_path / "pairs.csv"
    with pairs.open("w", newline="") as file:
        csv.writer(file).writerows([("image_a", "image_b", "same"), *rows])
    return root, pairs


def losses(run: Path) -> list[str]:
    log = run / "log.csv"
    if not log.is_file():
        return []
    with log.open() as file:
        return [row["loss"] for row in csv.DictReader(file)]


@pytest.mark.slow
@pytest.mark.shared
def test_twenty_kills_leave_no_trace(data: tuple[Path, Path], tmp_path: Path) -> None:
    people, pairs = data
    options = f"""train --data {people} --aligned --backbone mobilefacenet --loss arcface
        --loss-option scale=32 --augment turn=0.5 --augment colour=0.5 --batch-size 32 --epochs 18
        --precision bfloat16 --ema 0.9 --checkpoint-every 1 --evaluate csv:{pairs}:{people}
        --evaluate-aligned --evaluate-steps 10 --no-tensorboard --device cpu"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    command = [sys.executable, "-m", "facewise", *options.split()]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    subprocess.run([*command, "--out", str(whole)], env=environment, check=True)
    resume = [*command, "--out", str(parts), "--resume"]
    chance = random.Random(5)
    for _ in range(KILLS):
        target = len(losses(parts)) + chance.randint(1, 3)
        child = subprocess.Popen(resume, env=environment)
        while child.poll() is None and len(losses(parts)) < target:
            time.sleep(0.02)
        assert child.poll() is None, "it ended by itself"
        time.sleep(chance.uniform(0, 0.5))
        child.kill()
        child.wait()
    subprocess.run(resume, env=environment, check=True)
    assert len(losses(whole)) > KILLS
    assert losses(parts) == losses(whole)
    for name in ("model.safetensors", "evaluations.csv"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes()
