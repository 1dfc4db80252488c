"""MTCNN: parity with facenet-pytorch 2.6.0, odd inputs, bounded memory."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

import facewise
from facewise import Faces
from facewise.detection.cascade import same_size
from facewise.detection.mtcnn_nets import ONet, PNet, RNet
from facewise.runtime.processor import BFLOAT16, processor_features


@pytest.fixture(scope="module")
def mtcnn():
    return facewise.load_detector("mtcnn")


@pytest.fixture(scope="module")
def astronaut(examples):
    return facewise.load_image(examples / "photos" / "astronaut.jpg")


@pytest.fixture(scope="module")
def oracle():
    package = pytest.importorskip("facenet_pytorch", reason="the predecessor is not installed")
    return package.MTCNN(keep_all=True, select_largest=False)


def assert_same_faces(faces, image, oracle):
    """The issue's tolerance: IoU 0.99, landmarks 1 px, scores 1e-3, same faces."""
    boxes, scores, points = oracle.detect(image, landmarks=True)
    if boxes is None:
        boxes, scores, points = np.empty((0, 4)), np.empty(0), np.empty((0, 5, 2))
    theirs = Faces(np.array(boxes, float), np.array(scores, float), np.array(points, float))
    left = list(range(len(theirs)))
    for face in faces:
        near = [i for i in left if np.abs(theirs.boxes[i] - face.boxes[0]).max() < 10]
        if not near:
            assert abs(face.scores[0] - 0.7) < 1e-3
            continue
        match = min(near, key=lambda i: np.abs(theirs.boxes[i] - face.boxes[0]).sum())
        left.remove(match)
        ours, other = face.boxes[0], theirs.boxes[match]
        high, low = np.minimum(ours[2:], other[2:]), np.maximum(ours[:2], other[:2])
        shared_area = np.prod(np.maximum(high - low, 0))
        union = face.areas[0] + theirs.areas[match] - shared_area
        assert shared_area / union >= 0.99
        assert np.abs(face.landmarks[0] - theirs.landmarks[match]).max() <= 1
        assert abs(face.scores[0] - theirs.scores[match]) <= 1e-3
    assert all(abs(theirs.scores[i] - 0.7) < 1e-3 for i in left)
    return len(faces)


@pytest.mark.oracle
@pytest.mark.shared
def test_parity_on_photos(shared, mtcnn, oracle):
    paths = [shared("data/photos/multiface.jpg"), *shared("data/photos/people").glob("*/1.jpg")]
    assert len(paths) == 5
    images = facewise.load_image(paths)
    found = [
        assert_same_faces(faces, image, oracle)
        for faces, image in zip(mtcnn.detect(images), images, strict=True)
    ]
    assert found[0] == 6
    assert min(found) >= 1


@pytest.mark.oracle
@pytest.mark.shared
def test_parity_on_every_tenth_frame_of_the_video(shared, mtcnn, oracle):
    video = cv2.VideoCapture(str(shared("data/photos/video.mp4")))
    frames = []
    while (step := video.read())[0]:
        frames.append(np.ascontiguousarray(step[1][:, :, ::-1]))
    frames = frames[::10]
    assert len(frames) == 11
    faces = mtcnn.detect(frames)
    assert sum(assert_same_faces(f, i, oracle) for f, i in zip(faces, frames, strict=True)) >= 11


@pytest.mark.oracle
@pytest.mark.shared
def test_parity_on_200_pictures_of_lfw(shared, mtcnn, oracle):
    people = sorted(shared("data/lfw/lfw-deepfunneled").iterdir())[::28][:200]
    images = facewise.load_image([sorted(person.glob("*.jpg"))[0] for person in people])
    assert len(images) == 200
    faces = mtcnn.detect(images)
    assert sum(assert_same_faces(f, i, oracle) for f, i in zip(faces, images, strict=True)) >= 200


@pytest.mark.oracle
@pytest.mark.parametrize("net", [PNet, RNet, ONet])
def test_networks_are_the_predecessors(net, oracle, rng):
    theirs = getattr(oracle, net.__name__.lower())
    ours = net()
    ours.load_state_dict(theirs.state_dict())
    size = {"PNet": 61, "RNet": 24, "ONet": 48}[net.__name__]
    x = torch.from_numpy(rng.standard_normal((3, 3, size, size)).astype(np.float32))
    with torch.inference_mode():
        for a, b in zip(ours(x), theirs(x), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize(
    "options",
    [
        {"min_face_size": 60},
        {"min_face_size": 12, "factor": 0.5},
        {"thresholds": [0.8, 0.8, 0.9]},
    ],
)
def test_options_mean_the_same(options, astronaut):
    package = pytest.importorskip("facenet_pytorch", reason="the predecessor is not installed")
    theirs = package.MTCNN(keep_all=True, select_largest=False, **options)
    [faces] = facewise.load_detector("mtcnn", **options).detect(astronaut)
    assert assert_same_faces(faces, astronaut, theirs) == 1


def test_the_face_of_the_example_is_found_where_it_is(mtcnn, astronaut):
    [faces] = mtcnn.detect(astronaut)
    assert len(faces) == 1
    assert faces.scores[0] > 0.999
    left_eye, right_eye, nose, left_mouth, right_mouth = faces.landmarks[0]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    np.testing.assert_allclose(faces.boxes[0], [177, 63, 267, 175], atol=15)


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 400), (11, 30), (12, 12), (19, 500), (20, 20), (21, 23)]
)
def test_pictures_smaller_than_a_face_are_empty_not_an_error(mtcnn, size):
    for value in (0, 127, 255):
        [faces] = mtcnn.detect([np.full((*size, 3), value, np.uint8)])
        assert faces == Faces.empty()


def test_any_mixture_of_sizes_gives_one_result_each(mtcnn, astronaut, rng):
    noise = rng.integers(0, 256, (90, 160, 3), np.uint8)
    batch = [astronaut, noise, astronaut[:1, :1], astronaut[40:220, 150:300], astronaut[:, :, 0]]
    faces = mtcnn.detect(batch)
    assert [len(f) for f in faces] == [1, 0, 0, 1, 1]
    for image, batched in zip(batch, faces, strict=True):
        [alone] = mtcnn.detect([image])  # in strips of as many threads: equal but for rounding
        assert len(alone) == len(batched)
        np.testing.assert_allclose(alone.boxes, batched.boxes, atol=1e-3)
    assert mtcnn.detect([]) == []


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_pictures_of_one_size_together_are_each_as_alone(examples, rng, mode):
    detector = facewise.load_detector("mtcnn", mode=mode, backend="torch", precision="float32")
    size = (420, 380)
    photos = [
        cv2.resize(facewise.load_image(path), size, interpolation=cv2.INTER_AREA)
        for path in sorted((examples / "photos").glob("*.jpg"))
    ]
    blank = np.zeros((*size[::-1], 3), np.uint8)
    noise = rng.integers(0, 256, blank.shape, np.uint8)
    images = [photos[0], blank, *photos[1:], noise, photos[0][:, ::-1], photos[1]]
    together = detector._detect_group([np.ascontiguousarray(image) for image in images])
    assert len(together) == len(images)
    assert [len(faces) for faces in together][1] == 0
    assert sum(map(len, together)) >= 5
    for faces, image in zip(together, images, strict=True):
        [alone] = detector.detect([image])
        assert len(faces) == len(alone)
        np.testing.assert_allclose(faces.boxes, alone.boxes, atol=0.01)
        np.testing.assert_allclose(faces.landmarks, alone.landmarks, atol=0.01)
        np.testing.assert_allclose(faces.scores, alone.scores, atol=1e-5)


def test_groups_are_of_one_size_and_bounded():
    small, other, large = (np.zeros((*size, 3), np.uint8) for size in ((9, 8), (8, 9), (900, 900)))
    images = [small] * 5 + [other] + [small] * 2 + [large] * 2
    groups = list(same_size(iter(images), 3))
    assert [len(group) for group in groups] == [3, 2, 1, 2, 1, 1]
    flat = [image for group in groups for image in group]
    assert all(a is b for a, b in zip(flat, images, strict=True))


def test_a_face_cut_by_the_border_is_found_and_its_crops_stay_inside(mtcnn, astronaut):
    [faces] = mtcnn.detect(astronaut[100:, 190:])
    assert len(faces) <= 1  # whatever it finds, no window may leave the picture


def test_strips_give_what_the_whole_level_gives(mtcnn, astronaut, monkeypatch):
    [whole] = mtcnn.detect(astronaut)
    monkeypatch.setattr("facewise.detection.proposals._STRIP", {"cpu": 4000})
    [strips] = mtcnn.detect(astronaut)
    np.testing.assert_allclose(strips.boxes, whole.boxes, atol=1e-3)
    np.testing.assert_allclose(strips.landmarks, whole.landmarks, atol=1e-3)


def test_small_chunks_of_candidates_give_the_same(mtcnn, astronaut, monkeypatch):
    [once] = mtcnn.detect(astronaut)
    monkeypatch.setattr("facewise.detection.cascade._REFINED", {"cpu": 3})
    monkeypatch.setattr("facewise.detection.cascade._FINISHED", {"cpu": 2})
    [often] = mtcnn.detect(astronaut)
    np.testing.assert_allclose(often.boxes, once.boxes, atol=1e-3)


@pytest.mark.parametrize(
    ("backend", "precision"),
    [("torch", "bfloat16"), ("onnxruntime", "float32"), ("openvino", "bfloat16"), ("auto", "auto")],
)
def test_the_fast_mode_finds_the_same_face(mtcnn, astronaut, backend, precision):
    if backend in ("onnxruntime", "openvino"):
        pytest.importorskip(backend, reason=f"{backend} is not installed")
    if precision == "bfloat16" and not BFLOAT16 & processor_features():
        pytest.skip("this processor has no bfloat16")
    detector = facewise.load_detector("mtcnn", mode="fast", backend=backend, precision=precision)
    assert backend in ("auto", detector.candidate.backend)
    assert precision in ("auto", detector.candidate.precision)
    [faces], [expected] = detector.detect(astronaut), mtcnn.detect(astronaut)
    assert len(faces) == 1
    np.testing.assert_allclose(faces.boxes[0], expected.boxes[0], atol=8)
    np.testing.assert_allclose(faces.landmarks[0], expected.landmarks[0], atol=3)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_the_exact_mode_by_other_backends(mtcnn, astronaut, backend):
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    [faces] = facewise.load_detector("mtcnn", backend=backend).detect(astronaut)
    np.testing.assert_allclose(faces.boxes, mtcnn.detect(astronaut)[0].boxes, atol=0.1)


def test_the_exact_mode_is_torch_in_float32_whatever_there_is(monkeypatch):
    monkeypatch.setenv("FACEWISE_BACKEND", "auto")
    monkeypatch.setenv("FACEWISE_PRECISION", "bfloat16")
    detector = facewise.load_detector("mtcnn")
    assert str(detector.candidate) == "torch float32"


def test_inference_gives_what_pytorchs_own_operations_give(rng):
    """The tricks of inference, on every odd size, against the plain forward that gradients take."""
    for net, sizes in ((PNet(), range(12, 31)), (RNet(), [24]), (ONet(), [48])):
        for size in sizes:
            pixels = rng.standard_normal((2, 3, size, size + size % 3 * (net.__class__ is PNet)))
            x = torch.from_numpy(pixels.astype(np.float32)).to(memory_format=torch.channels_last)
            for parameter in (p for name, p in net.named_parameters() if "prelu" in name):
                parameter.data = torch.linspace(-1.3, 1.3, len(parameter))
            plain = net(x)
            with torch.inference_mode():
                quick = net(x)
            for a, b in zip(quick, plain, strict=True):
                torch.testing.assert_close(a, b.detach(), rtol=1e-5, atol=1e-5)


def test_likely_cells_are_those_of_the_whole_answer(mtcnn, astronaut):
    pixels = torch.from_numpy(astronaut).permute(2, 0, 1)[None]
    x = ((pixels.float() - 127.5) / 128).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        moves, probabilities = mtcnn.stages.pnet(x)
        cells, scores, found = mtcnn.stages.pnet.likely(x, 0.6)
    expected = (probabilities[:, 1] >= 0.6).nonzero()
    assert len(expected) > 10
    assert torch.equal(cells, expected)
    _, row, column = expected.T
    torch.testing.assert_close(scores, probabilities[0, 1, row, column], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found, moves[0, :, row, column].T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_face_size": 0}, "min_face_size: expected at least 1"),
        ({"min_face_size": float("nan")}, "min_face_size"),
        ({"thresholds": [0.5, 0.5]}, "three values"),
        ({"thresholds": [0.5, 0.5, 1.2]}, r"\[0, 1\]"),
        ({"factor": 1.0}, r"factor: expected a value in \(0, 1\)"),
        ({"device": "cuda:99"}, "device 'cuda:99': not available"),
        ({"device": "toaster"}, "device 'toaster'"),
        ({"mode": "quick"}, "mode: expected one of exact, fast"),
        ({"precision": "bfloat16"}, "the exact mode computes in float32"),
    ],
)
def test_options_outside_their_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        facewise.load_detector("mtcnn", **options)


def test_an_unknown_option_is_refused_by_name():
    with pytest.raises(TypeError, match="mtcnn: no option 'min_size'; it has min_face_size"):
        facewise.load_detector("mtcnn", min_size=20)


def test_settings_follow_the_detector(astronaut):
    detector = facewise.load_detector("mtcnn")
    before = detector.settings
    detector.min_face_size = 200
    assert detector.settings != before


def test_damaged_weights_are_refused(tmp_path):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"nonsense")
    with pytest.raises(facewise.ModelError, match=r"broken\.safetensors: damaged"):
        facewise.load_detector("mtcnn", weights=path)


def test_weights_of_something_else_are_refused(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "other.safetensors"
    save_file({"pnet.conv1.weight": torch.zeros(1)}, path)
    with pytest.raises(facewise.ModelError, match=r"other\.safetensors: not the weights of MTCNN"):
        facewise.load_detector("mtcnn", weights=path)


_MEMORY = """
import resource, sys
import numpy as np
import facewise

detector = facewise.load_detector("mtcnn")
detector.detect([np.zeros((300, 300, 3), np.uint8)])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{work}
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def _growth(work):
    """Peak memory in MB that the work adds, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY.format(work=work)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="resource is not on Windows")
def test_memory_does_not_grow_with_the_number_of_pictures():
    work = (
        "picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)\n"
        "assert len(detector.detect(picture for _ in range(1000))) == 1000"
    )
    assert _growth(work) < 60


@pytest.mark.skipif(sys.platform == "win32", reason="resource is not on Windows")
@pytest.mark.slow
def test_memory_is_bounded_on_a_picture_of_48_megapixels():
    # The picture itself is 144 MB and its integral image 576 MB.
    work = (
        "picture = np.zeros((6000, 8000, 3), np.uint8)\n"
        "picture[::2] = 200\n"
        "detector.detect([picture])"
    )
    assert _growth(work) < 1200
