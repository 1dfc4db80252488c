"""SCRFD through onnxruntime: the second detector behind the same protocol."""

from __future__ import annotations

import numpy as np
import pytest

import facewise
from facewise import Faces

pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")


@pytest.fixture(scope="module")
def scrfd(shared):
    return facewise.load_detector("scrfd_500m", weights=shared("weights/scrfd_500m_bnkps.onnx"))


@pytest.mark.shared
def test_finds_what_mtcnn_finds(shared, scrfd):
    paths = [shared("data/photos/multiface.jpg"), *shared("data/photos/people").glob("*/1.jpg")]
    for ours, other in zip(scrfd.detect(paths), facewise.detect(paths), strict=True):
        other = other[other.scores > 0.95]
        assert len(ours) == len(other)
        for face in other:
            near = np.abs(ours.landmarks - face.landmarks[0]).max(axis=(1, 2)).min()
            assert near < 0.15 * (face.boxes[0, 2] - face.boxes[0, 0])


@pytest.mark.shared
def test_coordinates_are_of_the_original_at_any_size(shared, scrfd):
    image = facewise.load_image(shared("data/photos/multiface.jpg"))
    [faces] = scrfd.detect(image)
    wide = np.pad(image, ((0, 200), (0, 700), (0, 0)))
    [padded] = scrfd.detect(wide)
    assert len(padded) == len(faces) == 6
    for face in faces:
        assert np.abs(padded.boxes - face.boxes[0]).max(axis=1).min() < 6


@pytest.mark.shared
def test_odd_pictures_give_one_result_each(scrfd, rng):
    odd = [np.zeros((1, 1, 3), np.uint8), rng.integers(0, 256, (3, 900, 3), np.uint8)]
    assert scrfd.detect(odd) == [Faces.empty(), Faces.empty()]
    assert scrfd.detect([]) == []


@pytest.mark.shared
def test_options(shared):
    weights = shared("weights/scrfd_500m_bnkps.onnx")
    photo = shared("data/photos/multiface.jpg")
    strict = facewise.load_detector("scrfd_500m", weights=weights, min_score=0.84)
    assert len(strict.detect(photo)[0]) == 3
    with pytest.raises(ValueError, match=r"min_score: expected a value in \[0, 1\]"):
        facewise.load_detector("scrfd_500m", weights=weights, min_score=2)
    with pytest.raises(ValueError, match="has a fixed size of 640 pixels"):
        facewise.load_detector("scrfd_500m", weights=weights, input_size=320)
    with pytest.raises(TypeError, match="no option 'min_face_size'"):
        facewise.load_detector("scrfd_500m", weights=weights, min_face_size=20)


def test_a_file_that_is_not_onnx_is_named(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(facewise.ModelError, match=r"broken\.onnx: onnxruntime cannot read it"):
        facewise.load_detector("scrfd_500m", weights=path)


def test_a_graph_of_another_kind_is_refused(tmp_path):
    onnx = pytest.importorskip("onnx", reason="needed to write a graph")
    node = onnx.helper.make_node("GlobalAveragePool", ["x"], ["y"])
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node],
        "pool",
        [onnx.helper.make_tensor_value_info("x", kind, [1, 3, 64, 64])],
        [onnx.helper.make_tensor_value_info("y", kind, [1, 3, 1, 1])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 8
    path = tmp_path / "pool.onnx"
    onnx.save(model, path)
    detector = facewise.load_detector("scrfd_500m", weights=path)
    with pytest.raises(facewise.ModelError, match="not those of an SCRFD detector"):
        detector.detect(np.zeros((64, 64, 3), np.uint8))
