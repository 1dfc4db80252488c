"""One-thread workers, the one way to give them work (`ordered_map`), and turns of a device."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError  # noqa: A004 - its own before 3.11
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import islice
from typing import TypeVar

from facewise.runtime.threads import become_worker, in_worker, threads

Item = TypeVar("Item")
Result = TypeVar("Result")

_TICK = 0.2
"""Seconds of one wait: where waiting cannot be interrupted (Windows), Ctrl-C is seen after it."""


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], *, ahead: int | None = None
) -> Generator[Result, None, None]:
    """Apply a function to items in workers, and give the results in the order of the items.

    Each worker has one item at a time, and its operations have one thread. Where that gains
    nothing, the function runs in the calling thread instead: when there is a single item, which
    then has all threads, when one core is all there is, and inside a worker.

    Args:
        function: called in several threads at once.
        items: taken in the calling thread, as they are needed.
        ahead: items at most, at least 1, whose results were not taken yet: it bounds the memory.
            By default two for each worker, so that a worker always finds the next one waiting.

    Yields:
        The result of each item. One that is ready waits for the next of the `items`, and no longer.
        An exception of the function or of `items` comes out at its place in the order, after the
        results before it. After it, or when the generator is closed or interrupted, what has not
        begun is given up and what has is waited for: nothing is left running.
    """
    if ahead is not None and ahead < 1:
        raise ValueError(f"ahead: expected at least 1, got {ahead}")
    return _ordered_map(function, items, ahead)


def _ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], ahead: int | None
) -> Generator[Result, None, None]:
    workers = threads()
    if workers == 1:
        for item in items:
            yield function(item)
        return
    failures: list[Exception] = []
    source = _until_failure(items, failures)
    first = deque(islice(source, 2))
    if len(first) > 1:
        rest = _both(first, source)
        yield from _in_workers(function, rest, _pool(workers), ahead or 2 * workers)
    elif first:
        yield function(first.pop())
    if failures:
        raise failures.pop()


def _until_failure(items: Iterable[Item], failures: list[Exception]) -> Iterator[Item]:
    """The items as long as there are any; an exception instead is put down, for later."""
    try:
        for item in items:
            yield item
            del item  # not held while the next one is made
    except Exception as error:
        failures.append(error)


def _both(first: deque[Item], rest: Iterator[Item]) -> Iterator[Item]:
    while first:
        yield first.popleft()  # and no longer held here
    yield from rest


def _in_workers(
    function: Callable[[Item], Result],
    source: Iterator[Item],
    pool: ThreadPoolExecutor,
    ahead: int,
) -> Generator[Result, None, None]:
    underway: deque[Future[Result]] = deque()
    try:
        while True:
            # At least one item for each result, or the workers would run dry beside a slow
            # consumer; and none for long while a result is ready, for the sake of a slow source.
            for item in islice(source, ahead - len(underway)):
                underway.append(pool.submit(function, item))
                del item
                if underway[0].done():
                    break
            if not underway:
                return
            _wait_for(underway[0])
            yield underway.popleft().result()
    finally:
        begun = [future for future in underway if not future.cancel()]
        # A worker may come here as it collects garbage; it must not wait for itself.
        while begun and not in_worker():
            _wait_for(begun.pop())


def _wait_for(future: Future[Result]) -> None:
    while not future.done():
        with suppress(TimeoutError):
            future.exception(_TICK)


def device_turn(model: object) -> AbstractContextManager[object]:
    """A turn of the device that a model runs on, for the time of a `with` statement.

    On the CPU everyone may run at once. A GPU has one queue, and not every backend takes orders
    from several threads at once (MPS), so there only one thread calls at a time.

    Args:
        model: a detector or embedder.
    """
    return nullcontext() if runs_on_cpu(model) else _device


def runs_on_cpu(model: object) -> bool:
    """Whether a model computes on the CPU, as its attribute `device` says, or where it has none."""
    return str(getattr(model, "device", None) or "cpu").startswith("cpu")


_device = threading.RLock()
_pools: dict[int, ThreadPoolExecutor] = {}
_creating = threading.Lock()


def _pool(workers: int) -> ThreadPoolExecutor:
    """The pool of this many workers: one for all who ask, so that two maps share the cores.

    Its threads are kept, since what they have set up (memory, buffers of networks) is worth it.
    """
    with _creating:
        if workers not in _pools:
            _pools[workers] = ThreadPoolExecutor(workers, "facewise-worker", become_worker)
        return _pools[workers]


def _forget() -> None:
    """In a process that was forked: the threads have stayed with its parent."""
    global _creating
    _creating = threading.Lock()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
