"""The reader of dlib's shape predictors, on small files that this test writes itself.

That the real file is understood to its last byte is shown by tests/convert/test_bundled.py and by
the parity with dlib in tests/alignment/test_shape_predictor.py.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from facewise.alignment.shape_predictor import ShapePredictor
from facewise.convert.dlib_landmarks import convert_landmarks, parse_landmarks
from facewise.errors import ModelError

LANDMARKS, CASCADES, TREES, SPLITS, PIXELS = 3, 2, 4, 7, 6


def integer(value: int) -> bytes:
    size = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def real(value: float) -> bytes:
    fraction, exponent = math.frexp(float(np.float32(value)))
    return integer(int(fraction * 2**24)) + integer(exponent - 24)


def column(values: np.ndarray) -> bytes:
    return integer(-len(values)) + integer(-1) + b"".join(map(real, values))


@pytest.fixture(scope="module")
def values() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    forest = (CASCADES, TREES, SPLITS)
    return {
        "initial_shape": random.random((LANDMARKS, 2), np.float32),
        "anchors": random.integers(0, LANDMARKS, (CASCADES, PIXELS)),
        "offsets": random.normal(0, 0.3, (CASCADES, PIXELS, 2)).astype(np.float32),
        "split_pixels": random.integers(0, PIXELS, (*forest, 2)),
        "thresholds": random.normal(0, 30, forest).astype(np.float32),
        "leaves": random.normal(0, 0.01, (CASCADES, TREES, SPLITS + 1, LANDMARKS, 2)).astype(
            np.float32
        ),
    }


@pytest.fixture(scope="module")
def pieces(values) -> dict[str, bytes]:
    """The file as named pieces in order."""
    made = {"version": integer(1), "shape": column(values["initial_shape"].ravel())}
    made["cascades"] = integer(CASCADES)
    for c in range(CASCADES):
        made[f"trees{c}"] = integer(TREES)
        for t in range(TREES):
            made[f"splits{c}{t}"] = integer(SPLITS)
            made[f"nodes{c}{t}"] = b"".join(
                integer(int(first)) + integer(int(second)) + real(threshold)
                for (first, second), threshold in zip(
                    values["split_pixels"][c, t], values["thresholds"][c, t], strict=True
                )
            )
            made[f"leaf_count{c}{t}"] = integer(SPLITS + 1)
            made[f"leaves{c}{t}"] = b"".join(column(v.ravel()) for v in values["leaves"][c, t])
    made["anchor_lists"] = integer(CASCADES)
    for c in range(CASCADES):
        made[f"anchor_count{c}"] = integer(PIXELS)
        made[f"anchors{c}"] = b"".join(integer(int(v)) for v in values["anchors"][c])
    made["offset_lists"] = integer(CASCADES)
    for c in range(CASCADES):
        made[f"offset_count{c}"] = integer(PIXELS)
        made[f"offsets{c}"] = b"".join(real(v) for v in values["offsets"][c].ravel())
    return made


def test_every_value_arrives_in_its_place(values, pieces, tmp_path):
    path = tmp_path / "predictor.dat"
    path.write_bytes(b"".join(pieces.values()))
    arrays = convert_landmarks(path)
    assert arrays.keys() == values.keys()
    for name in values.keys() - {"thresholds"}:
        np.testing.assert_array_equal(arrays[name], values[name], err_msg=name)
    assert {name: array.dtype for name, array in arrays.items()} == {
        "initial_shape": np.float32,
        "anchors": np.uint8,
        "offsets": np.float32,
        "split_pixels": np.int16,
        "thresholds": np.int16,
        "leaves": np.float32,
    }
    ShapePredictor(arrays)  # of the form that the predictor takes


def test_rounded_thresholds_decide_as_the_real_ones(values, pieces):
    real_ones = values["thresholds"].copy()
    real_ones.ravel()[:6] = [-1e9, -255.5, 12, -0.25, 255.5, 1e9]
    nodes = b"".join(
        integer(0) + integer(1) + real(threshold) for threshold in real_ones.ravel()[:SPLITS]
    )
    rounded = parse_landmarks(b"".join((pieces | {"nodes00": nodes}).values()), "x")["thresholds"]
    for difference in range(-255, 256):
        np.testing.assert_array_equal(difference > rounded, difference > real_ones)


@pytest.mark.parametrize(
    ("piece", "content", "message"),
    [
        ("version", b"BZh9", "expected an integer, found control byte 0x42"),
        ("version", integer(2), "expected 1, found 2"),
        ("shape", column(np.ones(7)), "expected x and y of 1 to 255 landmarks, found 7 values"),
        ("shape", integer(-(10**9)) + integer(-1), "found 1000000000 values"),
        ("shape", integer(6) + integer(-1), "found -6 values"),
        ("shape", integer(-6) + integer(-2), "expected -1, found -2"),
        ("cascades", integer(0), "expected a length that fits the file, found 0"),
        ("cascades", integer(2**40), "expected a length that fits the file, found 1099511627776"),
        ("trees1", integer(5), "expected 4, found 5"),
        ("splits00", integer(6), "expected a full binary tree, found 6 splits"),
        ("splits12", integer(3), "expected 7, found 3"),
        ("nodes00", SPLITS * (integer(-1) + integer(0) + real(1)), "pixels of impossible numbers"),
        ("nodes00", SPLITS * (integer(40000) + integer(0) + real(1)), "of impossible numbers"),
        ("nodes13", SPLITS * (2 * integer(0) + integer(0) + integer(32000)), "undefined numbers"),
        ("leaf_count00", integer(7), "expected 8, found 7"),
        ("leaves00", 8 * (integer(-2) + integer(-3) + 6 * real(1)), "leaves of 6 values"),
        ("leaves11", 8 * (integer(-6) + integer(-1) + 12 * integer(32002)), "undefined numbers"),
        ("anchor_lists", integer(3), "expected 2, found 3"),
        ("anchor_count0", integer(5), "5 pixels, but a tree compares pixel 5"),
        ("anchor_count1", integer(5), "expected 6, found 5"),
        ("anchors1", PIXELS * integer(3), "a pixel belongs to none of the 3 landmarks"),
        ("anchors0", PIXELS * integer(-1), "a pixel belongs to none of the 3 landmarks"),
        ("offset_lists", integer(1), "expected 2, found 1"),
        ("offset_count1", integer(7), "expected 6, found 7"),
    ],
)
def test_another_file_is_refused(pieces, piece, content, message):
    assert piece in pieces
    with pytest.raises(ModelError, match=message) as caught:
        parse_landmarks(b"".join((pieces | {piece: content}).values()), "predictor.dat")
    assert str(caught.value).startswith("predictor.dat: not a shape predictor of dlib: byte ")


def test_a_cut_file_is_refused_wherever_it_is_cut(pieces):
    data = b"".join(pieces.values())
    for cut in range(0, len(data), 7):
        with pytest.raises(ModelError, match=r"the file is cut short|a length that fits the file"):
            parse_landmarks(data[:cut], "predictor.dat")


def test_bytes_after_the_end_are_refused(pieces):
    data = b"".join(pieces.values())
    with pytest.raises(ModelError, match=f"byte {len(data)}: 3 bytes follow the end"):
        parse_landmarks(data + b"abc", "predictor.dat")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"none\.dat: cannot be read: No such file"):
        convert_landmarks(tmp_path / "none.dat")
