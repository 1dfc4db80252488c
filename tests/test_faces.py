"""`Faces`: validation, selection, drawing, JSON."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from PIL import Image

from facewise import Faces, FacesError


@pytest.fixture
def faces():
    """Four faces: large, confident, central, and large but doubtful."""
    boxes = [[0, 0, 40, 40], [60, 0, 80, 20], [45, 45, 65, 65], [0, 50, 45, 95]]
    scores = [0.95, 0.99, 0.92, 0.8]
    landmarks = np.arange(40, dtype=np.float32).reshape(4, 5, 2) / 3
    return Faces(boxes, scores, landmarks, {"name": ["Ann", "Bo", "", "Zoë"], "id": [1, 2, 3, 4]})


def test_arrays_have_the_stated_types_and_cannot_be_changed(faces):
    assert (faces.boxes.dtype, faces.scores.dtype, faces.landmarks.dtype) == (np.float32,) * 3
    for array in (faces.boxes, faces.scores, faces.landmarks, faces.data["id"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(AttributeError):
        faces.boxes = None
    with pytest.raises(TypeError):
        faces.data["id"] = None


def test_the_callers_arrays_are_copied():
    boxes = np.array([[0, 0, 1, 1]], np.float32)
    faces = Faces(boxes, [0.5])
    boxes[:] = 7
    assert faces.boxes.tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"boxes": [[0, 0, 1]], "scores": [0.5]}, r"boxes: expected shape \(n, 4\), got \(1, 3\)"),
        ({"boxes": [0, 0, 1, 1], "scores": [0.5]}, "boxes: expected shape"),
        ({"boxes": [[0, 0, 1, 1]], "scores": [0.5, 0.6]}, "scores: expected 1 entries"),
        ({"boxes": [[0, 0, 1, 1]], "scores": [[0.5]]}, r"scores: expected shape \(n,\)"),
        ({"boxes": [[0, 0, 1, 1]], "scores": [1.5]}, r"scores: expected values in \[0, 1\]"),
        ({"boxes": [[0, 0, 1, 1]], "scores": [np.nan]}, "scores: expected finite"),
        ({"boxes": [[0, np.inf, 1, 1]], "scores": [0.5]}, "boxes: expected finite"),
        ({"boxes": [[5, 0, 1, 1]], "scores": [0.5]}, r"x1 <= x2.*\[5.0, 0.0, 1.0, 1.0\]"),
        ({"boxes": [["a"] * 4], "scores": [0.5]}, "boxes: expected numbers"),
        (
            {"boxes": [[0, 0, 1, 1]], "scores": [0.5], "landmarks": np.zeros((1, 5, 3))},
            r"landmarks: expected shape \(n, 5, 2\)",
        ),
        (
            {"boxes": [[0, 0, 1, 1]], "scores": [0.5], "landmarks": np.zeros((2, 5, 2))},
            "landmarks: expected 1 entries",
        ),
        (
            {"boxes": [[0, 0, 1, 1]], "scores": [0.5], "data": {"id": [1, 2]}},
            r"data\['id'\]: expected 1 entries",
        ),
        (
            {"boxes": [[0, 0, 1, 1]], "scores": [0.5], "data": {"id": [object()]}},
            r"data\['id'\]: expected strings",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_shape(fields, message):
    with pytest.raises(FacesError, match=message):
        Faces(**fields)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"x": [[1], [1, 2]]}, r"data\['x'\]: not an array"),
        ({"x": [np.longdouble(1)]}, "expected strings, booleans or numbers, got"),
        ({"x": [np.nan]}, "expected finite values"),
        ({"score": [1]}, "'score' is a name that records have already"),
        ([1], "data: expected a dictionary"),
    ],
)
def test_columns_that_could_not_be_kept_are_refused(data, message):
    with pytest.raises(FacesError, match=message):
        Faces([[0, 0, 1, 1]], [0.5], data=data)


def test_complex_numbers_are_refused():
    with pytest.raises(FacesError, match="real numbers"):
        Faces([[0j, 0, 1, 1]], [0.5])


def test_faces_survive_copies_pickles_and_asdict(faces):
    for again in (pickle.loads(pickle.dumps(faces)), copy.deepcopy(faces)):
        assert again == faces
        with pytest.raises(TypeError, match="cannot be changed"):
            again.data["id"] = [0] * 4
    assert dataclasses.asdict(faces)["data"]["id"].tolist() == [1, 2, 3, 4]


def test_empty_has_every_shape():
    none = Faces.empty()
    assert (none.boxes.shape, none.scores.shape, none.landmarks.shape) == ((0, 4), (0,), (0, 5, 2))
    assert len(none) == 0
    assert len(none.select("most_confident")) == 0
    assert Faces.empty(landmarks=False).landmarks is None
    assert len(Faces([], [])) == 0


def test_indexing_takes_numbers_slices_lists_and_masks(faces):
    assert faces[1].data["name"].tolist() == ["Bo"]
    assert faces[-1].scores.tolist() == [np.float32(0.8)]
    assert faces[1:3].data["id"].tolist() == [2, 3]
    assert faces[[2, 0]].data["id"].tolist() == [3, 1]
    assert faces[faces.scores > 0.9].data["id"].tolist() == [1, 2, 3]
    assert len(faces[[]]) == 0
    assert [face.data["id"].item() for face in faces] == [1, 2, 3, 4]
    np.testing.assert_array_equal(faces[[2, 0]].landmarks, faces.landmarks[[2, 0]])
    with pytest.raises(FacesError, match=r"mask: expected shape \(4,\)"):
        faces[np.array([True])]
    with pytest.raises(IndexError, match="face 4 of 4"):
        faces[4]


def test_concat_keeps_order_and_refuses_what_does_not_match(faces):
    assert Faces.concat([faces[:1], Faces.empty(), faces[1:]]) == faces
    assert Faces.concat([]) == Faces.empty()
    with pytest.raises(FacesError, match="landmarks"):
        Faces.concat([faces, Faces(faces.boxes, faces.scores, None, faces.data)])
    with pytest.raises(FacesError, match="different types or shapes"):
        Faces.concat([faces, faces.with_data(id=["a"] * 4)])
    with pytest.raises(FacesError, match="columns"):
        Faces.concat([faces, Faces(faces.boxes, faces.scores, faces.landmarks)])


def test_each_policy_selects_its_face(faces):
    chosen = {
        "largest": 4,
        "most_confident": 2,
        "most_central": 3,
        "largest_over": 1,
    }
    for policy, number in chosen.items():
        assert faces.select(policy, image_size=(110, 110)).data["id"].tolist() == [number]
    assert len(faces.select("largest_over", min_score=0.999)) == 0
    # area 400 - 2 * (distance from the middle)^2, worked by hand for the face at (55, 55)
    assert faces.order("most_central", image_size=(110, 110)).tolist() == [2, 3, 0, 1]
    with pytest.raises(ValueError, match="image_size"):
        faces.select("most_central")
    with pytest.raises(ValueError, match="expected one of"):
        faces.select("best")


def test_json_is_lossless_to_the_last_bit(faces):
    third = Faces([[1 / 3, 0.1, 1e-30 + 2, 1e10]], [np.nextafter(np.float32(1), 0)], None)
    for some in (faces, third, Faces.empty(), Faces.empty(landmarks=False), faces[:0]):
        again = Faces.from_json(some.to_json())
        assert again == some
        assert (again.landmarks is None) == (some.landmarks is None)
        assert {k: v.dtype for k, v in again.data.items()} == {
            k: v.dtype for k, v in some.data.items()
        }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"boxes": 3}',
        '{"boxes": [[1]]}',
        "[" * 100_000,
        Faces([[0, 0, 1, 1]], [1], data={"x": [7]})
        .to_json()
        .replace("<i8", "<i1")
        .replace("7", "999"),
    ],
)
def test_json_that_is_not_of_faces_is_refused(text):
    with pytest.raises(FacesError):
        Faces.from_json(text)


def test_equality_looks_at_everything(faces):
    assert faces == faces[:]
    assert faces != faces[::-1]
    assert faces != faces.with_data(id=[1, 2, 3, 5])
    assert faces != Faces(faces.boxes, faces.scores, None, faces.data)
    assert faces != "faces"


def test_records_hold_plain_values(faces):
    record = faces.records()[3]
    assert record["name"] == "Zoë"
    assert record["id"] == 4
    assert record["box"] == [0.0, 50.0, 45.0, 95.0]
    assert len(record["landmarks"]) == 5


def test_drawing_marks_the_box_and_leaves_the_input_alone(faces):
    image = np.zeros((400, 500, 3), np.uint8)
    drawn = faces.draw(image, ["a"] * 4, colors=[(255, 0, 0)] * 4)
    assert not image.any()
    assert drawn.shape == image.shape
    assert drawn[20, 0].tolist() == [255, 0, 0]  # the left edge of the first box
    assert drawn[300:, 300:].sum() == 0  # nothing far from every face


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (30, 30), (100, 100), (1200, 900)])
def test_labels_stay_inside_and_apart_on_any_size(size):
    height, width = size
    image = np.full((height, width, 3), 90, np.uint8)
    box = [0, 0, width / 2, height / 2]
    twice = Faces([box, box], [0.9, 0.8], np.zeros((2, 5, 2)))
    drawn = twice.draw(image, ["Anna-Maria Example", "Bo"], colors=[(250, 250, 0), (0, 0, 120)])
    assert min(drawn.shape[:2]) >= 240 or max(drawn.shape) > 3000
    assert drawn.shape[0] % height == 0
    assert drawn.shape[1] % width == 0
    for color in ([250, 250, 0], [0, 0, 120]):  # both labels are there, neither hides the other
        assert (drawn == color).all(axis=2).sum() >= 100
    assert twice.draw(image, min_side=0).shape == image.shape


def test_letters_beyond_ascii_are_drawn_not_boxed():
    one = Faces([[100, 150, 200, 250]], [0.9])
    image = np.zeros((300, 400, 3), np.uint8)
    drawn = [one.draw(image, [label]).tobytes() for label in "éŁŐИß\ue000"]
    assert len(set(drawn)) == len(drawn)  # the missing glyph would make some of them equal


def test_drawing_takes_what_load_image_takes_and_stays_bounded(faces):
    grey = np.zeros((300, 400), np.uint8)
    assert faces.draw(grey).shape == (300, 400, 3)
    assert faces.draw(Image.fromarray(grey)).shape == (300, 400, 3)
    assert max(faces.draw(np.zeros((1, 5000, 3), np.uint8)).shape) == 5000
    huge = Faces([[-1e9, -1e9, 1e9, 1e9]], [0.5], np.full((1, 5, 2), 1e8))
    assert huge.draw(np.zeros((300, 400, 3), np.uint8)).shape == (300, 400, 3)


def test_drawing_wants_a_label_for_each_face(faces):
    with pytest.raises(ValueError, match="expected 4 each"):
        faces.draw(np.zeros((100, 100, 3), np.uint8), ["only one"])
