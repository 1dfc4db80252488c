"""Curves from a similarity to the probability that two pictures are of one person."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Doubles: TypeAlias = NDArray[np.float64]

MOST = 1e9
"""Of numbers that have no range of their own."""


@dataclass(frozen=True, slots=True)
class IsotonicCurve:
    """A rising step function, linear between its corners and level beyond them.

    Attributes:
        points: similarities in [-1, 1], rising, each with a probability in (0, 1), not falling.
    """

    points: tuple[tuple[float, float], ...]

    method = "isotonic"

    def __post_init__(self) -> None:
        if not self.points:
            raise ValueError("probability.points: expected at least one")
        last = (-math.inf, 0.0)
        for i, (similarity, probability) in enumerate(self.points):
            key = f"probability.points[{i}]"
            within(similarity, f"{key}[0]", -1, 1)
            inside(probability, f"{key}[1]")
            if similarity <= last[0] or probability < last[1]:
                raise ValueError(
                    f"{key}: expected a greater similarity and no lower probability than "
                    f"{list(last)}, got {[similarity, probability]}"
                )
            last = similarity, probability

    def __call__(self, similarity: Doubles) -> Doubles:
        """The probability at each similarity."""
        x, y = np.array(self.points).T
        return np.asarray(np.interp(similarity, x, y), np.float64)


@dataclass(frozen=True, slots=True)
class LogisticCurve:
    """Log-odds that rise linearly with the similarity, level where the data can tell no more.

    Attributes:
        slope: of the log-odds, above 0.
        intercept: the log-odds at similarity 0.
        lowest: the least probability that is given, in (0, 1).
        highest: the greatest, in [lowest, 1).
    """

    slope: float
    intercept: float
    lowest: float
    highest: float

    method = "logistic"

    def __post_init__(self) -> None:
        for name in ("slope", "intercept"):
            within(getattr(self, name), f"probability.{name}", -MOST, MOST)
        for name in ("lowest", "highest"):
            inside(getattr(self, name), f"probability.{name}")
        if self.slope <= 0:
            raise ValueError(f"probability.slope: expected a number above 0, got {self.slope}")
        if self.lowest > self.highest:
            raise ValueError(
                f"probability.highest: expected at least {self.lowest} (lowest), got {self.highest}"
            )

    def __call__(self, similarity: Doubles) -> Doubles:
        """The probability at each similarity."""
        odds = np.clip(
            self.slope * similarity + self.intercept,
            log_odds(self.lowest),
            log_odds(self.highest),
        )
        return np.asarray(1 / (1 + np.exp(-odds)), np.float64)


Curve: TypeAlias = IsotonicCurve | LogisticCurve


def log_odds(probability: float) -> float:
    """The logarithm of the odds of a probability in (0, 1)."""
    return math.log(probability / (1 - probability))


def within(value: Any, key: str, low: float, high: float) -> None:
    """Refuse what is no number from `low` to `high`; the `ValueError` names the key."""
    if not (type(value) in (int, float) and low <= value <= high):
        raise ValueError(f"{key}: expected a number from {low:g} to {high:g}, got {value!r:.40}")


def inside(value: Any, key: str) -> None:
    """Refuse what is no number between 0 and 1; the `ValueError` names the key."""
    if not (type(value) in (int, float) and 0 < value < 1):
        raise ValueError(f"{key}: expected a number between 0 and 1, got {value!r:.40}")
