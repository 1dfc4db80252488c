"""Where something is, at any time: key positions, and what a body adds to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SMOOTH = 0.12
"""Seconds before and after over which a path is averaged: nobody turns on the spot."""


class Path:
    """A way through the picture.

    Args:
        keys: `(time, x, y, size)`, by rising time: seconds, and pixels of the scene; the size is
            the height of a face, or of a prop.
    """

    def __init__(self, keys: Sequence[tuple[float, float, float, float]]) -> None:
        self._keys = np.array(keys, np.float64)
        if self._keys.ndim != 2 or (np.diff(self._keys[:, 0]) <= 0).any():
            raise ValueError(f"keys: expected rows of rising time, got {list(keys)}")

    @property
    def start(self) -> float:
        """Seconds."""
        return float(self._keys[0, 0])

    @property
    def end(self) -> float:
        """Seconds."""
        return float(self._keys[-1, 0])

    def at(self, time: float) -> tuple[float, float, float]:
        """x, y and size at a time; before the start and after the end, those of there."""
        times = time + np.linspace(-_SMOOTH, _SMOOTH, 5)
        x, y, size = (
            float(np.interp(times, self._keys[:, 0], column).mean())
            for column in self._keys[:, 1:].T
        )
        return x, y, size


@dataclass(frozen=True)
class Wave:
    """Something that swings: `middle + amplitude * sin(2 pi (rate * time + phase))`."""

    middle: float = 0.0
    amplitude: float = 0.0
    rate: float = 1.0
    phase: float = 0.0

    def at(self, time: float) -> float:
        """Its value."""
        swing = np.sin(2 * np.pi * (self.rate * time + self.phase))
        return self.middle + self.amplitude * float(swing)


def straight(
    start: float, end: float, begin: tuple[float, float], finish: tuple[float, float], size: float
) -> Path:
    """A straight way at one speed."""
    return Path([(start, *begin, size), (end, *finish, size)])
