"""Progress on standard error, where a person is watching; nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

T = TypeVar("T")


def progress(items: Sequence[T], doing: str) -> Iterable[T]:
    """The items, with a bar that counts them."""
    if not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, doing, console=Console(stderr=True), transient=True)


def waiting(doing: str) -> AbstractContextManager[object]:
    """A sign of life during work that cannot be counted."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(doing)
