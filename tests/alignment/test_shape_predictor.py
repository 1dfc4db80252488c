"""`ShapePredictor` gives what dlib's `shape_predictor` gives.

Run as a script, this file writes its golden file:

    python tests/alignment/test_shape_predictor.py shape_predictor_5_face_landmarks.dat
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from facewise.alignment.shape_predictor import ShapePredictor, five_landmarks
from facewise.errors import ModelError

GOLDEN = Path(__file__).parent / "golden" / "dlib_landmarks5.json"
MODEL_FILE = "shape_predictor_5_face_landmarks.dat"
# dlib rounds its landmarks to integers.
ROUNDING = 0.501


def synthetic_picture() -> np.ndarray:
    """A smooth coloured pattern, uint8 (150, 200, 3), the same on every machine.

    A hash gives a coarse grid of colours, integer bilinear interpolation the pixels between.
    """
    noise = hashlib.shake_256(b"facewise landmarks").digest(7 * 9 * 3)
    grid = np.frombuffer(noise, np.uint8).reshape(7, 9, 3).astype(np.int64)
    row, down = (v[:, None, None] for v in np.divmod(np.arange(150), 25))
    column, across = np.divmod(np.arange(200), 25)
    across = across[None, :, None]
    rows = grid[:, column] * (25 - across) + grid[:, column + 1] * across
    return ((rows[row[:, 0, 0]] * (25 - down) + rows[row[:, 0, 0] + 1] * down) // 625).astype(
        np.uint8
    )


def squares_to_try() -> np.ndarray:
    """Squares and oblongs inside, across the border and outside of a picture of 200×150."""
    random = np.random.default_rng(5)
    corners = random.integers(-80, 200, (40, 2))
    sizes = np.repeat(random.integers(1, 200, (40, 1)), 2, axis=1)
    sizes[30:, 1] = random.integers(1, 200, 10)
    special = [[0, 0, 199, 149], [20, 20, 20, 20], [-500, -500, -400, -400], [3000, 9, 3100, 109]]
    return np.vstack([np.hstack([corners, corners + sizes]), special])


def small_predictor(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Arrays of a predictor of 3 landmarks, with 2 cascades of 6 trees of depth 3."""
    return {
        "initial_shape": rng.random((3, 2), np.float32),
        "anchors": rng.integers(0, 3, (2, 20)).astype(np.uint8),
        "offsets": rng.normal(0, 0.3, (2, 20, 2)).astype(np.float32),
        "split_pixels": rng.integers(0, 20, (2, 6, 7, 2)).astype(np.int16),
        "thresholds": rng.integers(-60, 60, (2, 6, 7)).astype(np.int16),
        "leaves": rng.normal(0, 0.03, (2, 6, 8, 3, 2)).astype(np.float32),
    }


def plainly(arrays: dict[str, np.ndarray], image: np.ndarray, square: np.ndarray) -> np.ndarray:
    """The landmarks in one square, as the paper describes it: face by face and tree by tree."""
    origin, size = square[:2], square[2:] - square[:2]
    initial = arrays["initial_shape"].astype(np.float64)
    shape = initial.copy()
    for c in range(len(arrays["leaves"])):
        # A least-squares similarity, as a system of linear equations in (a, b, tx, ty).
        rows = [[x, -y, 1, 0] for x, y in initial] + [[y, x, 0, 1] for x, y in initial]
        a, b, _, _ = np.linalg.lstsq(np.array(rows), shape.T.ravel(), rcond=None)[0]
        intensities = []
        for anchor, offset in zip(arrays["anchors"][c], arrays["offsets"][c], strict=True):
            point = origin + size * (shape[anchor] + np.array([[a, -b], [b, a]]) @ offset)
            x, y = np.floor(point + 0.5).astype(int)
            seen = 0 <= x < image.shape[1] and 0 <= y < image.shape[0]
            intensities.append(int(image[y, x].astype(int).sum()) // 3 if seen else 0)
        for pixels, thresholds, leaves in zip(
            arrays["split_pixels"][c], arrays["thresholds"][c], arrays["leaves"][c], strict=True
        ):
            node = 0
            while node < len(thresholds):
                first, second = pixels[node]
                above = intensities[first] - intensities[second] > thresholds[node]
                node = 2 * node + (1 if above else 2)
            shape += leaves[node - len(thresholds)]
    return origin + size * shape


@pytest.fixture(scope="module")
def model_path(dlib_model) -> Path:
    return dlib_model(MODEL_FILE)


def landmarks_of_dlib(path: Path, image: np.ndarray, squares: np.ndarray) -> np.ndarray:
    import dlib

    oracle = dlib.shape_predictor(str(path))
    shapes = [oracle(image, dlib.rectangle(*map(int, square))) for square in squares]
    return np.array([[(point.x, point.y) for point in shape.parts()] for shape in shapes])


def test_golden_landmarks_of_dlib():
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    image = synthetic_picture()
    assert hashlib.sha256(image).hexdigest() == golden["picture_sha256"]
    squares = squares_to_try()
    assert squares.tolist() == golden["squares"]
    found = five_landmarks().predict(image, squares)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, golden["landmarks"], rtol=0, atol=ROUNDING)


@pytest.mark.oracle
@pytest.mark.shared
def test_parity_with_dlib_on_faces(model_path, shared):
    pytest.importorskip("dlib", reason="dlib is not installed")
    photos = sorted(shared("data/lfw/lfw-deepfunneled").glob("*/*_0001.jpg"))[::115][:50]
    assert len(photos) == 50
    random = np.random.default_rng(1)
    for photo in photos:
        image = np.asarray(Image.open(photo).convert("RGB"))
        # LFW's faces lie in the middle of the 250×250 pictures. 40 squares make two chunks.
        corners = np.array([75, 80]) + random.integers(-20, 20, (40, 2))
        squares = np.hstack([corners, corners + random.integers(70, 130, (40, 1))])
        expected = landmarks_of_dlib(model_path, image, squares)
        found = five_landmarks().predict(image, squares)
        np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)


def test_as_the_paper_describes_it(rng):
    image = rng.integers(0, 256, (60, 70, 3), np.uint8)
    corners = rng.uniform(-30, 50, (12, 2))
    squares = np.hstack([corners, corners + rng.uniform(5, 60, (12, 1))])
    for _ in range(5):
        arrays = small_predictor(rng)
        expected = [plainly(arrays, image, square) for square in squares]
        found = ShapePredictor(arrays).predict(image, squares)
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_corners_of_the_eyes_are_found_from_either_side(examples):
    """On a portrait and its mirror image, with marks that were set by hand."""
    image = np.asarray(Image.open(examples / "photos" / "astronaut.jpg").convert("RGB"))
    marks = np.array([[255, 104], [239, 104], [194, 101], [211, 103], [224, 131]])
    square = np.array([180, 77, 270, 167])
    [found] = five_landmarks().predict(image, square[None])
    np.testing.assert_allclose(found, marks, atol=5)
    last = image.shape[1] - 1
    mirrored = np.array([last - square[2], square[1], last - square[0], square[3]])
    [found] = five_landmarks().predict(np.ascontiguousarray(image[:, ::-1]), mirrored[None])
    swapped = marks[[2, 3, 0, 1, 4]]
    np.testing.assert_allclose(found, np.c_[last - swapped[:, 0], swapped[:, 1]], atol=5)


def test_what_lies_outside_counts_as_black(rng):
    image = rng.integers(0, 256, (80, 90, 3), np.uint8)
    corners = rng.integers(-40, 60, (20, 2))
    squares = np.hstack([corners, corners + rng.integers(30, 90, (20, 1))])
    framed = np.pad(image, ((200, 200), (200, 200), (0, 0)))
    inside = five_landmarks().predict(framed, squares + 200)
    np.testing.assert_allclose(five_landmarks().predict(image, squares), inside - 200, atol=1e-3)


def test_faces_do_not_depend_on_each_other(rng):
    image = rng.integers(0, 256, (120, 100, 3), np.uint8)
    corners = rng.integers(-20, 60, (70, 2))
    squares = np.hstack([corners, corners + rng.integers(20, 80, (70, 1))])
    together = five_landmarks().predict(image, squares)
    alone = [five_landmarks().predict(image, square[None])[0] for square in squares]
    np.testing.assert_array_equal(together, alone)


def test_no_squares_and_tiny_pictures():
    assert five_landmarks().predict(np.zeros((9, 9, 3), np.uint8), np.empty((0, 4))).shape == (
        0,
        5,
        2,
    )
    for shape in ((1, 1, 3), (1, 40, 3), (40, 1, 3)):
        found = five_landmarks().predict(np.full(shape, 99, np.uint8), np.array([[0, 0, 30, 30]]))
        assert np.isfinite(found).all()


def test_files_that_hold_something_else_are_refused(tmp_path, rng):
    arrays = small_predictor(rng)
    path = tmp_path / "predictor.safetensors"
    with pytest.raises(ModelError, match=r"predictor\.safetensors: no such file"):
        ShapePredictor.load(path)
    path.write_bytes(b"not safetensors")
    with pytest.raises(ModelError, match=r"predictor\.safetensors: damaged safetensors file"):
        ShapePredictor.load(path)
    safetensors.numpy.save_file({k: v for k, v in arrays.items() if k != "leaves"}, path)
    with pytest.raises(ModelError, match=r"no \['leaves'\]"):
        ShapePredictor.load(path)
    safetensors.numpy.save_file(arrays | {"anchors": arrays["anchors"][:1]}, path)
    with pytest.raises(ModelError, match=r"anchors: expected shape \(2, 20\), got \(1, 20\)"):
        ShapePredictor.load(path)
    safetensors.numpy.save_file(arrays, path)
    assert ShapePredictor.load(path).predict(
        np.zeros((5, 5, 3), np.uint8), np.array([[0, 0, 4, 4]])
    ).shape == (1, 3, 2)


def write_golden(model: str) -> None:
    import dlib

    image, squares = synthetic_picture(), squares_to_try()
    golden = {
        "origin": f"dlib {dlib.__version__}, shape_predictor",
        "command": f"python tests/alignment/test_shape_predictor.py {MODEL_FILE}",
        "model_sha256": hashlib.sha256(Path(model).read_bytes()).hexdigest(),
        "picture_sha256": hashlib.sha256(image).hexdigest(),
        "squares": squares.tolist(),
        "landmarks": landmarks_of_dlib(Path(model), image, squares).tolist(),
    }
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_golden(sys.argv[1])
