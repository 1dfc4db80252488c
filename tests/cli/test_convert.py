from __future__ import annotations

import json

import pytest
import torch

from facewise.embedding.heads import Head
from facewise.embedding.iresnet import IResNet
from facewise.embedding.resnet import ResNet


@pytest.fixture
def checkpoint(tmp_path):
    """A file of facenet-pytorch-vggface2's last generation, with 64 numbers."""
    torch.manual_seed(0)
    state = {f"model.{k}": v for k, v in ResNet(18, Head("projection", 64)).state_dict().items()}
    content = {
        "epoch": 88,
        "embedding_dimension": 64,
        "model_architecture": "resnet18",
        "model_state_dict": state,
        "best_distance_threshold": 0.98,
    }
    torch.save(content, tmp_path / "model_resnet18_triplet.pt")
    return tmp_path / "model_resnet18_triplet.pt"


def test_a_checkpoint_becomes_a_model_that_other_commands_take(
    facewise, checkpoint, examples, tmp_path
):
    result = facewise("convert", "vggface2-triplet", checkpoint, "--out", tmp_path / "out")
    spec = tmp_path / "out" / "spec.json"
    assert f"resnet18.model_resnet18_triplet: {spec}" in result.output
    assert "faces of 140×140 pixels to 64 numbers" in result.output
    assert "epoch 88" in result.output
    assert "0.98, is the cosine 0.5198" in result.output
    content = json.loads(spec.read_text())
    assert content["weights"] == "model.safetensors"
    assert content["thresholds"][0]["far"] is None
    photo = examples / "photos" / "astronaut.jpg"
    answer = facewise(
        "compare", photo, photo, "--model", tmp_path / "out", "--threshold", 0.5198, "--json", "-"
    )
    assert json.loads(answer.stdout)["similarity"] == pytest.approx(1, abs=1e-5)


def test_what_the_user_says_overrides(facewise, checkpoint, tmp_path):
    facewise(
        "convert", "vggface2-triplet", checkpoint, "--out", tmp_path / "out",
        "--architecture", "resnet18", "--embedding-size", 64,
        "--preparation", "224-margin", "--input-size", 160,
    )  # fmt: skip
    content = json.loads((tmp_path / "out" / "spec.json").read_text())
    assert content["input_size"] == 160
    assert content["crop"] == {"margin": 32}
    assert content["normalisation"]["mean"][0] == pytest.approx(255 * 0.5157)


def test_facerec(facewise, tmp_path):
    torch.manual_seed(0)
    torch.save(IResNet(50).state_dict(), tmp_path / "IR_50.pth")
    result = facewise("convert", "facerec", tmp_path / "IR_50.pth", "--out", tmp_path / "out")
    assert "ir_50.ir_50: " in result.output
    assert json.loads((tmp_path / "out" / "spec.json").read_text())["architecture"] == "ir_50"


def test_errors_are_one_line_and_leave_nothing(facewise, checkpoint, tmp_path):
    out = tmp_path / "out"
    result = facewise("convert", "facerec", checkpoint, "--out", out, status=1)
    assert "expected IR or IR-SE weights" in result.output
    assert result.output.count("\n") == 1
    assert not out.exists()
    facewise("convert", "facerec", tmp_path / "none.pth", "--out", out, status=1)
    facewise("convert", "facerec", checkpoint, status=2)
    facewise(
        "convert", "vggface2-triplet", checkpoint, "--out", out, "--preparation", "96", status=2
    )


def test_a_model_is_not_replaced(facewise, checkpoint, tmp_path):
    facewise("convert", "vggface2-triplet", checkpoint, "--out", tmp_path / "out")
    before = (tmp_path / "out" / "spec.json").read_bytes()
    result = facewise(
        "convert", "vggface2-triplet", checkpoint, "--out", tmp_path / "out", status=1
    )
    assert "holds spec.json already; choose another folder" in result.output
    assert (tmp_path / "out" / "spec.json").read_bytes() == before


def test_the_choices_of_the_command_are_the_converters():
    from facewise.cli.convert import _Preparation
    from facewise.convert.vggface2_triplet import PREPARATIONS

    assert [choice.value for choice in _Preparation] == list(PREPARATIONS)


def test_mtcnn_from_a_folder_of_files(facewise, tmp_path, rng):
    from mtcnn_files import FILES, as_tensorflow, draw, write_npy

    for network, name in FILES.items():
        write_npy(tmp_path / f"{name}.npy", as_tensorflow(draw(network, rng)))
    out = tmp_path / "mtcnn.safetensors"
    result = facewise("convert", "mtcnn", tmp_path, "--out", out)
    assert f"{out}: 1987" in result.output or f"{out}: 1988" in result.output
    assert "no face is found" in result.output  # random weights find none
    assert f"use it with --detector mtcnn={out}" in result.output
    again = facewise("convert", "mtcnn", tmp_path, "--out", out, status=1)
    assert "is there already" in again.output


def test_dlib_files_are_told_apart_by_their_content(facewise, tmp_path):
    (tmp_path / "x.dat").write_bytes(b"\x01\x01\x01\x0dloss_metric_2 and no more")
    result = facewise("convert", "dlib", tmp_path / "x.dat", "--out", tmp_path / "out", status=1)
    assert "x.dat" in result.output
    (tmp_path / "y.dat").write_bytes(b"something else")
    result = facewise("convert", "dlib", tmp_path / "y.dat", "--out", tmp_path / "out", status=1)
    assert "y.dat" in result.output
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_tensorflow_that_is_none(facewise, tmp_path):
    (tmp_path / "x.pb").write_bytes(b"no graph")
    command = ("convert", "tensorflow", tmp_path / "x.pb", "--out", tmp_path / "out")
    result = facewise(*command, status=1)
    assert "x.pb: not a GraphDef, or damaged" in result.output
    assert not (tmp_path / "out").exists()
    facewise(*command, "--normalisation", "whitened", status=2)
