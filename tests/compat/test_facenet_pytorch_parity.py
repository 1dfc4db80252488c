"""Both packages on the same pictures: same types, shapes, boxes, faces and files."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from PIL import Image

import facewise.compat.facenet_pytorch as compat

pytestmark = pytest.mark.oracle

NAMES = [
    "MTCNN",
    "InceptionResnetV1",
    "PNet",
    "RNet",
    "ONet",
    "extract_face",
    "fixed_image_standardization",
    "prewhiten",
    "training",
]
PIXELS = 1e-3  # boxes and landmarks differ by the rounding of float32
METHODS = ["probability", "largest", "largest_over_threshold", "center_weighted_size"]


@pytest.fixture(scope="module")
def multiface(shared) -> Image.Image:
    return Image.open(shared("data/photos/multiface.jpg"))


@pytest.fixture
def pair(oracle, monkeypatch):
    """Both detectors with the same settings; theirs finds what ours finds.

    What they find is compared within rounding elsewhere; here the rest must be equal to the bit.
    """

    def build(**settings):
        ours, theirs = compat.MTCNN(**settings), oracle.MTCNN(**settings)
        monkeypatch.setattr(theirs, "detect", ours.detect)
        return ours, theirs

    return build


def batch_of(kind, *images):
    if kind in {"list", "tuple"}:
        return {"list": list, "tuple": tuple}[kind](images)
    arrays = np.stack([np.array(image) for image in images])
    return arrays if kind == "array" else torch.from_numpy(arrays)


def left_half(image):
    half = image.copy()
    half.paste(0, (image.width // 2, 0, image.width, image.height))
    return half


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_names_and_arguments_are_those_of_the_predecessor(oracle):
    for name in NAMES:
        ours, theirs = getattr(compat, name), getattr(oracle, name)
        if callable(theirs):
            assert list(inspect.signature(ours).parameters) == list(
                inspect.signature(theirs).parameters
            )
    for method in ["forward", "detect", "select_boxes", "extract"]:
        ours, theirs = (
            inspect.signature(getattr(package.MTCNN, method)).parameters.values()
            for package in (compat, oracle)
        )
        assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


def test_state_dict_and_random_numbers_are_those_of_the_predecessor(oracle):
    states, draws = [], []
    for package in (compat, oracle):
        torch.manual_seed(0)
        states.append(package.MTCNN().state_dict())
        draws.append(torch.rand(1))
    ours, theirs = states
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert torch.equal(*draws)


@pytest.mark.parametrize("name", ["PNet", "RNet", "ONet"])
@pytest.mark.parametrize("pretrained", [True, False])
def test_networks_equal_the_predecessor(oracle, name, pretrained, assert_same):
    networks = []
    for package in (compat, oracle):
        torch.manual_seed(1)
        networks.append(getattr(package, name)(pretrained=pretrained))
    ours, theirs = networks
    assert (ours.training, theirs.training) == (False, False)
    with torch.no_grad():
        pictures = torch.rand(2, 3, 48, 48) if name == "ONet" else torch.rand(2, 3, 24, 24)
        assert_same(ours(pictures), theirs(pictures), atol=1e-5)


@pytest.mark.shared
@pytest.mark.parametrize("select_largest", [True, False])
def test_detect(oracle, multiface, as_kind, select_largest, assert_same):
    picture = as_kind(multiface)
    ours = compat.MTCNN(select_largest=select_largest).detect(picture, landmarks=True)
    theirs = oracle.MTCNN(select_largest=select_largest).detect(picture, landmarks=True)
    assert len(ours[0]) == 6
    assert_same(ours, theirs, PIXELS)


@pytest.mark.shared
def test_detect_with_other_settings(oracle, multiface, assert_same):
    settings = {"min_face_size": 60, "thresholds": [0.5, 0.6, 0.9], "factor": 0.6}
    ours = compat.MTCNN(**settings).detect(multiface)
    assert_same(ours, oracle.MTCNN(**settings).detect(multiface), PIXELS)


@pytest.mark.parametrize("kind", ["list", "tuple", "array", "tensor"])
def test_detect_batches(oracle, group, kind, assert_same):
    empty = Image.new("RGB", group.size)
    ours, theirs = compat.MTCNN(), oracle.MTCNN()
    for images in (
        [group],
        [group, group],
        [left_half(group), empty, group],
        [empty, empty],
    ):
        batch = batch_of(kind, *images)
        assert_same(ours.detect(batch, True), theirs.detect(batch, True), PIXELS)
    assert_same(ours.detect(batch), theirs.detect(batch))


@pytest.mark.shared
def test_detect_on_lfw(oracle, shared, assert_same):
    paths = sorted(shared("data/lfw/lfw-deepfunneled").glob("*/*_0001.jpg"))[::500]
    images = [Image.open(path) for path in paths]
    assert len(images) >= 8
    ours, theirs = compat.MTCNN(), oracle.MTCNN()
    assert_same(ours.detect(images, True), theirs.detect(images, True), PIXELS)


@pytest.mark.shared
def test_portraits_end_to_end(oracle, shared):
    for path in sorted(shared("data/photos/people").glob("*/1.jpg")):
        image = Image.open(path)
        image.thumbnail((640, 640))
        ours, our_score = compat.MTCNN()(image, return_prob=True)
        theirs, their_score = oracle.MTCNN()(image, return_prob=True)
        # A box at a whole pixel may be cut one pixel apart, which changes few values, and little.
        assert (ours - theirs).abs().mean() < 1 / 128
        assert our_score == pytest.approx(their_score, abs=1e-4)


@pytest.mark.parametrize("keep_all", [False, True])
@pytest.mark.parametrize("post_process", [False, True])
@pytest.mark.parametrize(("margin", "image_size"), [(0, 160), (14, 160), (40, 99)])
def test_forward(pair, group, as_kind, keep_all, post_process, margin, image_size, assert_same):
    settings = {"keep_all": keep_all, "post_process": post_process}
    ours, theirs = pair(**settings, margin=margin, image_size=image_size)
    picture = as_kind(group)
    assert_same(ours(picture, return_prob=True), theirs(picture, return_prob=True))


def test_forward_without_probabilities(pair, group, assert_same):
    for keep_all in (False, True):
        ours, theirs = pair(keep_all=keep_all)
        assert_same(ours(group), theirs(group))
        assert_same(ours([group]), theirs([group]))


@pytest.mark.parametrize("kind", ["list", "tuple", "array", "tensor"])
@pytest.mark.parametrize("keep_all", [False, True])
def test_forward_batches(pair, group, kind, keep_all, assert_same):
    ours, theirs = pair(keep_all=keep_all)
    for images in ([group], [group, group], [group, left_half(group)]):
        batch = batch_of(kind, *images)
        assert_same(ours(batch, return_prob=True), theirs(batch, return_prob=True))


def test_forward_without_a_face(pair, noise, assert_same):
    for keep_all in (False, True):
        ours, theirs = pair(keep_all=keep_all)
        assert_same(ours(noise, return_prob=True), theirs(noise, return_prob=True))
    ours, theirs = pair(keep_all=True)
    assert_same(ours([noise, noise], return_prob=True), theirs([noise, noise], return_prob=True))


@pytest.mark.parametrize("kind", ["pil", "array"])
@pytest.mark.parametrize("keep_all", [False, True])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_saved_files(pair, group, tmp_path, kind, keep_all, suffix):
    picture = group if kind == "pil" else np.array(group)
    folders = [tmp_path / "ours" / "new", tmp_path / "theirs" / "new"]
    for mtcnn, folder in zip(pair(keep_all=keep_all), folders, strict=True):
        mtcnn(picture, save_path=str(folder / f"face{suffix}"))
    ours, theirs = map(files, folders)
    assert len(theirs) == (3 if keep_all else 1)
    assert ours == theirs


def test_saved_files_of_a_batch(pair, group, tmp_path):
    batch = [group, left_half(group)]
    for mtcnn, folder in zip(pair(keep_all=True), ["ours", "theirs"], strict=True):
        mtcnn(batch, save_path=[str(tmp_path / folder / f"{name}.png") for name in "ab"])
    assert files(tmp_path / "ours") == files(tmp_path / "theirs")
    assert {"a.png", "a_2.png", "a_3.png", "b.png"} <= set(files(tmp_path / "ours"))


@pytest.mark.parametrize("method", METHODS)
def test_selection(pair, group, method, assert_same):
    ours, theirs = pair(selection_method=method)
    assert_same(ours(group, return_prob=True), theirs(group, return_prob=True))
    for images in (group, [group], [group, left_half(group)]):
        found = ours.detect(images, landmarks=True)
        assert_same(
            ours.select_boxes(*found, images, method=method),
            theirs.select_boxes(*found, images, method=method),
        )


@pytest.mark.parametrize("threshold", [0.5, 0.99998, 0.999999])
def test_selection_threshold(pair, group, threshold, assert_same):
    ours, theirs = pair()
    found = ours.detect(group, landmarks=True)
    arguments = (*found, group, "largest_over_threshold", threshold)
    assert_same(ours.select_boxes(*arguments), theirs.select_boxes(*arguments))


@pytest.mark.parametrize("center_weight", [0.0, 0.1, 20.0])
def test_selection_weight(pair, group, center_weight, assert_same):
    ours, theirs = pair()
    found = ours.detect(group, landmarks=True)
    arguments = (*found, group, "center_weighted_size", 0.9, center_weight)
    assert_same(ours.select_boxes(*arguments), theirs.select_boxes(*arguments))


def test_extract_face(oracle, astronaut, as_kind, assert_same):
    picture = as_kind(astronaut)
    for box in ([180.4, 60.2, 268.9, 173.7], [-20.0, 5.0, 80.0, 90.0], [400, 420, 600.5, 590]):
        for margin in (0, 33):
            arguments = (picture, np.array(box), 120, margin)
            assert_same(compat.extract_face(*arguments), oracle.extract_face(*arguments))


def test_detect_face_function(oracle, group, assert_same):
    from facenet_pytorch.models.utils import detect_face as theirs

    from facewise.compat.facenet_pytorch.models.utils import detect_face as ours

    mtcnn = compat.MTCNN()
    networks = (mtcnn.pnet, mtcnn.rnet, mtcnn.onet)
    arguments = ([group], 20, *networks, [0.6, 0.7, 0.7], 0.709, torch.device("cpu"))
    with torch.no_grad():
        assert_same(ours.detect_face(*arguments), theirs.detect_face(*arguments), PIXELS)


def test_standardisations(oracle, assert_same):
    values = torch.arange(192.0).reshape(3, 8, 8)
    for ours, theirs in (
        (compat.fixed_image_standardization, oracle.fixed_image_standardization),
        (compat.prewhiten, oracle.prewhiten),
    ):
        assert_same(ours(values), theirs(values), atol=1e-6)
        assert_same(ours(torch.full((3, 8, 8), 9.0)), theirs(torch.full((3, 8, 8), 9.0)))
