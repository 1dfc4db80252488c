from __future__ import annotations

import json

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
