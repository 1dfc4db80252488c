"""Run something small in a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from facewise.runtime.workers import ordered_map

Result = TypeVar("Result")


def aside(task: Callable[[], Result]) -> Result:
    """The result of a task that runs with one thread: shared among more, it would take longer.

    (A small network on some chips takes three times the processor time when two threads wait for
    each other at every layer.) Workers have one thread; but a single item would not be given to
    them.
    """
    results = ordered_map(lambda one: None if one is None else one(), (task, None))
    result = next(results)
    results.close()
    return result  # type: ignore[return-value]  # the first item is the task
