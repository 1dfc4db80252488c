"""How many of the faces that exact detection finds have a box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.contest import Timed
from bench.overlap import intersection_over_union
from bench.summary import quartiles
from bench.tracking.truth import Truth

Boxes = NDArray[np.float32]

LEAST_OVERLAP = 0.5
"""Intersection over union from which on a box covers a face."""


def covered(given: Boxes, faces: Boxes) -> NDArray[np.bool_]:
    """Which of faces (n, 4) have a box of their own among those given (m, 4), (n,)."""
    from scipy.optimize import linear_sum_assignment

    overlap = intersection_over_union(faces, given)
    close = np.where(overlap >= LEAST_OVERLAP, 1 + overlap, 0)
    found = np.zeros(len(faces), bool)
    for row, column in zip(*linear_sum_assignment(-close), strict=True):
        found[row] = close[row, column] > 0
    return found


def people_of(faces: Boxes, true: Boxes, people: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whose faces (n, 4) are, by the truth of the frame, (n,); -1: nobody's."""
    overlap = intersection_over_union(faces, true)
    if not overlap.size:
        return np.full(len(faces), -1, np.int64)
    best = overlap.argmax(axis=1)
    return np.where(overlap.max(axis=1) >= LEAST_OVERLAP, people[best], -1)


class Judge:
    """Counts covered faces, and how many times faster everybody is than some.

    Args:
        exact: what exact detection finds on each frame.
        truth: whose faces these are; it may be for fewer frames, which are then repeated.
        references: by a key for the report, the name of a contender.
    """

    def __init__(self, exact: Sequence[Boxes], truth: Truth, references: Mapping[str, str]) -> None:
        self._exact = exact
        self._people = [self._whose(truth, i) for i in range(len(exact))]
        self._references = references
        self._seconds: dict[str, dict[int, float]] = {}
        self._given: dict[str, Sequence[Boxes]] = {}

    def see(self, timed: Timed) -> None:
        """Take note of one contender's part of a round; the last round's boxes count."""
        name = timed.contender.name
        self._seconds.setdefault(name, {})[timed.round] = timed.seconds
        self._given[name] = timed.output

    def extras(self, name: str) -> dict[str, float | None]:
        """See `bench.hold.Judge`."""
        own, result = self._seconds[name], self._shares(self._given[name])
        for key, reference in self._references.items():
            theirs = self._seconds.get(reference, {})
            ratios = [theirs[i] / own[i] for i in sorted(own.keys() & theirs.keys())]
            result[key] = quartiles(ratios)[1] if ratios else None
        return result

    def _shares(self, given: Sequence[Boxes]) -> dict[str, float | None]:
        exact, people = self._exact[: len(given)], self._people[: len(given)]
        found = np.concatenate([covered(a, b) for a, b in zip(given, exact, strict=True)])
        whose = np.concatenate(people)
        others = sum(
            int((~covered(faces, boxes)).sum()) for boxes, faces in zip(given, exact, strict=True)
        )
        return {
            "covered": float(found[whose >= 0].mean()),
            "covered_all": float(found.mean()),
            "others": others / len(given),
        }

    def _whose(self, truth: Truth, number: int) -> NDArray[np.int64]:
        place = number % len(truth.frames)
        people = np.array([seen.person for seen in truth.frames[place]], np.int64)
        return people_of(self._exact[number], truth.boxes(place), people)
