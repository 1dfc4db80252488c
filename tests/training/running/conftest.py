"""The toy of `toy.py`, in this process and in others."""

from __future__ import annotations

import csv
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

_FILE = Path(__file__).with_name("toy.py")
_spec = importlib.util.spec_from_file_location("facewise_tests_toy", _FILE)
assert _spec is not None
assert _spec.loader is not None
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of people with chips for the toy."""
    made: Path = toy.make_people(tmp_path_factory.mktemp("toy") / "people")
    return made


@pytest.fixture
def settings(people: Path) -> Callable[..., Any]:
    """`settings(out, **changes)`: the configuration of a toy run of 30 steps."""
    return lambda out, **changes: toy.settings(people, out, **changes)


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the loop know the toy, and compute with one thread."""
    from facewise.training import loop

    monkeypatch.setattr(loop, "build_backbone", toy.build_backbone)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def losses() -> Callable[[Path], list[str]]:
    """`losses(run)`: the column of the log, as texts, so that every digit counts."""

    def read(run: Path) -> list[str]:
        with (run / "log.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [int(row["step"]) for row in rows] == list(range(1, len(rows) + 1))
        return [row["loss"] for row in rows]

    return read


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """`start(*configs, resume=False, processes=1)`: toy runs in processes of their own."""

    def begin(*configs: Any, resume: bool = False, processes: int = 1) -> subprocess.Popen[bytes]:
        files = [tmp_path / f"toy{number}.yaml" for number in range(len(configs))]
        for config, file in zip(configs, files, strict=True):
            config.save(file)
        source = str(Path(__file__).parents[3] / "src")
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")]),
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }
        launcher = []
        if processes > 1:
            launcher = ["-m", "torch.distributed.run", "--standalone", "--nnodes=1"]
            launcher.append(f"--nproc-per-node={processes}")
        command = [sys.executable, *launcher, str(_FILE), *map(str, files)]
        command += ["--resume"] if resume else []
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)

    return begin
