"""Exact `area` resampling of many windows of pictures, through their integral images.

PyTorch's `interpolate(mode="area")` is the mean over the integer window
`[floor(i * n / m), ceil((i + 1) * n / m))` for pixel i of m taken from n. With the summed-area
table of the picture (Crow 1984) each such mean costs four look-ups, whatever its size, so one table
serves every level of the pyramid and every candidate window, and no loop over boxes is needed.
Sums are exact integers; the result differs from PyTorch's by float32 rounding alone. It runs on
the host for every device: PyTorch's own area mode does not run everywhere (MPS).

The table has a fourth channel that nobody reads: an entry is 16 bytes then, which NumPy and PyTorch
fetch as one item, in half of the time that three numbers take.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.intp]
    Whole = NDArray[np.uint16]

_SMALL = 5
"""Windows of up to this many pixels across are summed pixel by pixel: less is moved than by four
look-ups of 32 bits."""

_ENTRY = np.complex128
"""Stands for an entry of the table, four 32-bit integers; nothing is computed with it."""


class IntegralImages:
    """The summed-area tables of some pictures of one size.

    Sums are kept modulo 2**32: a window's sum is a difference of them, and right as long as the
    window itself holds fewer than 2**31 / 255 pixels (a square of 2,900), which no level and no
    candidate of a picture within `images.MAX_PIXELS` reaches.

    Args:
        images: uint8 RGB, shape (H, W, 3), at least one.
    """

    def __init__(self, images: Sequence[NDArray[np.uint8]]) -> None:
        self.number = len(images)
        self.height, self.width = images[0].shape[:2]
        self._images = images
        tables = np.empty((self.number, self.height + 1, self.width + 1, 4), np.int32)
        for image, table in zip(images, tables, strict=True):
            cv2.integral(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), sum=table, sdepth=cv2.CV_32S)
        self._tables: NDArray[Any] = tables.view(_ENTRY)[..., 0]  # (number, H + 1, W + 1)

    def resized(
        self, height: int, width: int, rows: slice = slice(None), *, even: bool = False
    ) -> NDArray[np.float32]:
        """The whole pictures at another size.

        Args:
            height: of the result, in pixels.
            width: of the result, in pixels.
            rows: only these rows of the result are made.
            even: repeat the last row or column where their number is odd.

        Returns:
            float32 means in [0, 255], shape (number, number of rows, width, 3).
        """
        vertical, horizontal = _windows(0, self.height, height), _windows(0, self.width, width)
        if even:
            vertical, horizontal = _even(*vertical), _even(*horizontal)
        (top, bottom), (left, right) = (edge[rows] for edge in vertical), horizontal
        weights = _weights(bottom - top, right - left)
        shape = (self.number, len(top), len(left), 3)
        if max(self.height / height, self.width / width) < _SMALL:
            start, end = int(top.min()), int(bottom.max())
            parts = [image[start:end].astype(np.uint16) for image in self._images]
            pixels = parts[0][None] if self.number == 1 else np.stack(parts)
            lines = _sums_of_lines(pixels, top - start, bottom - start, axis=1)
            lines = lines.reshape(-1, self.width, 3)
            return _scaled(_sums_of_columns(lines, left, right).reshape(shape), weights)
        bands = self._tables.take(bottom, axis=1)
        sums = _numbers(bands)
        sums -= _numbers(self._tables.take(top, axis=1))
        bands = bands.reshape(-1, self.width + 1)
        wide = _numbers(_columns(bands, right))
        wide -= _numbers(_columns(bands, left))
        return _scaled(_without_fourth(wide).reshape(shape), weights)

    def crops(self, windows: Rows, size: int, pictures: Rows | None = None) -> NDArray[np.float32]:
        """Windows of the pictures, each resized to a square.

        Args:
            windows: integer (n, 4), `(left, top, right, bottom)` inside the picture, right and
                bottom exclusive, none empty.
            size: side of the squares in pixels.
            pictures: number of the picture of each window (n,); None: the first.

        Returns:
            float32 means in [0, 255], shape (n, size, size, 3).
        """
        left, right = _windows(windows[:, :1], windows[:, 2:3] - windows[:, :1], size)
        top, bottom = _windows(windows[:, 1:2], windows[:, 3:4] - windows[:, 1:2], size)
        table, (_, height, width) = self._tables.reshape(-1), self._tables.shape
        before = 0 if pictures is None else pictures[:, None] * height
        upper = ((before + top) * width)[:, :, None]
        lower = ((before + bottom) * width)[:, :, None]
        left_, right_ = left[:, None], right[:, None]
        # All places are inside; told to clip, NumPy does not look twice.
        sums = _numbers(table.take(lower + right_, mode="clip"))
        sums -= _numbers(table.take(upper + right_, mode="clip"))
        sums -= _numbers(table.take(lower + left_, mode="clip"))
        sums += _numbers(table.take(upper + left_, mode="clip"))
        weights = (1 / (bottom - top))[:, :, None] * np.repeat(1 / (right - left), 3, axis=1)[
            :, None
        ]
        return _scaled(_without_fourth(sums), weights.astype(np.float32))


def _sums_of_lines(image: Whole, first: Rows, last: Rows, axis: int = 0) -> Whole:
    """Sums of the lines `first` to `last` (exclusive), for each pair of them."""
    sums = image.take(first, axis=axis)
    for step in range(1, int((last - first).max())):
        longer = np.flatnonzero(last - first > step)
        if len(longer) == len(first):
            sums += image.take(first + step, axis=axis)
        elif axis:
            sums[:, longer] += image.take(first[longer] + step, axis=axis)
        else:
            sums[longer] += image.take(first[longer] + step, axis=axis)
    return sums


def _sums_of_columns(image: Whole, first: Rows, last: Rows) -> Whole:
    """Sums of columns, as lines of the picture laid on its side: whole lines are quick to copy."""
    return _on_its_side(_sums_of_lines(_on_its_side(image), first, last))


def _on_its_side(image: Whole) -> Whole:
    turned: Whole = cv2.transpose(image)  # type: ignore[assignment]
    return turned


def _columns(table: NDArray[Any], places: Rows) -> NDArray[Any]:
    """`table.take(places, axis=1)`, in less than half the time."""
    return torch.from_numpy(table).index_select(1, torch.from_numpy(places)).numpy()


def _numbers(entries: NDArray[Any]) -> NDArray[np.int32]:
    """The integers of entries (…, n), in place: shape (…, n, 4)."""
    return entries.view(np.int32).reshape(*entries.shape, 4)


def _without_fourth(sums: NDArray[np.int32]) -> NDArray[np.float32]:
    """The first three of four channels, as float32."""
    if not sums.size:
        return np.empty((*sums.shape[:-1], 3), np.float32)
    flat = sums.reshape(-1, sums.shape[-2], 4).astype(np.float32)
    three: NDArray[np.float32] = cv2.cvtColor(flat, cv2.COLOR_RGBA2RGB)  # type: ignore[assignment]
    return three.reshape(*sums.shape[:-1], 3)


def _weights(heights: Rows, widths: Rows) -> NDArray[np.float32]:
    """One over the area of each window, for each of three channels: (lines, 3 * columns)."""
    # There are few different heights, so most lines are copies.
    different, which = np.unique(heights, return_inverse=True)
    lines = (1 / different)[:, None] * np.repeat(1 / widths, 3)
    return lines.astype(np.float32).take(which, axis=0)


def _scaled(sums: NDArray[np.float32] | Whole, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums of windows (…, h, w, 3), each times its weight (…, h, w * 3).

    One weight for each value rather than for each pixel: then both arrays are walked in one line.
    """
    means = sums.astype(np.float32, copy=False)
    lines = means.reshape(*means.shape[:-2], 3 * means.shape[-2])
    lines *= weights
    return means


def _windows(start: Any, length: Any, parts: int) -> tuple[Rows, Rows]:
    """First and past-the-end index of each of the windows a length is averaged over."""
    i = np.arange(parts)
    return start + i * length // parts, start - (-(i + 1) * length // parts)


def _even(first: Rows, last: Rows) -> tuple[Rows, Rows]:
    """The windows, the last one twice if their number is odd."""
    again = [len(first) - 1] * (len(first) % 2)
    return np.concatenate([first, first[again]]), np.concatenate([last, last[again]])
