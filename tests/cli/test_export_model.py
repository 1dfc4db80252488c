from __future__ import annotations

import json
import shutil

import pytest


def test_files_are_named_with_their_parity(facewise, tmp_path):
    pytest.importorskip("onnxruntime")
    result = facewise(
        "export-model", "mtcnn", "--format", "onnx", "--out", tmp_path, "--preprocess"
    )
    assert f"{tmp_path / 'mtcnn.pnet.onnx'}: " in result.output
    assert result.output.count("parity on") == 3
    again = facewise("export-model", "mtcnn", "--format", "onnx", "--out", tmp_path, status=1)
    assert "holds mtcnn.pnet.onnx already" in again.output


def test_json(facewise, tmp_path):
    command = ("export-model", "mtcnn", "--format", "torchscript", "--out", tmp_path / "out")
    content = json.loads(facewise(*command, "--json", "-").stdout)
    assert [file["name"] for file in content["files"]] == ["mtcnn.pnet", "mtcnn.rnet", "mtcnn.onet"]
    assert content["files"][0]["parity"]["difference"] < 1e-5


def test_wrong_usage(facewise, tmp_path):
    command = ("export-model", "mtcnn", "--out", tmp_path / "out")
    facewise(*command, status=2)
    facewise(*command, "--format", "coreml", status=2)
    facewise(*command, "--format", "onnx", "--precision", "int8", status=2)
    (tmp_path / "empty").mkdir()
    options = ("--precision", "int8", "--calibration", tmp_path / "empty")
    result = facewise(*command, "--format", "onnx", *options, status=1)
    assert "no pictures for calibration" in result.output


def test_pictures_for_calibration_that_cannot_be_read(facewise, examples, tmp_path):
    pytest.importorskip("onnxruntime")
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(examples / "photos/montage.jpg", photos)
    (photos / "broken.jpg").write_bytes(b"broken")
    (photos / "gone.jpg").symlink_to("nowhere.jpg")
    out = tmp_path / "out"
    result = facewise(
        "export-model", "mtcnn", "--format", "onnx", "--out", out, "--calibration", photos, status=1
    )
    assert result.output.count("note: few faces") == 3
    assert "failed: 2 pictures for calibration were left out" in result.stderr
    assert f"{photos}/broken.jpg: not an image file" in result.stderr
    assert len(list(out.glob("*.onnx"))) == 3


def test_nothing_is_done_where_a_result_cannot_be_written(facewise, tmp_path):
    command = ("export-model", "mtcnn", "--format", "openvino", "--out", tmp_path / "out")
    said = facewise(*command, "--json", tmp_path / "out", status=2).stderr
    assert "is the folder of --out" in " ".join(said.replace("│", " ").split())
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mtcnn.rnet.bin").write_text("mine")
    assert "holds mtcnn.rnet.bin already" in facewise(*command, status=1).stderr
    assert (tmp_path / "out/mtcnn.rnet.bin").read_text() == "mine"
