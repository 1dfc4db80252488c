"""What a face's box tells: how large it is, and how much of the face is to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SMALLEST = 24.0
"""Side of a face, in pixels, below which it tells nothing."""

LARGE = 100.0
"""Side from which on a face gains nothing by being larger."""


def sides(boxes: Floats) -> Floats:
    """The side of the square of each box's area, pixels: (n, 4) to (n,)."""
    return np.sqrt(np.maximum(_areas(boxes), 1e-6))


def largeness(boxes: Floats) -> Floats:
    """The share in [0, 1] that the size lets through: side over `LARGE`, 0 below `SMALLEST`."""
    found = sides(boxes)
    return np.asarray(np.where(found < SMALLEST, 0, np.minimum(found / LARGE, 1)), np.float32)


def shown(boxes: Floats, size: tuple[int, int]) -> Floats:
    """The part of each box that lies inside the picture, in [0, 1].

    Args:
        boxes: (n, 4), pixels.
        size: `(width, height)` of the picture.
    """
    inside = boxes.clip(0, (*size, *size))
    return np.asarray(_areas(inside) / np.maximum(_areas(boxes), 1e-6), np.float32)


def uncovered(boxes: Floats, everybody: Floats) -> Floats:
    """The part of each box that is not under the one of all others that covers most, in [0, 1].

    Args:
        boxes: (n, 4), pixels.
        everybody: boxes of all faces of the picture, (m, 4), these among them.
    """
    one, other = boxes[:, None], everybody[None]
    lengths = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    common = lengths.clip(0).prod(axis=2) / np.maximum(_areas(boxes)[:, None], 1e-6)
    common[(one == other).all(axis=2)] = 0
    return np.asarray(1 - common.max(axis=1, initial=0), np.float32)


def _areas(boxes: Floats) -> Floats:
    lengths = boxes[..., 2:] - boxes[..., :2]
    return np.asarray(lengths[..., 0] * lengths[..., 1], np.float32)
