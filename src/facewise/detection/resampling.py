"""Exact `area` resampling of many windows of one picture, through its integral image.

PyTorch's `interpolate(mode="area")` is the mean over the integer window
`[floor(i * n / m), ceil((i + 1) * n / m))` for pixel i of m taken from n. With the summed-area
table of the picture (Crow 1984) each such mean costs four look-ups, whatever its size, so one table
serves every level of the pyramid and every candidate window, and no loop over boxes is needed.
Sums are exact integers; the result differs from PyTorch's by float32 rounding alone. It runs on
the host for every device: PyTorch's own area mode does not run everywhere (MPS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.intp]
    Whole = NDArray[np.uint16]

_SMALL = 3
"""Windows of up to this many pixels across are summed pixel by pixel: less is moved than by four
look-ups of 32 bits."""


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
        self._image = image.astype(np.uint16)
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
        weights = _inverse(bottom - top)[:, None] * _inverse(right - left)
        if max(self.height / height, self.width / width) < _SMALL:
            sums = _sums_of_lines(self._image, top, bottom)
            return _scaled(_sums_of_columns(sums, left, right), weights)
        bands = self._table.take(bottom, axis=0)
        bands -= self._table.take(top, axis=0)
        wide = _columns(bands, right)
        wide -= _columns(bands, left)
        return _scaled(wide, weights)

    def crops(self, windows: Rows, size: int) -> NDArray[np.float32]:
        """Windows of the picture, each resized to a square.

        Args:
            windows: integer (n, 4), `(left, top, right, bottom)` inside the picture, right and
                bottom exclusive, none empty.
            size: side of the squares in pixels.

        Returns:
            float32 means in [0, 255], shape (n, size, size, 3).
        """
        table, stride = self._table.reshape(-1, 3), self._table.shape[1]
        left, right = _windows(windows[:, :1], windows[:, 2:3] - windows[:, :1], size)
        top, bottom = _windows(windows[:, 1:2], windows[:, 3:4] - windows[:, 1:2], size)
        upper, lower = (top * stride)[:, :, None], (bottom * stride)[:, :, None]
        left_, right_ = left[:, None, :], right[:, None, :]
        sums = table.take(lower + right_, axis=0)
        sums -= table.take(upper + right_, axis=0)
        sums -= table.take(lower + left_, axis=0)
        sums += table.take(upper + left_, axis=0)
        return _scaled(sums, _inverse(bottom - top)[:, :, None] * _inverse(right - left)[:, None])


def _sums_of_lines(image: Whole, first: Rows, last: Rows) -> Whole:
    """Sums of the lines `first` to `last` (exclusive), for each pair of them."""
    sums = image.take(first, axis=0)
    for step in range(1, int((last - first).max())):
        longer = np.flatnonzero(last - first > step)
        if len(longer) == len(first):
            sums += image.take(first + step, axis=0)
        else:
            sums[longer] += image.take(first[longer] + step, axis=0)
    return sums


def _sums_of_columns(image: Whole, first: Rows, last: Rows) -> Whole:
    """Sums of columns, as lines of the picture laid on its side: whole lines are quick to copy."""
    return _on_its_side(_sums_of_lines(_on_its_side(image), first, last))


def _on_its_side(image: Whole) -> Whole:
    turned: Whole = cv2.transpose(image)  # type: ignore[assignment]
    return turned


def _columns(table: NDArray[np.int32], places: Rows) -> NDArray[np.int32]:
    """`table.take(places, axis=1)`, in less than half the time."""
    return torch.from_numpy(table).index_select(1, torch.from_numpy(places)).numpy()


def _inverse(counts: Rows) -> NDArray[np.float64]:
    return 1.0 / counts


def _scaled(sums: NDArray[np.int32] | Whole, weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Sums of windows (…, 3), each times the weight of its window (…)."""
    means = sums.astype(np.float32)
    # One weight for each value rather than for each pixel: then both arrays are walked in one line.
    means *= np.repeat(weights.astype(np.float32), 3, axis=-1).reshape(means.shape)
    return means


def _windows(start: Any, length: Any, parts: int) -> tuple[Rows, Rows]:
    """First and past-the-end index of each of the windows a length is averaged over."""
    i = np.arange(parts)
    return start + i * length // parts, start - (-(i + 1) * length // parts)
