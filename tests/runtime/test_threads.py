from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from facewise.errors import FacewiseError
from facewise.runtime import threads as module
from facewise.runtime.threads import become_worker, cores, cpu_quota, in_worker, threads


def in_new_thread(function: Callable[[], Any]) -> Any:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(function()))
    thread.start()
    thread.join()
    return answers[0]


@pytest.fixture(autouse=True)
def eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of eight, and a user who has set nothing."""
    for name in ("FACEWISE_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "_bound_to", lambda: 8)
    monkeypatch.setattr(module, "_quota", lambda: None)


def test_the_processors_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cores() == 8
    monkeypatch.setattr(module, "_quota", lambda: 3)
    assert cores() == 3
    monkeypatch.setenv("FACEWISE_THREADS", "16")
    assert cores() == 3
    monkeypatch.setenv("FACEWISE_THREADS", " 2 ")
    assert cores() == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert cores() == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [("4", 4), ("3,2,1", 3), ("", 8), ("0", 8), ("-1", 8), ("many", 8), ("99", 8)],
)
def test_openmp_variable(value: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert cores() == expected


@pytest.mark.parametrize("value", ["0", "-2", "1.5", "all", "²"])
def test_a_wrong_variable_is_an_error(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWISE_THREADS", value)
    with pytest.raises(FacewiseError, match="FACEWISE_THREADS: expected a whole number of at lea"):
        cores()
    with pytest.raises(FacewiseError, match=f"got '{value}'"):
        threads()
    monkeypatch.setenv("FACEWISE_THREADS", "")
    assert cores() == 8


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity of Linux")
def test_affinity() -> None:
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from facewise.runtime.threads import cores; print(cores())"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert answer.stdout.strip() == b"1"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_quota_of_version_2(tmp_path: Path) -> None:
    groups, membership = tmp_path / "cgroup", tmp_path / "membership"
    write(membership, "0::/slice/job\n")
    assert cpu_quota(groups, membership) is None
    write(groups / "slice/job/cpu.max", "max 100000\n")
    assert cpu_quota(groups, membership) is None
    write(groups / "slice/job/cpu.max", "350000 100000\n")
    assert cpu_quota(groups, membership) == 3
    write(groups / "slice/cpu.max", "200000 100000\n")  # of all in the slice
    assert cpu_quota(groups, membership) == 2
    write(groups / "slice/job/cpu.max", "20000 100000\n")
    assert cpu_quota(groups, membership) == 1


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("place", ["docker/abc", "."])  # seen from outside, from inside
def test_quota_of_version_1(tmp_path: Path, mount: str, place: str) -> None:
    groups, membership = tmp_path / "cgroup", tmp_path / "membership"
    write(membership, f"7:memory:/docker/abc\n4:{mount}:/docker/abc\n1:cpuset:/\n")
    group = groups / mount / place
    write(group / "cpu.cfs_quota_us", "-1\n")
    write(group / "cpu.cfs_period_us", "100000\n")
    assert cpu_quota(groups, membership) is None
    write(group / "cpu.cfs_quota_us", "400000\n")
    assert cpu_quota(groups, membership) == 4


def test_quota_that_is_no_number(tmp_path: Path) -> None:
    write(tmp_path / "membership", "nonsense\n0::/\n\n")
    write(tmp_path / "cpu.max", "a b c\n")
    assert cpu_quota(tmp_path, tmp_path / "membership") is None
    assert cpu_quota(tmp_path, tmp_path / "none") is None


def test_what_the_user_set_counts() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(5)
        assert threads() == 5
        torch.set_num_threads(50)
        assert threads() == 8
    finally:
        torch.set_num_threads(before)


def test_pytorch_is_not_loaded_to_count() -> None:
    code = (
        "import sys; from facewise.runtime.threads import threads; threads(); print(*sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert "facewise.runtime.threads" in answer.stdout.decode().split()
    assert "torch" not in answer.stdout.decode().split()


def test_a_worker_has_one_thread_and_others_what_they_had() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        old, ask, answers = threading.Event(), threading.Event(), []

        def user() -> None:
            torch.set_num_threads(6)  # of this thread, and of those that are new
            old.set()
            ask.wait()
            answers.append(torch.get_num_threads())

        thread = threading.Thread(target=user)
        thread.start()
        old.wait()
        assert (torch.get_num_threads(), in_new_thread(torch.get_num_threads)) == (3, 6)

        def worker() -> tuple[int, int, bool]:
            become_worker()
            return torch.get_num_threads(), threads(), in_worker()

        for _ in range(20):
            assert in_new_thread(worker) == (1, 1, True)
        ask.set()
        thread.join()
        assert answers == [6]
        assert (torch.get_num_threads(), in_new_thread(torch.get_num_threads)) == (3, 6)
        assert (threads(), in_worker(), in_new_thread(in_worker)) == (3, False, False)
    finally:
        torch.set_num_threads(before)


def test_many_become_workers_at_once() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        start, answers = threading.Barrier(16), []

        def worker() -> None:
            start.wait()
            become_worker()
            answers.append(torch.get_num_threads())

        workers = [threading.Thread(target=worker) for _ in range(16)]
        for thread in workers:
            thread.start()
        for thread in workers:
            thread.join()
        assert answers == [1] * 16
        assert (torch.get_num_threads(), in_new_thread(torch.get_num_threads)) == (4, 4)
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts the threads of Linux")
def test_operators_start_no_threads_in_a_worker() -> None:
    def running() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    def started(prepare: Callable[[], None]) -> int:
        prepare()
        before = running()
        with torch.inference_mode():
            x = torch.ones(4, 32, 64, 64).to(memory_format=torch.channels_last)
            torch.nn.functional.conv2d(x, torch.ones(32, 32, 3, 3))
            torch.relu(x + x)
            torch.ones(700, 700) @ torch.ones(700, 700)
        return running() - before

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert in_new_thread(lambda: started(lambda: None)) == 2
        assert in_new_thread(lambda: started(become_worker)) <= 0  # others may end meanwhile
    finally:
        torch.set_num_threads(before)
