"""How far a run of `facewise.shards` is, as a bar."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from facewise.cli.progress import counting
from facewise.shards import Progress


class EmbeddingBar(Progress):
    """Counts the pictures that were looked at.

    Args:
        stack: closes the bar.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def begin(self, pictures: int | None) -> None:
        """The run begins; None: nobody knows how many pictures there are."""
        self._move: Callable[[int], None] = self._stack.enter_context(
            counting("embedding", pictures)
        )

    def looked_at(self, pictures: int) -> None:
        """So many more."""
        self._move(pictures)
