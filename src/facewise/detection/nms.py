"""Greedy non-maximum suppression over boxes of one picture or several, on the host.

Only pairs of boxes that lie near each other can overlap, so the work grows with the crowd round a
face and not with the square of all boxes; and the greedy choice, a loop by nature, is made in
rounds over the pairs that are left, a few array operations each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Numbers = NDArray[np.intp]

_PAIRS = 1 << 20  # pairs looked at in one piece: bounds memory


def nms(
    boxes: Floats,
    scores: Floats,
    threshold: float,
    overlap: Literal["union", "smaller"] = "union",
    pictures: Numbers | None = None,
) -> Numbers:
    """Keep the best box of each heap of overlapping ones.

    Args:
        boxes: float32 (n, 4), `(x1, y1, x2, y2)`.
        scores: float32 (n,).
        threshold: a box goes when its overlap with a better one is above this.
        overlap: `union` is the intersection over the union, with plain areas. `smaller` is the
            intersection over the smaller area, which also removes a small box inside a large
            one; as in MTCNN's last stage (Zhang et al. 2016) its boxes include their last pixel,
            so sides count one more.
        pictures: number of the picture that each box is in (n,); boxes of different ones do not
            overlap. None: all are in the same.

    Returns:
        Numbers of the boxes kept, best first.
    """
    # Near 1 many scores are equal in float32, and then the sort decides which box is kept. The
    # reference sorts stably, best first, for the union (torchvision), and for the smaller area with
    # numpy's default sort, worst first; only the same sorts break ties the same way.
    stable = overlap == "union"
    order = np.argsort(-scores, kind="stable") if stable else np.argsort(scores)[::-1]
    numbers = None if pictures is None else pictures[order]
    better, worse = _overlapping(boxes[order], threshold, overlap, numbers)
    return order[_greedy(len(order), better, worse)]


def _overlapping(
    boxes: Floats,
    threshold: float,
    overlap: Literal["union", "smaller"],
    pictures: Numbers | None,
) -> tuple[Numbers, Numbers]:
    """All pairs of boxes that overlap by more than the threshold: the earlier and the later."""
    extra = np.float32(overlap == "smaller")
    if pictures is None or not len(boxes):
        across = np.argsort(boxes[:, 0], kind="stable")
        apart: NDArray[np.floating] | float = 0.0
    else:
        across = np.lexsort((boxes[:, 0], pictures))
        # Side by side, with more room between two pictures than the widest box has.
        low, high = float(boxes.min()), float(boxes.max())
        apart = pictures[across] * (2 * (high - low) + 2)
    x1, y1, x2, y2 = boxes[across].T
    areas = (x2 - x1 + extra) * (y2 - y1 + extra)
    # An overlap is at most the shared width over the width of the left box, so its partners begin
    # within what is left of its width; over the smaller area, anywhere inside it. The rest is slack
    # for the rounding of float32.
    share = 1 - threshold if overlap == "union" else 1.0
    reach = x1 + (x2 - x1 + extra) * np.float32(share) * np.float32(1.001) + np.float32(0.01)
    first = np.arange(1, len(boxes) + 1)
    counts = np.maximum(np.searchsorted(x1 + apart, reach + apart, side="right") - first, 0)
    found: list[tuple[Numbers, Numbers]] = []
    for start, end in _pieces(counts):
        left = np.repeat(np.arange(start, end), counts[start:end])
        begins = np.cumsum(counts[start:end]) - counts[start:end]
        right = np.arange(len(left)) + np.repeat(first[start:end] - begins, counts[start:end])
        high = np.minimum(y2[left], y2[right]) - np.maximum(y1[left], y1[right]) + extra
        meet = high > 0  # most pairs are apart: the rest of the sum is for those that are not
        left, right, high = left[meet], right[meet], high[meet]
        wide = np.minimum(x2[left], x2[right]) - np.maximum(x1[left], x1[right]) + extra
        shared = np.maximum(wide, 0) * high
        if overlap == "union":
            whole = areas[left] + areas[right] - shared
        else:
            whole = np.minimum(areas[left], areas[right])
        # Multiplied out: empty boxes have no area, and nothing to divide by.
        over = shared > np.float32(threshold) * whole
        pair = across[left[over]], across[right[over]]
        found.append((np.minimum(*pair), np.maximum(*pair)))
    if not found:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    better, worse = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return better, worse


def _pieces(counts: Numbers) -> list[tuple[int, int]]:
    """Runs of boxes with about `_PAIRS` pairs each."""
    edges = [0]
    total = np.cumsum(counts)
    while edges[-1] < len(counts):
        done = total[edges[-1] - 1] if edges[-1] else 0
        edges.append(max(int(np.searchsorted(total, done + _PAIRS)), edges[-1] + 1))
    return list(zip(edges, [min(edge, len(counts)) for edge in edges[1:]], strict=False))


def _greedy(n: int, better: Numbers, worse: Numbers) -> Numbers:
    """The boxes, numbered from the best, that no better kept box overlaps; in that order."""
    alive = np.ones(n, bool)
    while len(better):
        leading = alive.copy()  # overlapped by nothing better that still stands: kept for good
        leading[worse] = False
        alive[worse[leading[better]]] = False
        left = alive[worse] & alive[better] & ~leading[better]
        better, worse = better[left], worse[left]
    return np.flatnonzero(alive)
