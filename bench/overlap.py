"""How the boxes of two detectors agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]

SAME_FACE = 0.4
"""Least intersection over union: low, because packages draw the box of a face differently."""


@dataclass(frozen=True)
class Agreement:
    """Of one detector with another that counts as the truth, over many images.

    Attributes:
        faces: found in an image, mean.
        recall: part of the true faces that it found too; None where there are none.
        iou: mean intersection over union of those; None where there are none.
        others: faces in an image that the truth does not have, mean.
    """

    faces: float
    recall: float | None
    iou: float | None
    others: float


def agreement(found: Sequence[Boxes], truth: Sequence[Boxes]) -> Agreement:
    """Compare boxes (n, 4) image by image; each box is matched once, best pairs first."""
    overlaps: list[float] = []
    for ours, true in zip(found, truth, strict=True):
        table = intersection_over_union(ours, true)
        while table.size and table.max() >= SAME_FACE:
            i, j = np.unravel_index(int(table.argmax()), table.shape)
            overlaps.append(float(table[i, j]))
            table[i, :] = table[:, j] = 0
    count, true_count = sum(map(len, found)), sum(map(len, truth))
    return Agreement(
        faces=count / len(found),
        recall=len(overlaps) / true_count if true_count else None,
        iou=float(np.mean(overlaps)) if overlaps else None,
        others=(count - len(overlaps)) / len(found),
    )


def intersection_over_union(a: Boxes, b: Boxes) -> Boxes:
    """Of every box of a (n, 4) with every box of b (m, 4); shape (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.maximum(high - low, 0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b)]
    union: Boxes = np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-9)
    table: Boxes = (common / union).astype(np.float32)
    return table
