from __future__ import annotations

import _thread
import gc
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from facewise.runtime import threads as threads_module
from facewise.runtime.threads import in_worker, threads
from facewise.runtime.workers import device_turn, ordered_map, runs_on_cpu


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("FACEWISE_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads_module, "_bound_to", lambda: 3)
    monkeypatch.setattr(threads_module, "_quota", lambda: None)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


class Watch:
    """Counts what is running at once, and what was begun and ended."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running = self.most = self.begun = self.ended = 0

    def __enter__(self) -> None:
        with self.lock:
            self.begun += 1
            self.running += 1
            self.most = max(self.most, self.running)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.running -= 1
            self.ended += 1


def worker_threads() -> int:
    return sum(thread.name.startswith("facewise") for thread in threading.enumerate())


def test_order_whatever_takes_long(rng: np.random.Generator) -> None:
    times = rng.uniform(0, 0.01, 100)
    watch = Watch()

    def work(i: int) -> tuple[int, bool, int, int]:
        with watch:
            time.sleep(times[i])
        return i, in_worker(), threads(), torch.get_num_threads()

    results = list(ordered_map(work, range(100)))
    assert results == [(i, True, 1, 1) for i in range(100)]
    assert watch.most == 3


def test_nothing_to_do() -> None:
    assert list(ordered_map(str, [])) == []
    assert list(ordered_map(str, iter(()))) == []


def test_one_item_has_all_threads_of_the_caller() -> None:
    caller = threading.current_thread()
    [result] = ordered_map(lambda _: (threading.current_thread(), threads()), ["item"])
    assert result == (caller, 3)


def test_one_core_works_in_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWISE_THREADS", "1")
    caller, taken = threading.current_thread(), []

    def items() -> Iterator[int]:
        for i in range(4):
            taken.append(i)
            yield i

    results = ordered_map(lambda i: (i, threading.current_thread()), items())
    assert next(results) == (0, caller)
    assert taken == [0]  # none ahead
    assert list(results) == [(i, caller) for i in (1, 2, 3)]


def test_what_the_user_set_counts() -> None:
    torch.set_num_threads(2)
    watch = Watch()

    def work(_: int) -> None:
        with watch:
            time.sleep(0.005)

    list(ordered_map(work, range(12)))
    assert watch.most == 2
    torch.set_num_threads(1)
    assert not any(ordered_map(lambda _: in_worker(), range(4)))


def test_inside_a_worker_it_is_serial() -> None:
    def outer(i: int) -> list[tuple[int, bool]]:
        name = threading.current_thread().name
        return list(ordered_map(lambda j: (i + j, threading.current_thread().name == name), [0, 1]))

    assert list(ordered_map(outer, range(0, 40, 2))) == [
        [(i, True), (i + 1, True)] for i in range(0, 40, 2)
    ]


def test_maps_of_maps() -> None:
    """Stages after each other, as in the pipeline, share the workers and do not lock up."""
    watch = Watch()

    def work(i: int) -> int:
        with watch:
            time.sleep(0.001)
        return i + 1

    results: Any = range(60)
    for _ in range(4):
        results = ordered_map(work, results, ahead=2)
    assert list(results) == list(range(4, 64))
    assert watch.most <= 3


def test_several_callers_share_the_workers() -> None:
    watch = Watch()

    def work(i: int) -> int:
        with watch:
            time.sleep(0.002)
        return i

    answers: dict[int, list[int]] = {}

    def caller(number: int) -> None:
        answers[number] = list(ordered_map(work, range(number, number + 20)))

    callers = [threading.Thread(target=caller, args=(n,)) for n in range(5)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert answers == {n: list(range(n, n + 20)) for n in range(5)}
    assert watch.most <= 3


@pytest.mark.parametrize("ahead", [1, 2, 5, None])
def test_bounded_ahead_of_a_slow_consumer(ahead: int | None) -> None:
    taken, most = 0, 0

    def items() -> Iterator[int]:
        nonlocal taken
        for i in range(40):
            taken += 1
            yield i

    for given, result in enumerate(ordered_map(lambda i: i, items(), ahead=ahead)):
        most = max(most, taken - given)
        time.sleep(0.001)
        assert result == given
    assert taken == 40
    assert most <= max(ahead or 6, 2)  # two are looked at before the first is begun


def test_workers_go_on_beside_a_slow_consumer() -> None:
    watch = Watch()

    def work(i: int) -> int:
        with watch:
            return i

    results = ordered_map(work, range(100), ahead=8)
    next(results)
    for i in range(1, 20):
        time.sleep(0.005)
        assert next(results) == i
    assert watch.ended >= 24  # the next ones are ready, not one alone


def test_a_ready_result_waits_for_no_more_than_one_item() -> None:
    taken = []

    def items() -> Iterator[int]:
        for i in range(20):
            time.sleep(0.02)
            taken.append(i)
            yield i

    results = ordered_map(lambda i: i, items(), ahead=15)
    for i, result in enumerate(results):
        assert result == i
        assert len(taken) <= i + 3


def test_ahead_must_be_positive() -> None:
    with pytest.raises(ValueError, match="ahead: expected at least 1, got 0"):
        ordered_map(str, [1, 2], ahead=0)


@pytest.mark.parametrize("place", [0, 1, 7, 19])
@pytest.mark.parametrize("error", [ValueError, MemoryError, TimeoutError, KeyboardInterrupt])
def test_an_error_of_the_function(place: int, error: type[BaseException]) -> None:
    watch = Watch()

    def work(i: int) -> int:
        with watch:
            time.sleep(0.002 * (19 - i) / 19)
            if i == place:
                raise error(i)
        return i

    results = ordered_map(work, range(20))
    assert [next(results) for _ in range(place)] == list(range(place))
    with pytest.raises(error, match=str(place)):
        next(results)
    assert watch.running == 0
    assert watch.begun <= place + 6
    assert list(results) == []


@pytest.mark.parametrize("place", [0, 1, 2, 7])
def test_an_error_of_the_source(place: int) -> None:
    def items() -> Iterator[int]:
        yield from range(place)
        raise OSError("no more")

    results = ordered_map(lambda i: i, items())
    assert [next(results) for _ in range(place)] == list(range(place))
    with pytest.raises(OSError, match="no more"):
        next(results)
    assert list(results) == []


def test_an_interrupt_in_the_source_waits_for_no_results() -> None:
    watch = Watch()

    def work(i: int) -> int:
        with watch:
            time.sleep(0.01)
        return i

    def items() -> Iterator[int]:
        yield from range(4)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(ordered_map(work, items(), ahead=6))
    assert watch.running == 0


def test_stop_iteration_of_the_function_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(_: int) -> int:
        raise StopIteration

    for count in "31":
        monkeypatch.setenv("FACEWISE_THREADS", count)
        with pytest.raises(RuntimeError, match="StopIteration"):
            list(ordered_map(work, [1, 2, 3]))


def test_closed_early() -> None:
    watch = Watch()

    def work(i: int) -> int:
        with watch:
            time.sleep(0.02)
        return i

    results = ordered_map(work, iter(range(1000)), ahead=100)
    assert next(results) == 0
    start = time.perf_counter()
    results.close()
    assert time.perf_counter() - start < 1
    assert watch.running == 0
    begun = watch.begun
    assert begun <= 8
    time.sleep(0.05)
    assert watch.begun == begun
    assert list(ordered_map(abs, [-1, -2, -3])) == [1, 2, 3]  # the workers live on


def test_dropped_early() -> None:
    watch = Watch()

    def work(i: int) -> int:
        with watch:
            time.sleep(0.01)
        return i

    for result in ordered_map(work, range(1000), ahead=100):
        if result == 2:
            break
    gc.collect()
    assert watch.running == 0
    assert watch.begun <= 9


def test_the_source_is_still_the_caller_s_after_closing() -> None:
    source = (i for i in range(100))
    results = ordered_map(lambda i: i, source, ahead=4)
    next(results)
    results.close()
    assert 2 <= next(source) <= 6


def test_an_interrupt_while_waiting() -> None:
    watch, go = Watch(), threading.Event()

    def work(i: int) -> int:
        with watch:
            if i == 3:
                _thread.interrupt_main()  # as Ctrl-C does
                go.wait(1)
            time.sleep(0.001)
        return i

    got = []

    def consume() -> None:
        for result in ordered_map(work, range(1000)):
            got.append(result)
            time.sleep(0.001)

    with pytest.raises(KeyboardInterrupt):
        consume()
    go.set()
    assert got == list(range(len(got)))
    assert len(got) < 20
    assert watch.running == 0


def test_threads_are_few_and_kept() -> None:
    list(ordered_map(abs, range(100)))
    count = worker_threads()
    for _ in range(50):
        list(ordered_map(abs, range(10)))
        next(ordered_map(abs, range(10)))
    assert worker_threads() <= max(count, 3)
    assert torch.get_num_threads() == 3


def test_items_and_results_are_let_go() -> None:
    class Large:
        pass

    alive: weakref.WeakSet[Large] = weakref.WeakSet()

    def large() -> Large:
        thing = Large()
        alive.add(thing)
        return thing

    most = 0
    for result in ordered_map(lambda _: large(), (large() for _ in range(60)), ahead=4):
        del result
        most = max(most, len(alive))
    # Four underway, an item or a result each (both for a moment), and those the workers drop last.
    assert most <= 4 * 2 + 3
    gc.collect()
    time.sleep(0.05)
    assert len(alive) <= 3


def test_a_worker_that_collects_garbage_does_not_wait_for_itself() -> None:
    results: list[Any] = [ordered_map(abs, range(100), ahead=50)]
    next(results[0])

    def drop(_: int) -> None:
        if results:
            results.pop().close()

    assert list(ordered_map(drop, [1, 2, 3])) == [None] * 3


def _child(queue: Any) -> None:
    queue.put(list(ordered_map(abs, [-1, -2, -3])))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork of POSIX")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_workers_of_its_own() -> None:
    list(ordered_map(abs, range(10)))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child, args=(queue,))
    child.start()
    try:
        assert queue.get(timeout=30) == [1, 2, 3]
    finally:
        child.terminate()
        child.join()


def test_a_program_may_end_in_the_middle() -> None:
    code = (
        "import time, torch; torch.set_num_threads(3)\n"
        "from facewise.runtime.workers import ordered_map\n"
        "kept = ordered_map(lambda i: time.sleep(0.01) or i, range(10**6))\n"
        "print(next(kept))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("OMP_NUM_THREADS", None)
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, timeout=60
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, b"0\n", b"")


@pytest.mark.parametrize(
    ("device", "on_cpu"),
    [(None, True), ("cpu", True), (torch.device("cpu"), True), ("cuda:1", False), ("mps", False)],
)
def test_turns_of_a_device(device: Any, on_cpu: bool) -> None:
    model, watch = SimpleNamespace(device=device), Watch()
    assert runs_on_cpu(model) is on_cpu

    def call(_: int) -> None:
        with device_turn(model), device_turn(model), watch:
            time.sleep(0.005)

    list(ordered_map(call, range(9)))
    assert watch.most == (3 if on_cpu else 1)


def test_a_model_that_names_no_device_is_on_the_cpu() -> None:
    assert runs_on_cpu(object())
