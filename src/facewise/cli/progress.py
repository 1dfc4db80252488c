"""Progress on standard error, where a person is watching; nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

T = TypeVar("T")


def progress(items: Sequence[T], doing: str) -> Iterable[T]:
    """The items, with a bar that counts them."""
    if not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, doing, console=Console(stderr=True), transient=True)


@contextmanager
def counting(doing: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar that is moved by calling what this gives with the number of things that are done.

    Args:
        doing: a word for what is done.
        total: how many there are; None: nobody knows, and they are counted.
    """
    from rich.console import Console
    from rich.progress import Progress

    quiet = not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda done: bar.update(task, completed=done)


def waiting(doing: str) -> AbstractContextManager[object]:
    """A sign of life during work that cannot be counted."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(doing)
