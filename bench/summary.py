"""From the seconds of every round to medians, quartiles and ratios."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile."""
    low, middle, high = np.percentile(values, (25, 50, 75)).tolist()
    return low, middle, high


def faster(seconds: Mapping[str, Sequence[float]], names: Collection[str]) -> str | None:
    """Of the names, the one with the smallest median; None when none of them was timed."""
    timed = [name for name in names if seconds.get(name)]
    return min(timed, key=lambda name: quartiles(seconds[name])[1]) if timed else None


def figures(
    seconds: Mapping[str, Sequence[float]], references: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Of each contender the seconds for one item, and how many times faster than a reference.

    A ratio is the median of the ratios within each round: a machine that slows down for a while
    slows both sides of it.

    Args:
        seconds: of each contender, one value a round.
        references: names of the contenders to compare with.

    Returns:
        By name: `median`, `q1`, `q3`, `per_second`; `ratio`, `ratio_q1`, `ratio_q3` against the
        faster of the references; `ratios` against each of them.
    """
    best = faster(seconds, references)
    answer: dict[str, dict[str, Any]] = {}
    for name, own in seconds.items():
        if not own:
            continue
        q1, median, q3 = quartiles(own)
        values: dict[str, Any] = {"median": median, "q1": q1, "q3": q3, "per_second": 1 / median}
        ratios = {
            other: quartiles([b / a for a, b in zip(own, seconds[other], strict=False)])
            for other in references
            if seconds.get(other)
        }
        if best is not None:
            values["ratio_q1"], values["ratio"], values["ratio_q3"] = ratios[best]
        values["ratios"] = {other: middle for other, (_, middle, _) in ratios.items()}
        answer[name] = values
    return answer
