"""Which detection is which track."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.video.extra import needed
from facewise.video.tracking.boxes import centers, overlaps, sizes
from facewise.video.tracking.paths import Path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

IMPOSSIBLE = 1e3
"""Cost of a pair that cannot be."""

_PLAIN = 0.4
"""Overlap of a track's box and a detection that have nobody else near them."""

NEAR = 0.15
"""Overlap from which on somebody is near."""

_BELIEVED = 0.5
"""Trust in a track whose box may be taken for where it is."""

_LEAST_OVERLAP = 0.2
"""Of the ways of a track and a detection, where both are known."""

_FAR = 1.0
"""Distance, in sides of the face, from where a lost face is expected to where it may be found …"""

_FARTHER = 1.0
"""… and what is added to it for each second that it is lost."""

_OTHER_SIZE = 1.6
"""Ratio of the sides of a lost face and of a found one, at most."""


def plain_pairs(boxes: Floats, trust: Floats, found: Floats) -> list[tuple[int, int]]:
    """Tracks and detections that lie on each other, and on nobody else.

    Args:
        boxes: where the tracks are, (n, 4).
        trust: in that, (n,).
        found: where the detections are, (m, 4).

    Returns:
        Pairs (track, detection).
    """
    if not len(boxes) or not len(found):
        return []
    common = overlaps(boxes[:, None], found[None])
    near = common > NEAR
    alone = (near.sum(axis=1, keepdims=True) == 1) & (near.sum(axis=0, keepdims=True) == 1)
    rows, columns = np.nonzero(alone & (common >= _PLAIN) & (trust >= _BELIEVED)[:, None])
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def costs(tracks: Sequence[Path], found: Sequence[Path], lost: Sequence[float]) -> Floats:
    """How badly each detection (column) goes with each track (row), about 0 to 2, or impossible.

    Args:
        tracks: each followed from the first frame of the segment.
        found: each followed from the last frame, as far as it was.
        lost: seconds for which each track has not been seen.

    Returns:
        Up to 1: one less the overlap of the two ways, over the frames to which both were followed.
        From 1 on: they were nowhere followed to both, and it is the distance from where the track
        would be.
    """
    result = np.full((len(tracks), len(found)), IMPOSSIBLE, np.float32)
    if not len(tracks) or not len(found):
        return result
    boxes, trust = np.stack([p.boxes for p in tracks]), np.stack([p.trust for p in tracks])
    back, back_trust = np.stack([p.boxes for p in found]), np.stack([p.trust for p in found])
    total = np.zeros(result.shape, np.float32)
    common = np.zeros(result.shape, np.float32)
    for frame in range(boxes.shape[1]):  # a table of all pairs and frames may be large
        weights = trust[:, None, frame] * back_trust[None, :, frame]
        total += weights
        common += weights * overlaps(boxes[:, None, frame], back[None, :, frame])
    known = total > 0
    mean = common / np.where(known, total, 1)
    near = known & (mean >= _LEAST_OVERLAP)
    result[near] = 1 - mean[near]
    last = nearness(boxes[:, -1], back[:, -1], lost)
    return np.where(known, result, last)


def nearness(expected: Floats, found: Floats, lost: Sequence[float]) -> Floats:
    """How far each detection (column) is from where each track (row) should be; see `costs`.

    Args:
        expected: where the tracks should be, (n, 4).
        found: where the detections are, (m, 4).
        lost: seconds for which each track has not been seen.

    Returns:
        From 1 to 2, or impossible.
    """
    size, other = sizes(expected)[:, None], sizes(found)[None]
    larger, smaller = np.maximum(size, other), np.minimum(size, other)
    distance = np.linalg.norm(centers(expected)[:, None] - centers(found)[None], axis=2) / larger
    far = _FAR + _FARTHER * np.asarray(lost, np.float32)[:, None]
    possible = (distance < far) & (larger < _OTHER_SIZE * smaller)
    return np.asarray(np.where(possible, 1 + distance / far, IMPOSSIBLE), np.float32)


def assign(costs: Floats) -> list[tuple[int, int]]:
    """Pairs (row, column): the most that are possible, at the least total cost."""
    if not costs.size:
        return []
    rows, columns = needed("scipy.optimize", "tracking").linear_sum_assignment(costs)
    return [
        (int(i), int(j)) for i, j in zip(rows, columns, strict=True) if costs[i, j] < IMPOSSIBLE
    ]
