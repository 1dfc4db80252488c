"""Greedy non-maximum suppression over boxes of one picture, on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


def nms(
    boxes: Floats,
    scores: Floats,
    threshold: float,
    overlap: Literal["union", "smaller"] = "union",
) -> NDArray[np.intp]:
    """Keep the best box of each heap of overlapping ones.

    Args:
        boxes: float32 (n, 4), `(x1, y1, x2, y2)`.
        scores: float32 (n,).
        threshold: a box goes when its overlap with a better one is above this.
        overlap: `union` is the intersection over the union, with plain areas. `smaller` is the
            intersection over the smaller area, which also removes a small box inside a large
            one; as in MTCNN's last stage (Zhang et al. 2016) its boxes include their last pixel,
            so sides count one more.

    Returns:
        Numbers of the boxes kept, best first.
    """
    extra = np.float32(overlap == "smaller")
    # Near 1 many scores are equal in float32, and then the sort decides which box is kept. The
    # reference sorts stably, best first, for the union (torchvision), and for the smaller area with
    # numpy's default sort, worst first; only the same sorts break ties the same way.
    stable = overlap == "union"
    order = np.argsort(-scores, kind="stable") if stable else np.argsort(scores)[::-1]
    x1, y1, x2, y2 = boxes[order].T
    areas = (x2 - x1 + extra) * (y2 - y1 + extra)
    alive = np.ones(len(order), bool)
    kept = []
    for i in range(len(order)):
        if not alive[i]:
            continue
        kept.append(i)
        rest = np.flatnonzero(alive[i + 1 :]) + i + 1
        wide = np.minimum(x2[i], x2[rest]) - np.maximum(x1[i], x1[rest]) + extra
        high = np.minimum(y2[i], y2[rest]) - np.maximum(y1[i], y1[rest]) + extra
        shared = np.maximum(wide, 0) * np.maximum(high, 0)
        if overlap == "union":
            whole = areas[i] + areas[rest] - shared
        else:
            whole = np.minimum(areas[i], areas[rest])
        # Multiplied out: empty boxes have no area, and nothing to divide by.
        alive[rest[shared > np.float32(threshold) * whole]] = False
    return order[kept]
