"""Read dlib's `shape_predictor_5_face_landmarks.dat` into the arrays of `ShapePredictor`.

The file (dlib/image_processing/shape_predictor.h) holds the mean shape, then the cascade of
forests, then where each forest looks at the picture. A forest is a list of trees; a tree is a list
of splits (two numbers of pixels and a threshold) and a list of leaves, which are column vectors. A
matrix is its number of rows and of columns, both negated, and its values.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facewise.convert.dlib_format import Reader, read_archive

# Differences of two intensities lie in [-255, 255]; a threshold outside decides as this one does.
_BEYOND = 256


def convert_landmarks(path: str | Path) -> dict[str, NDArray[np.generic]]:
    """Convert a shape predictor of dlib.

    With C forests of T trees that have S splits and S + 1 leaves, P pixels for each forest and
    K landmarks, the result holds

    - `initial_shape` float32 (K, 2), the mean shape in a unit square;
    - `anchors` uint8 (C, P) and `offsets` float32 (C, P, 2): the landmark that each pixel goes
      with, and its distance from it in the mean shape;
    - `split_pixels` int16 (C, T, S, 2) and `thresholds` int16 (C, T, S): the numbers of the two
      pixels to compare. The difference of two integers is above a real threshold exactly when it
      is above its floor, so rounding the thresholds down changes nothing;
    - `leaves` float32 (C, T, S + 1, K, 2), what is added to the shape.

    Args:
        path: the `.dat` file, uncompressed.

    Raises:
        ModelError: the file is missing, cut short, or not a shape predictor of that form.
    """
    return parse_landmarks(read_archive(path), name=str(path))


def parse_landmarks(data: bytes, name: str) -> dict[str, NDArray[np.generic]]:
    """Convert the content of the file; `name` stands in the errors. See `convert_landmarks`."""
    reader = Reader(data, name, "a shape predictor of dlib")
    reader.integer(1)  # the version of the format
    shape = _initial_shape(reader)
    splits, thresholds, leaves = _forests(reader, len(shape))
    anchors, offsets = _pixels(reader, len(shape), len(splits), int(splits.max()))
    reader.end()
    return {
        "initial_shape": shape,
        "anchors": anchors,
        "offsets": offsets,
        "split_pixels": splits,
        "thresholds": thresholds,
        "leaves": leaves,
    }


def _initial_shape(reader: Reader) -> NDArray[np.float32]:
    start = reader.position
    rows = -reader.integer()
    reader.integer(-1)
    if rows not in range(2, 512, 2):
        raise reader.error(start, f"expected x and y of 1 to 255 landmarks, found {rows} values")
    return reader.reals(rows).reshape(-1, 2)


def _forests(
    reader: Reader, landmarks: int
) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.float32]]:
    """Pixels, thresholds and leaves of all trees; the first tree says how large all have to be."""
    cascades, trees, splits = reader.length(), 0, 0
    start = reader.position
    nodes: list[list[int]] = []
    leaves: list[NDArray[np.float32]] = []
    for _ in range(cascades):
        trees = reader.integer(trees) if trees else reader.length()
        for _ in range(trees):
            splits = reader.integer(splits) if splits else _split_count(reader)
            nodes.append(reader.integers(4 * splits))
            reader.integer(splits + 1)
            leaves.append(_leaves(reader, splits + 1, 2 * landmarks))
    values = np.array(nodes, np.float64).reshape(cascades, trees, splits, 4)
    pixels = values[..., :2]
    if pixels.min() < 0 or pixels.max() > np.iinfo(np.int16).max:
        raise reader.error(start, "a tree compares pixels of impossible numbers")
    thresholds = np.clip(np.floor(reader.as_reals(values[..., 2:], start)), -_BEYOND, _BEYOND)
    return (
        pixels.astype(np.int16),
        thresholds.astype(np.int16),
        np.stack(leaves).reshape(cascades, trees, splits + 1, landmarks, 2),
    )


def _split_count(reader: Reader) -> int:
    start = reader.position
    splits = reader.length()
    if splits & (splits + 1):
        raise reader.error(start, f"expected a full binary tree, found {splits} splits")
    return splits


def _leaves(reader: Reader, count: int, rows: int) -> NDArray[np.float32]:
    """The column vectors of one tree, shape (count, rows)."""
    start = reader.position
    values = np.array(reader.integers(count * (2 + 2 * rows)), np.float64).reshape(count, -1)
    if (values[:, :2] != (-rows, -1)).any():
        raise reader.error(start, f"expected leaves of {rows} values in one column")
    return reader.as_reals(values[:, 2:].reshape(count, rows, 2), start)


def _pixels(
    reader: Reader, landmarks: int, cascades: int, largest: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Anchors and offsets of all pixels, which have to include number `largest`."""
    start = reader.position
    reader.integer(cascades)
    count = reader.length()
    if count <= largest:
        raise reader.error(start, f"{count} pixels, but a tree compares pixel {largest}")
    anchors = [reader.integers(count)]
    for _ in range(1, cascades):
        reader.integer(count)
        anchors.append(reader.integers(count))
    numbers = np.array(anchors, np.float64)
    if numbers.min() < 0 or numbers.max() >= landmarks:
        raise reader.error(start, f"a pixel belongs to none of the {landmarks} landmarks")
    reader.integer(cascades)
    offsets = []
    for _ in range(cascades):
        reader.integer(count)
        offsets.append(reader.reals(2 * count).reshape(count, 2))
    return numbers.astype(np.uint8), np.stack(offsets)
