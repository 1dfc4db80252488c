"""Frames that seem to be missing: gaps between frames that otherwise come evenly."""

from __future__ import annotations

from collections import Counter

_EVEN = 0.9
"""Share of steps that must be alike, for the rest to be gaps; else the rate just varies."""

_KINDS = 1000
"""Steps of different length at most; more of them are no even rate, and would only take memory."""


class Gaps:
    """Watches the times of frames."""

    def __init__(self) -> None:
        self._steps: Counter[int] = Counter()
        self._last: float | None = None

    def frame(self, time: float) -> None:
        """Take down the time of the next frame, in seconds."""
        if self._last is not None and len(self._steps) < _KINDS:
            self._steps[round(1000 * (time - self._last))] += 1
        self._last = time

    def missing(self) -> int:
        """How many frames would fill the gaps; 0 where frames do not come evenly."""
        if not self._steps or len(self._steps) >= _KINDS:
            return 0
        usual = max(1, self._steps.most_common(1)[0][0])
        alike = sum(n for step, n in self._steps.items() if abs(step - usual) <= max(1, usual / 5))
        if alike < _EVEN * self._steps.total():
            return 0
        return sum(
            n * (round(step / usual) - 1) for step, n in self._steps.items() if step > 1.5 * usual
        )
