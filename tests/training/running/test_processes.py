"""Runs in processes of their own: several at once, killed ones, interrupted ones."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facewise.training.checkpoints import Checkpoints
from facewise.training.loop import train

Start = Callable[..., "subprocess.Popen[bytes]"]
Settings = Callable[..., Any]
Losses = Callable[[Path], list[str]]

BOTH = {
    "arcface": {},
    "adaface, whose statistics are of the batch": {"loss": "adaface", "lr": 1e-3},
    "triplets across processes": {
        "loss": "triplet",
        "loss_options": {},
        "batch_size": 8,
        "pictures_each": 2,
        "lr": 0.05,
    },
    "batch norms": {"backbone": "toy-norms"},
    "batch norms, accumulated": {"backbone": "toy-norms", "accumulate": 2, "clip": 1.0},
    "centers": {"loss": "center", "loss_options": {"weight": 0.1}, "accumulate": 2},
    "sampled classes": {"loss_options": {"scale": 16, "sample_rate": 0.5}, "clip": 1.0},
}


def finish(child: subprocess.Popen[bytes], status: int = 0) -> str:
    try:
        _, said = child.communicate(timeout=110)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    assert child.returncode == status, said.decode()
    return said.decode()


def steps_of(run: Path) -> int:
    log = run / "log.csv"
    return max(0, log.read_text().count("\n") - 1) if log.is_file() else 0


def wait_until(child: subprocess.Popen[bytes], run: Path, step: int) -> None:
    """Until a checkpoint of some step is there, or the run is over."""
    store = Checkpoints(run / "checkpoints")
    while child.poll() is None and not any(done >= step for done in store.steps()):
        time.sleep(0.01)


def test_two_processes_give_the_losses_of_one(
    settings: Settings, losses: Losses, start: Start, tmp_path: Path
) -> None:
    common = {"backbone": "toy", "epochs": 3}
    for name, changes in BOTH.items():
        train(settings(tmp_path / "one" / name, **{**common, **changes}))
    child = start(
        *(
            settings(tmp_path / "two" / name, **{**common, **changes})
            for name, changes in BOTH.items()
        ),
        processes=2,
    )
    finish(child)
    for name in BOTH:
        one, two = ([float(x) for x in losses(tmp_path / run / name)] for run in ("one", "two"))
        assert len(two) == len(one) >= 4
        assert two == pytest.approx(one, rel=1e-5), name


@pytest.mark.slow
def test_two_processes_go_on_as_they_were(
    settings: Settings, losses: Losses, start: Start, tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    finish(start(settings(whole, epochs=4), processes=2))
    config = settings(parts, epochs=4)
    child = start(config, processes=2)
    wait_until(child, parts, 3)
    child.kill()
    child.communicate()
    wait_for_the_lock(parts)
    finish(start(config, processes=2, resume=True))
    assert losses(parts) == losses(whole)


def wait_for_the_lock(run: Path) -> None:
    """Killing the launcher leaves its processes to notice."""
    from filelock import FileLock

    with FileLock(run / ".lock", timeout=60):
        pass


def test_workers_load_the_same_pictures(
    settings: Settings, losses: Losses, start: Start, tmp_path: Path
) -> None:
    train(settings(tmp_path / "none", epochs=2))
    finish(start(settings(tmp_path / "two", epochs=2, workers=2)))
    assert losses(tmp_path / "two") == losses(tmp_path / "none")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_first(
    settings: Settings, losses: Losses, start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    run = tmp_path / "run"
    config = settings(run, epochs=1000, workers=1)
    child = start(config)
    wait_until(child, run, 6)
    child.send_signal(number)
    finish(child, status=128 + number)
    [*_, last] = Checkpoints(run / "checkpoints").steps()
    assert last == steps_of(run) >= 6


def kill_often(
    settings: Settings, start: Start, tmp_path: Path, kills: int, rng: random.Random
) -> tuple[Path, int]:
    """A run that is killed at random moments and resumed each time; and how often it was."""
    run = tmp_path / "killed"
    config = settings(run, epochs=200, checkpoint_every=2)
    killed = 0
    while killed < kills:
        before = steps_of(run)
        child = start(config, resume=True)
        while child.poll() is None and steps_of(run) == before:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.25))
        assert child.poll() is None, child.communicate()
        child.kill()
        child.communicate()
        killed += 1
        store = Checkpoints(run / "checkpoints")
        for step in store.steps():
            store.load(step)  # none is ever damaged
    finish(start(config, resume=True))
    return run, killed


@pytest.mark.slow
def test_three_kills(settings: Settings, losses: Losses, start: Start, tmp_path: Path) -> None:
    run, _ = kill_often(settings, start, tmp_path, 3, random.Random(5))
    train(settings(tmp_path / "whole", epochs=200, checkpoint_every=2))
    assert losses(run) == losses(tmp_path / "whole")


@pytest.mark.slow
def test_twenty_kills(settings: Settings, losses: Losses, start: Start, tmp_path: Path) -> None:
    run, killed = kill_often(settings, start, tmp_path, 20, random.Random(11))
    assert killed == 20
    train(settings(tmp_path / "whole", epochs=200, checkpoint_every=2))
    assert losses(run) == losses(tmp_path / "whole")
    assert re.fullmatch(r"\d{2,}", str(len(losses(run))))
