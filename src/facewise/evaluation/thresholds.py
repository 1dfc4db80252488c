"""A model's operating points: the thresholds that give stated false-accept rates.

A pairs file has a few thousand impostor pairs, which measures no rate below 1e-3. All combinations
of its images that show different people are millions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.metrics import false_accepts

if TYPE_CHECKING:
    from numpy.typing import NDArray

FARS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)

MIN_FALSE_ACCEPTS = 10
"""A rate is measured only where it lets this many pairs through: then it is known within a factor
of two (the 95 % Poisson interval of 10 is 4.8 to 18.4)."""

_STEPS = 10_000  # thresholds in one unit of similarity; finer ones differ between processors
_FURTHEST = _STEPS + 1  # by rounding, similarities may lie just outside [-1, 1]
_TILE = 2048  # images on each side of one matrix product: 16 MB of similarities


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Thresholds by false-accept rate, and what they were measured on.

    Attributes:
        thresholds: cosine similarity by the rate asked for, by rising rate.
        measured: the rate that each of them has, likewise; it does not exceed the rate asked for.
        images: how many were compared.
        people: how many they show, or None where nobody said.
        impostor_pairs: how many pairs of different people were compared.
    """

    thresholds: dict[float, float]
    measured: dict[float, float]
    images: int
    people: int | None
    impostor_pairs: int


def operating_points(
    vectors: NDArray[np.float32], people: Sequence[str], fars: Sequence[float] = FARS
) -> OperatingPoints:
    """Compare all images of different people, and find the thresholds for false-accept rates.

    Each threshold is the lowest of four decimals whose measured rate does not exceed the one asked
    for. Time grows with the square of the images; memory does not: similarities are counted by
    their four decimals.

    Args:
        vectors: float32 (m, d), unit length; rows with NaN are images that failed and are left out.
        people: whom each image shows.
        fars: rates in (0, 1). Those that fewer than `MIN_FALSE_ACCEPTS` pairs would measure are
            left out of the result, and so are those that too many equal vectors exceed.

    Raises:
        ProtocolError: too few images, or too many equal vectors, for any of the rates.
        ValueError: a rate outside (0, 1).
    """
    usable = ~np.isnan(vectors).any(axis=1)
    vectors = np.ascontiguousarray(vectors[usable])
    _, person, counts = np.unique(
        np.asarray(people)[usable], return_inverse=True, return_counts=True
    )
    total = (len(vectors) ** 2 - int(np.sum(counts**2))) // 2
    allowed = _allowed(
        fars, total, f"{len(vectors)} images of {len(counts)} people make {total} pairs"
    )
    thresholds, measured = _choose(allowed, _count_all(vectors, person))
    return OperatingPoints(thresholds, measured, len(vectors), len(counts), total)


def operating_points_of_pairs(
    similarity: NDArray[np.float64], images: int, fars: Sequence[float] = FARS
) -> OperatingPoints:
    """`operating_points` from impostor pairs that are listed, where nobody knows of others.

    Args:
        similarity: float (n,), of pairs of different people.
        images: how many the pairs are of.
        fars: as of `operating_points`.

    Raises:
        ProtocolError: too few pairs, or too many of equal vectors, for any of the rates.
        ValueError: a rate outside (0, 1).
    """
    allowed = _allowed(fars, len(similarity), f"there are {len(similarity)} pairs")
    thresholds, measured = _choose(allowed, _count(similarity))
    return OperatingPoints(thresholds, measured, images, None, len(similarity))


def _allowed(fars: Sequence[float], total: int, having: str) -> dict[float, int]:
    """How many false accepts each rate allows that can be measured."""
    allowed = {far: false_accepts(far, total) for far in sorted(fars)}
    allowed = {far: count for far, count in allowed.items() if count >= MIN_FALSE_ACCEPTS}
    if not allowed:
        raise ProtocolError(
            f"{having} of different people, too few to measure a false-accept rate of {max(fars):g}"
        )
    return allowed


def _choose(
    allowed: dict[float, int], counts: NDArray[np.int64]
) -> tuple[dict[float, float], dict[float, float]]:
    """By rate the lowest threshold that accepts no more than it allows, and what it does accept.

    Raises:
        ProtocolError: there is none below 1 for any of the rates.
    """
    accepted = np.append(np.cumsum(counts[::-1])[::-1], 0)  # at or above each step
    thresholds, measured = {}, {}
    for far, count in allowed.items():
        step = int(np.argmax(accepted <= count))
        if step >= _FURTHEST + _STEPS:  # 1 or more: equal vectors, give or take rounding
            continue
        thresholds[far] = (step - _FURTHEST) / _STEPS
        measured[far] = float(accepted[step] / accepted[0])
    if not thresholds:
        equal = accepted[_FURTHEST + _STEPS - 1]
        raise ProtocolError(
            f"{equal:,} of {accepted[0]:,} pairs of different people have equal vectors: the model "
            f"does not tell them apart, whatever the rate up to {max(allowed):g}"
        )
    return thresholds, measured


def _count(similarity: NDArray[np.floating]) -> NDArray[np.int64]:
    """How many similarities lie in each step, from the step below -1 to the one above 1.

    In float64, which holds the product of a float32 and the number of steps exactly.
    """
    steps = np.multiply(similarity, _STEPS, dtype=np.float64)
    np.floor(steps, out=steps)
    np.clip(steps, -_FURTHEST, _FURTHEST, out=steps)
    return np.bincount((steps + _FURTHEST).astype(np.intp), minlength=2 * _FURTHEST + 1)


def _count_all(vectors: NDArray[np.float32], person: NDArray[np.intp]) -> NDArray[np.int64]:
    """`_count` of all pairs of different people."""
    counts = np.zeros(2 * _FURTHEST + 1, np.int64)
    for i in range(0, len(vectors), _TILE):
        for j in range(i, len(vectors), _TILE):
            rows, columns = slice(i, i + _TILE), slice(j, j + _TILE)
            similarity = vectors[rows] @ vectors[columns].T
            wanted = person[rows, None] != person[None, columns]
            if i == j:
                wanted = np.triu(wanted)
            counts += _count(similarity[wanted])
    return counts
