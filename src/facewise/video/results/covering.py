"""Make faces unrecognisable on a frame, so that nobody can undo it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import Picture

    Color = tuple[int, int, int]

How = Literal["blur", "pixelate", "solid"]

MARGIN = 0.1
"""Of the sides of a box, by which it is enlarged on each side before an ellipse is drawn around it:
all of the box, most of the hair and the ears are inside."""

CELLS = {"blur": 5, "pixelate": 6}
"""Cells across what is covered, which is all that is left of it. A face takes about 60 % of that,
so three or four cells; people know each other from some seven cells across a face on
(Sinha et al. 2006, Proceedings of the IEEE 94, result 1)."""

_SMALLEST = 12.0  # pixels: of the sides of what is covered

SOLID: Color = (32, 32, 32)
"""The colour of `solid`, RGB, unless another one is asked for."""


class Region(NamedTuple):
    """What is to be covered: a box in pixels, which may reach beyond the frame."""

    x1: float
    y1: float
    x2: float
    y2: float

    def moved(self, x: float, y: float, grown: float = 0.0) -> Region:
        """Moved by so many pixels, and enlarged on each side by a part of its sides."""
        across, down = (self.x2 - self.x1) * grown, (self.y2 - self.y1) * grown
        return Region(
            self.x1 + x - across, self.y1 + y - down, self.x2 + x + across, self.y2 + y + down
        )


def cover(
    image: Picture, regions: Iterable[Region], how: How = "blur", color: Color = SOLID
) -> Picture:
    """A copy of a frame with ellipses over the faces.

    What is under an ellipse is replaced by the means of a few cells, drawn as squares (`pixelate`)
    or going over into each other (`blur`), or by one colour (`solid`). Nothing else
    of it is kept, so no sharpening brings it back.

    Args:
        image: uint8 RGB (h, w, 3).
        regions: boxes of faces; each is covered wholly, with a margin.
        how: see above.
        color: of `solid`, RGB.

    Returns:
        uint8 RGB (h, w, 3).

    Raises:
        ValueError: `how` is none of these, or the colour is none.
    """
    if how not in get_args(How):
        raise ValueError(f"how: expected one of {', '.join(get_args(How))}, got {how!r}")
    if len(color) != 3 or not all(0 <= part <= 255 for part in color):
        raise ValueError(f"color: expected (red, green, blue) in 0 to 255, got {color!r}")
    covered: Picture = image.copy()
    for region in regions:
        _cover(covered, region, how, color)
    return covered


def ellipse_of(region: Region) -> tuple[float, float, float, float]:
    """The ellipse over a region: the middle (x, y) and half of width and height, in pixels."""
    across = max(region.x2 - region.x1, _SMALLEST) / 2
    down = max(region.y2 - region.y1, _SMALLEST) / 2
    factor = 2**0.5 * (1 + 2 * MARGIN)  # through the corners of the enlarged box
    middle = (region.x1 + region.x2) / 2, (region.y1 + region.y2) / 2
    return (*middle, across * factor, down * factor)


def _cover(image: Picture, region: Region, how: How, color: Color) -> None:
    height, width = image.shape[:2]
    x, y, across, down = ellipse_of(region)
    left, right = max(int(np.floor(x - across)), 0), min(int(np.ceil(x + across)) + 1, width)
    top, bottom = max(int(np.floor(y - down)), 0), min(int(np.ceil(y + down)) + 1, height)
    if left >= right or top >= bottom:
        return
    part = image[top:bottom, left:right]
    rows = (np.arange(top, bottom) - y) / down
    columns = (np.arange(left, right) - x) / across
    inside = rows[:, None] ** 2 + columns[None] ** 2 <= 1
    part[inside] = _replacement(part, how, color, 2 * max(across, down))[inside]


def _replacement(part: Picture, how: How, color: Color, whole: float) -> NDArray[np.uint8]:
    """A picture of the same size that knows only the means of cells.

    Args:
        part: what is covered, as far as it is on the frame.
        how: as of `cover`.
        color: likewise.
        whole: pixels of the longer side of what is covered, also beyond the frame.
    """
    height, width = part.shape[:2]
    if how == "solid":
        return np.broadcast_to(np.array(color, np.uint8), part.shape)
    side = whole / CELLS[how]
    cells = max(1, round(width / side)), max(1, round(height / side))
    small = cv2.resize(np.ascontiguousarray(part), cells, interpolation=cv2.INTER_AREA)
    kind = cv2.INTER_NEAREST if how == "pixelate" else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(small, (width, height), interpolation=kind), np.uint8)
