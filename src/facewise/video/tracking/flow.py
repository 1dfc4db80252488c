"""Follow boxes from one gray picture to another by optical flow, forwards and backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_WINDOW = (11, 11)
"""Pixels of the gray picture that are compared round each point."""

_LEVELS = 3
"""Levels of the pyramid besides the picture itself: with the window, good for 40 pixels."""

_MARGIN = 64.0
"""Pixels of the gray picture round the points that are looked at."""

_SMALLEST = 8.0
"""Side of the smallest face in the gray picture, in pixels."""

_LEAST_ROWS = 180

_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03)

_INSIDE = 0.8
"""Part of the box, each way, in which the points lie: its corners show no face."""

_ASTRAY, _LEAST_ASTRAY, _MOST_ASTRAY = 0.1, 0.5, 1.5
"""Part of the box's width that a point may miss its own place by after the way there and back; and
the least and the most that it may be, in pixels."""

_APART = 0.25
"""Parts of the box's longer side that a point may move otherwise than the median."""

_FEWEST = 0.25
"""Part of the points that must count for the box to be believed."""

_MANY = 64
"""Boxes from which on each has fewer points."""

_LARGEST_STEP = 1.25
"""Growth of a box from one picture to the next, at most."""


class GrayPicture(NamedTuple):
    """A frame made small, and what it was made from.

    Attributes:
        pixels: uint8 (rows, columns).
        width: pixels of the frame.
        height: pixels of the frame.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int

    @property
    def scale(self) -> Floats:
        """Columns and rows for each pixel of the frame, `(x, y)`."""
        rows, columns = self.pixels.shape
        return np.array([columns / self.width, rows / self.height], np.float32)


def gray_height(height: int, smallest: float) -> int:
    """Rows of the gray picture of a frame of this height whose smallest face has this side."""
    wanted = max(height * _SMALLEST / max(smallest, 1.0), _LEAST_ROWS)
    for part in (4, 3, 2):
        if height / part >= wanted:
            return round(height / part)
    return height


def carry(here: GrayPicture, there: GrayPicture, boxes: Floats) -> tuple[Floats, Floats]:
    """Where boxes of one picture are in another of the same size.

    Points in each box are followed there and back; those that come back, and move as most of them
    do, say how far the box moves, and by how much it grows. (The "median flow" of Z. Kalal,
    K. Mikolajczyk, J. Matas, "Forward-Backward Error", ICPR 2010, with a mean of what is near the
    median.)

    Args:
        here: where the boxes are.
        there: the next frame, or the one before.
        boxes: (n, 4), in pixels of the frame.

    Returns:
        Boxes (n, 4) in pixels of the frame, and how sure each is, in [0, 1], (n,): 0 where its
        points were lost, and the box is where it was.
    """
    n = len(boxes)
    if not n:
        return boxes.copy(), np.zeros(0, np.float32)
    scale = np.tile(here.scale, 2)
    start = boxes * scale
    middle = np.asarray((start[:, :2] + start[:, 2:]) / 2, np.float32)
    sides = start[:, 2:] - start[:, :2]
    grid = _GRID if n <= _MANY else _COARSE_GRID
    points = np.asarray(middle[:, None] + grid * sides[:, None], np.float32)
    flat = points.reshape(-1, 1, 2)
    rows, columns = here.pixels.shape
    part = _part(flat[:, 0], rows, columns)
    corner = np.array([part[1].start, part[0].start], np.float32)
    one, other = here.pixels[part], there.pixels[part]
    arrived, found = _flow(one, other, flat - corner)
    back, found_back = _flow(other, one, arrived)
    arrived, back = arrived + corner, back + corner
    good = (found & found_back).reshape(n, -1)
    good &= ((points >= 0) & (points < (columns, rows))).all(axis=2)
    astray = np.abs(back - flat).max(axis=2).reshape(n, -1)
    good &= astray < (_ASTRAY * sides[:, :1]).clip(_LEAST_ASTRAY, _MOST_ASTRAY)
    moves = np.where(good[:, :, None], (arrived - flat).reshape(n, -1, 2), np.float32(0))
    apart = np.abs(moves - _medians(moves, good)[:, None]).max(axis=2)
    good &= apart < np.maximum(_APART * sides.max(axis=1, keepdims=True), 2 * _LEAST_ASTRAY)
    sure = good.sum(axis=1) >= _FEWEST * points.shape[1]
    shift, growth = _motion(np.asarray(points - middle[:, None]), moves, good & sure[:, None])
    middle, half = middle + shift, sides * growth[:, None] / 2
    carried = np.hstack([middle - half, middle + half]) / scale
    confidence = np.where(sure, good.mean(axis=1), 0)
    return carried.astype(np.float32), confidence.astype(np.float32)


def _part(points: Floats, rows: int, columns: int) -> tuple[slice, slice]:
    """The rows and columns of a picture in which points (n, 2) may have come from and may go to.

    Its sides lie where those of the pyramid's smallest level do, so that it is the same pyramid.
    """
    step = 1 << _LEVELS
    low, high = points.min(axis=0) - _MARGIN, points.max(axis=0) + _MARGIN
    x1, y1 = (low.clip(0, (columns - 1, rows - 1)) // step * step).astype(int)
    x2, y2 = (-(-high // step) * step).clip((x1 + step, y1 + step)).astype(int)
    return slice(y1, min(y2, rows)), slice(x1, min(x2, columns))


def _flow(here: NDArray[np.uint8], there: NDArray[np.uint8], points: Any) -> tuple[Any, Any]:
    follow: Any = cv2.calcOpticalFlowPyrLK
    options = {"winSize": _WINDOW, "maxLevel": _LEVELS, "criteria": _STEPS}
    moved, found, _ = follow(here, there, points, None, **options)
    return moved, found[:, 0].astype(bool)


def _motion(places: Floats, moves: Floats, good: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """What boxes do as a whole: move, and grow about their middle, as least squares say.

    Args:
        places: of points, from the middle of their box, (n, points, 2).
        moves: of each (n, points, 2).
        good: which of them count (n, points).

    Returns:
        Shift (n, 2) and growth (n,); 0 and 1 where no point counts.
    """
    weights = (good / np.maximum(good.sum(axis=1, keepdims=True), 1))[:, :, None]
    center, shift = (places * weights).sum(axis=1), (moves * weights).sum(axis=1)
    around = places - center[:, None]
    spread = (around**2 * weights).sum(axis=(1, 2))
    change = (around * moves * weights).sum(axis=(1, 2)) / np.maximum(spread, 1e-6)
    growth = np.where(spread > 1e-6, 1 + change, 1).clip(1 / _LARGEST_STEP, _LARGEST_STEP)
    return shift - center * (growth - 1)[:, None], growth


def _medians(values: Floats, good: NDArray[np.bool_]) -> Floats:
    """Medians (n, 2) of the good ones of (n, points, 2); 0 where there are none."""
    ordered = np.sort(np.where(good[:, :, None], values, np.float32(np.inf)), axis=1)
    place = np.maximum(good.sum(axis=1) - 1, 0) // 2
    middle = np.take_along_axis(ordered, place[:, None, None], axis=1)[:, 0]
    return np.where(np.isfinite(middle), middle, np.float32(0))


def _grid(points: int) -> Floats:
    """Points in a box, in parts of its sides from its centre: a square without its corners."""
    line = np.linspace(-0.5, 0.5, points) * _INSIDE
    places = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    return np.asarray(places[np.linalg.norm(places, axis=1) < 0.5], np.float32)


_GRID, _COARSE_GRID = _grid(5), _grid(4)
