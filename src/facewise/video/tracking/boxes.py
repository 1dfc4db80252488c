"""Arithmetic on boxes `(x1, y1, x2, y2)`, and landmarks in parts of their box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


def overlaps(one: Floats, other: Floats) -> Floats:
    """Intersection over union of boxes, with broadcasting: (…, 4) and (…, 4) to (…,)."""
    corner = np.maximum(one[..., :2], other[..., :2])
    sides = np.maximum(np.minimum(one[..., 2:], other[..., 2:]) - corner, 0)
    common = sides[..., 0] * sides[..., 1]
    union = areas(one) + areas(other) - common
    return np.asarray(common / np.maximum(union, 1e-6), np.float32)


def areas(boxes: Floats) -> Floats:
    """Square pixels of boxes (…, 4)."""
    sides = boxes[..., 2:] - boxes[..., :2]
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)


def centers(boxes: Floats) -> Floats:
    """Middle points (…, 2) of boxes (…, 4)."""
    return np.asarray((boxes[..., :2] + boxes[..., 2:]) / 2, np.float32)


def sizes(boxes: Floats) -> Floats:
    """The side of the square of a box's area, (…,)."""
    return np.sqrt(np.maximum(areas(boxes), 1e-6))


def into_box(points: Floats, box: Floats) -> Floats:
    """Points (…, 2) of the picture in parts of a box's sides from its corner."""
    return np.asarray((points - box[:2]) / np.maximum(box[2:] - box[:2], 1e-6), np.float32)


def out_of_box(parts: Floats, box: Floats) -> Floats:
    """The reverse of `into_box`."""
    return np.asarray(parts * (box[2:] - box[:2]) + box[:2], np.float32)


def shown_part(boxes: Floats, width: int, height: int) -> Floats:
    """The part of each box (n, 4) that lies inside the picture, in [0, 1]."""
    inside = boxes.clip(0, (width, height, width, height))
    return np.asarray(areas(inside) / np.maximum(areas(boxes), 1e-6), np.float32)
