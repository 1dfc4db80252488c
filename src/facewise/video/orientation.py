"""How frames must be turned to stand upright: a display matrix, as one of eight ways."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Orientation:
    """A transposition, then mirrorings.

    Attributes:
        transposed: rows and columns change places first.
        mirrored: left and right then change places.
        flipped: top and bottom then change places.
    """

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def size(self, width: int, height: int) -> tuple[int, int]:
        """`(width, height)` upright of a frame that is stored with this width and height."""
        return (height, width) if self.transposed else (width, height)

    def upright(self, stored: NDArray[Any]) -> NDArray[Any]:
        """The picture (h, w) or (h, w, channels), turned; contiguous if it had to be."""
        if self == UPRIGHT:
            return stored
        import cv2

        if self.transposed:
            stored = cv2.transpose(stored)
        if self.mirrored or self.flipped:
            how = -1 if self.mirrored and self.flipped else int(self.mirrored)
            stored = cv2.flip(stored, how)
        return np.ascontiguousarray(stored)


UPRIGHT = Orientation()


def from_display_matrix(matrix: bytes) -> Orientation:
    """The orientation that a display matrix asks for, to the nearest quarter turn.

    Args:
        matrix: nine 32-bit integers in the machine's order, a b u c d v x y w: the point (p, q) of
            the stored frame is shown at (a p + c q + x, b p + d q + y) (libavutil/display.h).

    Returns:
        Upright for a matrix that is of another length or says nothing.
    """
    if len(matrix) != 36:
        return UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)
