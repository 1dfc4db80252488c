"""Time contenders side by side: one process, the same work for all, another order each round."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

OTHERS = "other packages"
"""The kind of every peer but the one that ratios are against."""


class UnavailableError(Exception):
    """A contender cannot run here; the message says why, and what to install or give."""


@dataclass(frozen=True)
class Contender:
    """One way of doing the work.

    Attributes:
        family: what it is; of several variants of a family a plot shows the fastest.
        variant: how it is called, "single" for example; may be empty.
        kind: what it is coloured as in a plot, and what a group names as its reference.
        run: the work, which is timed, on what `prepare` gave.
        prepare: makes the input from the items of a round; not timed.
        finish: makes what the judge sees from the output; not timed.
        settings: what it was made with, for the record.
        limit: do only so many items of a round: for a peer too slow for more.
    """

    family: str
    variant: str
    kind: str
    run: Callable[[Any], Any]
    prepare: Callable[[Sequence[Any]], Any] = list
    finish: Callable[[Any], Any] = lambda output: output
    settings: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None

    @property
    def name(self) -> str:
        return ", ".join(part for part in (self.family, self.variant) if part)


@dataclass(frozen=True)
class Timed:
    """One contender's part of one round.

    Attributes:
        items: what it worked on.
        output: what came out, after `finish`; None when it failed.
        seconds: for one item.
        error: why it failed, or None; it takes no further part.
    """

    contender: Contender
    round: int
    items: Sequence[Any]
    output: Any
    seconds: float
    error: str | None = None


def rotated(items: Sequence[T], by: int) -> list[T]:
    """The items from number `by` on, then those before it; `by` may pass the end."""
    start = by % len(items) if items else 0
    return [*items[start:], *items[:start]]


def compete(
    contenders: Sequence[Contender],
    rounds: Iterable[Sequence[Any]],
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Timed]:
    """Every round, each contender once, A B C then B C A and so on.

    The items of the first round are used twice: untimed as a warm-up, then timed.

    Yields:
        What each contender did, as soon as it has. One that fails says so and is left out from
        then on; the others go on.
    """
    gc.collect()
    gc.freeze()  # what is there by now is not looked through again
    try:
        yield from _rounds(list(contenders), rounds, clock)
    finally:
        gc.unfreeze()


def _rounds(
    playing: list[Contender], rounds: Iterable[Sequence[Any]], clock: Callable[[], float]
) -> Iterator[Timed]:
    for number, items in enumerate(rounds):
        for contender in rotated(playing, number):
            part = items[: contender.limit]
            try:
                given = contender.prepare(part)
                if number == 0:
                    contender.run(given)
                gc.collect()  # another's rubbish is not swept on this one's time
                start = clock()
                output = contender.run(given)
                seconds = (clock() - start) / len(part)
                result = contender.finish(output)
            except Exception as error:  # peers raise whatever they like
                playing.remove(contender)
                yield Timed(contender, number, part, None, 0.0, reason(error))
                continue
            yield Timed(contender, number, part, result, seconds)


def reason(error: BaseException) -> str:
    """The first line of an error, with its type where that adds something."""
    lines = str(error).strip().splitlines()
    if isinstance(error, UnavailableError):
        return lines[0]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def fastest(
    candidates: Mapping[str, T], run: Callable[[T], float], repeats: int = 2
) -> tuple[T, dict[str, float]]:
    """The candidate with the smallest figure, and the smallest figure of each."""
    figures = {name: min(run(c) for _ in range(repeats)) for name, c in candidates.items()}
    return candidates[min(figures, key=lambda name: figures[name])], figures
