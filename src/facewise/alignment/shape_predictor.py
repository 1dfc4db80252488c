"""Landmarks by a cascade of regression trees (Kazemi & Sullivan 2014), as dlib computes them.

The mean shape, laid into the square around a face, is improved in a few steps. In each, a forest
compares intensities of the picture at pairs of pixels that move along with the shape; every tree
ends in one leaf, and the leaves' vectors are added to the shape.

A rounding error can move a pixel to its neighbour, turn a comparison and change all that follows,
so the arithmetic here has dlib's precision and order: shapes are float32 in the unit square, and
coordinates in the picture are float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from facewise.errors import ModelError
from facewise.runtime.weights import BUNDLED, read_tensors

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIVE_LANDMARKS = BUNDLED / "dlib_landmarks5.safetensors"
# Faces that pass the forests together: enough to hide numpy's overhead, few enough for the cache.
_CHUNK = 32


@dataclass(frozen=True, slots=True)
class _Level:
    """The nodes of one depth of all trees of a forest, tree after tree.

    So the children of node i are nodes 2i and 2i + 1 of the next level.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    threshold: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of the cascade: the pixels it looks at, the splits and the leaves of its forest."""

    anchors: NDArray[np.intp]
    offsets: NDArray[np.float32]
    levels: list[_Level]
    leaves: NDArray[np.float32]


class ShapePredictor:
    """A shape predictor of dlib."""

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take the arrays that `facewise.convert.dlib_landmarks.convert_landmarks` describes.

        Raises:
            ValueError: an array is missing or does not fit the others.
        """
        _check(arrays)
        initial = arrays["initial_shape"].T.astype(np.float32)
        self._initial = initial
        # For the least-squares rotation and scale: the centred mean shape, over its power.
        centred = initial - initial.mean(axis=1, keepdims=True, dtype=np.float64)
        self._reference = centred / (centred**2).sum()
        self._steps = [
            _Step(
                anchors.astype(np.intp),
                np.ascontiguousarray(offsets.T, np.float32),
                _levels(pixels.astype(np.intp), thresholds),
                # All x and then all y of a leaf, as in the shape.
                np.ascontiguousarray(leaves.swapaxes(-1, -2), np.float32).reshape(-1, initial.size),
            )
            for anchors, offsets, pixels, thresholds, leaves in zip(
                *(arrays[name] for name in _BY_STEP), strict=True
            )
        ]

    @classmethod
    def load(cls, path: Path) -> ShapePredictor:
        """Read a file that `facewise.convert.bundled` made.

        Raises:
            ModelError: the file is missing or holds something else.
        """
        try:
            return cls({name: values.numpy() for name, values in read_tensors(path).items()})
        except ValueError as error:
            raise ModelError(f"{path}: not a shape predictor ({error})") from error

    def predict(
        self, image: NDArray[np.uint8], squares: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Find the landmarks of faces.

        Args:
            image: RGB picture, uint8, shape (H, W, 3).
            squares: (n, 4), x and y of the first and of the last pixel of the square around each
                face, like dlib's rectangles; it may reach beyond the picture, which counts as
                black there.

        Returns:
            float32 (n, k, 2), x and y in pixels of the picture. dlib rounds them to integers.
        """
        return self.predict_each([image], [squares])[0]

    def predict_each(
        self, images: Sequence[NDArray[np.uint8]], squares: Sequence[NDArray[np.floating]]
    ) -> list[NDArray[np.float32]]:
        """`predict` for at least one picture, in the time that all of their faces take in one."""
        counts = [len(some) for some in squares]
        together = np.concatenate([np.asarray(s, np.float64).reshape(-1, 4) for s in squares])
        owners = np.repeat(np.arange(len(images)), counts)
        pixels = _Pixels.of(images)
        points = np.empty((len(together), self._initial.shape[1], 2), np.float32)
        for start in range(0, len(together), _CHUNK):
            part = slice(start, start + _CHUNK)
            points[part] = self._predict(pixels.chosen(owners[part]), together[part])
        return np.split(points, np.cumsum(counts)[:-1])

    def _predict(self, pixels: _Pixels, squares: NDArray[np.float64]) -> NDArray[np.floating]:
        n = len(squares)
        left, top, right, bottom = squares.T[:, :, None]
        shape = np.broadcast_to(self._initial, (n, *self._initial.shape))
        for step in self._steps:
            a, b = self._turn(shape)
            dx, dy = step.offsets
            x = shape[:, 0].take(step.anchors, axis=1) + (a * dx - b * dy)
            y = shape[:, 1].take(step.anchors, axis=1) + (b * dx + a * dy)
            values = _intensities(pixels, left + (right - left) * x, top + (bottom - top) * y)
            leaf = _descend(step.levels, values)
            # Below each other, so that the sum adds the leaves to the shape one by one.
            terms = np.empty((1 + len(leaf), n, self._initial.size), np.float32)
            terms[0] = shape.reshape(n, -1)
            step.leaves.take(leaf, axis=0, out=terms[1:], mode="clip")
            shape = terms.sum(axis=0).reshape(n, *self._initial.shape)
        return np.stack(
            [left + (right - left) * shape[:, 0], top + (bottom - top) * shape[:, 1]], axis=-1
        )

    def _turn(self, shape: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Rotation and scale from the mean shape to each shape: x' = ax - by, y' = bx + ay."""
        (rx, ry), x, y = self._reference, shape[:, 0], shape[:, 1]
        a, b = x @ rx + y @ ry, y @ rx - x @ ry
        return a.astype(np.float32)[:, None], b.astype(np.float32)[:, None]


@lru_cache(maxsize=1)
def five_landmarks() -> ShapePredictor:
    """The bundled predictor of the corners of the eyes and the base of the nose.

    Its landmarks, as seen in the picture: outer and inner corner of the eye on the right, outer
    and inner corner of the eye on the left, base of the nose.
    """
    return ShapePredictor.load(_FIVE_LANDMARKS)


def _levels(pixels: NDArray[np.intp], thresholds: NDArray[np.int16]) -> list[_Level]:
    """The levels of trees whose nodes are numbered from the root down, from left to right."""
    levels = []
    for depth in range(thresholds.shape[1].bit_length()):
        nodes = slice(2**depth - 1, 2 ** (depth + 1) - 1)
        first, second = pixels[:, nodes].reshape(-1, 2).T.copy()
        levels.append(_Level(first, second, thresholds[:, nodes].ravel()))
    return levels


class _Pixels(NamedTuple):
    """The pixels of some pictures, all together (N, 3); of each where they begin, and its size.

    The three are (n, 1), or for faces, those of the picture of each.
    """

    rgb: NDArray[np.uint8]
    start: NDArray[np.intp]
    height: NDArray[np.intp]
    width: NDArray[np.intp]

    @classmethod
    def of(cls, images: Sequence[NDArray[np.uint8]]) -> _Pixels:
        flat = [image.reshape(-1, 3) for image in images]
        start = np.cumsum([0, *(len(some) for some in flat)])[:-1, None]
        height, width = np.array([image.shape[:2] for image in images]).T[:, :, None]
        return cls(flat[0] if len(flat) == 1 else np.concatenate(flat), start, height, width)

    def chosen(self, owners: NDArray[np.intp]) -> _Pixels:
        return self._replace(
            start=self.start[owners], height=self.height[owners], width=self.width[owners]
        )


def _intensities(
    pixels: _Pixels, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.int16]:
    """Mean of R, G and B, rounded down, at the pixels nearest to points (n, p); 0 outside."""
    x, y = np.floor(x + 0.5), np.floor(y + 0.5)
    inside = (x >= 0) & (x < pixels.width) & (y >= 0) & (y < pixels.height)
    position = np.where(inside, y * pixels.width + x, 0).astype(np.intp) + pixels.start
    rgb = pixels.rgb.take(position, axis=0).astype(np.int16)
    values: NDArray[np.int16] = (rgb[..., 0] + rgb[..., 1] + rgb[..., 2]) // 3 * inside
    return values


def _descend(levels: list[_Level], values: NDArray[np.int16]) -> NDArray[np.intp]:
    """The leaf that each tree ends in, (trees, n), for intensities (n, pixels)."""
    n, pixels = values.shape
    flat, face = values.ravel(), np.arange(n) * pixels
    node = np.repeat(np.arange(len(levels[0].threshold))[:, None], n, axis=1)
    for level in levels:
        first = flat.take(level.first.take(node) + face)
        second = flat.take(level.second.take(node) + face)
        # Left if the difference is above the threshold.
        node = 2 * node + (first - second <= level.threshold.take(node))
    return node


_BY_STEP = ("anchors", "offsets", "split_pixels", "thresholds", "leaves")


def _check(arrays: dict[str, NDArray[Any]]) -> None:
    if missing := {"initial_shape", *_BY_STEP} - arrays.keys():
        raise ValueError(f"no {sorted(missing)}")
    steps, trees, leaves, landmarks, _ = arrays["leaves"].shape
    _, pixels, _ = arrays["offsets"].shape
    expected = {
        "initial_shape": (landmarks, 2),
        "anchors": (steps, pixels),
        "offsets": (steps, pixels, 2),
        "split_pixels": (steps, trees, leaves - 1, 2),
        "thresholds": (steps, trees, leaves - 1),
        "leaves": (steps, trees, leaves, landmarks, 2),
    }
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name}: expected shape {shape}, got {arrays[name].shape}")
