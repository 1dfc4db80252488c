"""A model's operating points: the thresholds that give stated false-accept rates.

A pairs file has a few thousand impostor pairs, which measures no rate below 1e-3. All combinations
of its images that show different people are millions.
"""

from __future__ import annotations

import math
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
_TILE = 2048  # images on each side of one matrix product: 16 MB of similarities


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Thresholds by false-accept rate, and what they were measured on.

    Attributes:
        thresholds: cosine similarity by rate, by rising rate.
        images: how many were compared.
        people: how many they show.
        impostor_pairs: how many pairs of different people they make.
    """

    thresholds: dict[float, float]
    images: int
    people: int
    impostor_pairs: int


def operating_points(
    vectors: NDArray[np.float32], people: Sequence[str], fars: Sequence[float] = FARS
) -> OperatingPoints:
    """Compare all images of different people, and find the thresholds for false-accept rates.

    Each threshold is the lowest of four decimals whose measured rate does not exceed the one asked
    for. Time grows with the square of the images; memory holds up to twice the share
    `max(fars)` of the pairs, as float32.

    Args:
        vectors: float32 (m, d), unit length; rows with NaN are images that failed and are left out.
        people: whom each image shows.
        fars: rates in (0, 1). Those that fewer than `MIN_FALSE_ACCEPTS` pairs would measure are
            left out of the result.

    Raises:
        ProtocolError: too few images for any of the rates.
        ValueError: a rate outside (0, 1).
    """
    usable = ~np.isnan(vectors).any(axis=1)
    vectors = np.ascontiguousarray(vectors[usable])
    _, person, counts = np.unique(
        np.asarray(people)[usable], return_inverse=True, return_counts=True
    )
    total = (len(vectors) ** 2 - int(np.sum(counts**2))) // 2
    allowed = {far: false_accepts(far, total) for far in sorted(fars)}
    allowed = {far: count for far, count in allowed.items() if count >= MIN_FALSE_ACCEPTS}
    if not allowed:
        raise ProtocolError(
            f"{len(vectors)} images of {len(counts)} people make {total} pairs of different "
            f"people, too few to measure a false-accept rate of {max(fars):g}"
        )
    top = _most_alike(vectors, person, max(allowed.values()) + 1)
    return OperatingPoints(
        thresholds={far: _above(float(top[count])) for far, count in allowed.items()},
        images=len(vectors),
        people=len(counts),
        impostor_pairs=total,
    )


def _above(similarity: float) -> float:
    """The next step of thresholds that is greater."""
    return (math.floor(similarity * _STEPS) + 1) / _STEPS


def _most_alike(
    vectors: NDArray[np.float32], person: NDArray[np.intp], count: int
) -> NDArray[np.float32]:
    """The `count` highest similarities of different people, falling."""
    kept = np.empty(0, np.float32)
    floor = -np.inf
    for i in range(0, len(vectors), _TILE):
        for j in range(i, len(vectors), _TILE):
            rows, columns = slice(i, i + _TILE), slice(j, j + _TILE)
            similarity = vectors[rows] @ vectors[columns].T
            wanted = person[rows, None] != person[None, columns]
            if i == j:
                wanted = np.triu(wanted)
            wanted &= similarity >= floor
            kept = np.concatenate([kept, similarity[wanted]])
            if len(kept) > 2 * count:
                kept = np.partition(kept, len(kept) - count)[-count:]
                floor = kept.min()
    return np.sort(kept)[::-1][:count]
