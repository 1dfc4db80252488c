"""Exact `area` resampling of many windows of one picture, through its integral image.

PyTorch's `interpolate(mode="area")` is the mean over the integer window
`[floor(i * n / m), ceil((i + 1) * n / m))` for pixel i of m taken from n. With the summed-area
table of the picture (Crow 1984) each such mean costs four look-ups, whatever its size, so one table
serves every level of the pyramid and every candidate window, and no loop over boxes is needed.
Sums are exact integers; the result differs from PyTorch's by float32 rounding alone. It runs on
the host for every device: PyTorch's own area mode does not run everywhere (MPS).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.intp]


class IntegralImage:
    """The summed-area table of one picture.

    Sums are kept modulo 2**32: a window's sum is a difference of them, and right as long as the
    window itself holds fewer than 2**31 / 255 pixels (a square of 2,900), which no level and no
    candidate of a picture within `images.MAX_PIXELS` reaches.

    Args:
        image: uint8 RGB, shape (H, W, 3).
    """

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self.height, self.width = image.shape[:2]
        self._table: NDArray[np.int32] = cv2.integral(image, sdepth=cv2.CV_32S)  # type: ignore[assignment]

    def resized(self, height: int, width: int, rows: slice = slice(None)) -> NDArray[np.float32]:
        """The whole picture at another size.

        Args:
            height: of the result, in pixels.
            width: of the result, in pixels.
            rows: only these rows of the result are made.

        Returns:
            float32 means in [0, 255], shape (number of rows, width, 3).
        """
        top, bottom = (edge[rows] for edge in _windows(0, self.height, height))
        left, right = _windows(0, self.width, width)
        bands = self._table.take(bottom, axis=0)
        bands -= self._table.take(top, axis=0)
        sums = bands.take(right, axis=1)
        sums -= bands.take(left, axis=1)
        counts = (bottom - top)[:, None] * (right - left)
        return _means(sums, counts)

    def crops(
        self, windows: NDArray[np.intp], size: int, chunk: int
    ) -> Iterator[NDArray[np.float32]]:
        """Windows of the picture, each resized to a square.

        Args:
            windows: integer (n, 4), `(left, top, right, bottom)` inside the picture, right and
                bottom exclusive, none empty.
            size: side of the squares in pixels.
            chunk: windows in a result, which bounds the memory.

        Yields:
            float32 means in [0, 255], shape (chunk or fewer, size, size, 3), in order.
        """
        table, stride = self._table.reshape(-1, 3), self._table.shape[1]
        for start in range(0, len(windows), chunk):
            part = windows[start : start + chunk]
            left, right = _windows(part[:, :1], (part[:, 2:3] - part[:, :1]), size)
            top, bottom = _windows(part[:, 1:2], (part[:, 3:4] - part[:, 1:2]), size)
            upper, lower = (top * stride)[:, :, None], (bottom * stride)[:, :, None]
            left_, right_ = left[:, None, :], right[:, None, :]
            sums = table.take(lower + right_, axis=0)
            sums -= table.take(upper + right_, axis=0)
            sums -= table.take(lower + left_, axis=0)
            sums += table.take(upper + left_, axis=0)
            counts = (bottom - top)[:, :, None] * (right - left)[:, None, :]
            yield _means(sums, counts)


def _means(sums: NDArray[np.int32], counts: Rows) -> NDArray[np.float32]:
    """Sums of windows (…, 3) over their numbers of pixels (…)."""
    means = sums.astype(np.float32)
    means /= counts[..., None]
    return means


def _windows(start: Any, length: Any, parts: int) -> tuple[Rows, Rows]:
    """First and past-the-end index of each of the windows a length is averaged over."""
    i = np.arange(parts)
    return start + i * length // parts, start - (-(i + 1) * length // parts)
