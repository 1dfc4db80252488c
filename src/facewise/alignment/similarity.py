"""The similarity transform that lays landmarks onto a template, and the warp that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def similarity_transforms(
    points: NDArray[np.floating], template: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Least-squares rotation, uniform scale and shift from points to a template.

    The closed form in the plane: with both sets centred and read as complex numbers, the
    rotation and scale is the one complex factor sum(conj(p) * t) / sum(|p|^2). It equals Umeyama's
    solution (1991) whenever that one has no reflection, which a similarity excludes.

    Args:
        points: landmarks, shape (n, k, 2).
        template: target points, shape (k, 2).

    Returns:
        Matrices of shape (n, 2, 3) that map image pixels to chip pixels. Points that all coincide
        give a pure shift.
    """
    points = np.asarray(points, np.float64)
    template = np.asarray(template, np.float64)
    origin, target = points.mean(axis=1), template.mean(axis=0)
    p = (points - origin[:, None]) @ np.array([1, 1j])
    t = (template - target) @ np.array([1, 1j])
    power = (np.abs(p) ** 2).sum(axis=1)
    factor = np.where(power > 0, (p.conj() * t).sum(axis=1) / np.where(power > 0, power, 1), 1)
    a, b = factor.real, factor.imag
    matrices = np.empty((len(points), 2, 3))
    matrices[:, 0, 0], matrices[:, 0, 1] = a, -b
    matrices[:, 1, 0], matrices[:, 1, 1] = b, a
    matrices[:, :, 2] = target - np.einsum("nij,nj->ni", matrices[:, :, :2], origin)
    return matrices


def warp(image: NDArray[np.uint8], matrix: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Resample a chip bilinearly; a face much larger than the chip is shrunk by averaging first."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    shrink = int(1 / scale) if scale > 0 else 1
    if shrink >= 2:
        image, matrix = _shrunk(image, matrix, size, shrink)
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _shrunk(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], size: int, shrink: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Average `shrink`×`shrink` blocks of the part of the image the chip shows.

    Bilinear sampling alone would skip pixels and alias. The matrix is moved along: pixel (x, y)
    of the result is centred on pixel (left + (x + 0.5) * shrink - 0.5, …) of the image.
    """
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]]) @ inverse.T
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(corners.min(axis=0)) - shrink, 0, [width - 1, height - 1])
    right, bottom = np.clip(
        np.ceil(corners.max(axis=0)) + shrink, [left + 1, top + 1], [width, height]
    )
    columns = max(int(right - left) // shrink, 1)
    rows = max(int(bottom - top) // shrink, 1)
    # Cut to whole blocks, so that every pixel of the result is the mean of a full block.
    wide, high = min(columns * shrink, int(right - left)), min(rows * shrink, int(bottom - top))
    part = image[int(top) : int(top) + high, int(left) : int(left) + wide]
    patch: NDArray[np.uint8] = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    sx, sy = wide / columns, high / rows
    grid = np.array([[sx, 0, left + 0.5 * sx - 0.5], [0, sy, top + 0.5 * sy - 0.5], [0, 0, 1]])
    return patch, matrix @ grid
