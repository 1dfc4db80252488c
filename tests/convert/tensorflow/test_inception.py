from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import tensorflow_files as files
from facewise.alignment import MarginCrop
from facewise.convert.tensorflow import convert_tensorflow
from facewise.errors import ModelError
from facewise.zoo import Normalisation
from tensorflow_facenet import build, save
from tensorflow_like import Like


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A network of 128 numbers: a folder with both of its forms, pictures, and what it gives."""
    batch = np.random.default_rng(1).standard_normal((2, 160, 160, 3), np.float32)
    like = Like(batch)
    with torch.inference_mode():
        vectors = build(like, embedding_size=128, seed=3).numpy()
    folder = tmp_path_factory.mktemp("20170512-110547")
    files.checkpoint(folder / "model.ckpt-25", like.variables, checksum=files.quick)
    weights = {n: v for n, v in like.variables.items() if v.dtype == np.float32}
    (folder / "frozen.pb").write_bytes(files.frozen(weights))
    return folder, batch, vectors


@pytest.mark.parametrize("name", ["model.ckpt-25", "frozen.pb"])
def test_the_vectors_are_those_of_the_original(original, name):
    folder, batch, vectors = original
    network, spec = convert_tensorflow(folder / name)
    with torch.inference_mode():
        ours = network(torch.from_numpy(batch).permute(0, 3, 1, 2)).numpy()
    assert np.linalg.norm(ours - vectors) < 1e-5
    assert np.linalg.norm(vectors[0] - vectors[1]) > 1e-3  # the pictures count for something
    assert (spec.embedding_size, spec.input_size) == (128, 160)
    assert spec.normalisation == Normalisation(per_image=True)
    assert spec.crop == MarginCrop(160, 32)
    assert "davidsandberg/facenet" in spec.weights.licence
    assert spec.weights.training_set.startswith("MS-Celeb-1M")


@pytest.fixture
def few(monkeypatch):
    """A network of which only some variables are asked for, so that tests are quick."""
    names = {
        "conv2d_1a.conv.weight": "InceptionResnetV1/Conv2d_1a_3x3/weights",
        "conv2d_1a.bn.running_var": "InceptionResnetV1/Conv2d_1a_3x3/BatchNorm/moving_variance",
        "last_linear.weight": "InceptionResnetV1/Bottleneck/weights",
    }
    module = "facewise.convert.tensorflow.inception"
    monkeypatch.setattr(f"{module}.variables", lambda network: names)
    monkeypatch.setattr(f"{module}.fitted_network", lambda architecture, state, source: state)
    random = np.random.default_rng(0)
    return {
        names["conv2d_1a.conv.weight"]: random.standard_normal((3, 3, 3, 32), np.float32),
        names["conv2d_1a.bn.running_var"]: random.uniform(0.5, 2, 32).astype(np.float32),
        names["last_linear.weight"]: random.standard_normal((1792, 8), np.float32),
    }


def test_filters_and_layers_are_turned(few, tmp_path):
    (tmp_path / "x.pb").write_bytes(files.frozen(few))
    state, _ = convert_tensorflow(tmp_path / "x.pb")
    conv, _, linear = few.values()
    assert np.array_equal(state["conv2d_1a.conv.weight"].numpy(), conv.transpose(3, 2, 0, 1))
    assert np.array_equal(state["last_linear.weight"].numpy(), linear.T)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda a: a.pop("InceptionResnetV1/Bottleneck/weights"),
            "it has no .*/Bottleneck/weights",
        ),
        (lambda a: a.pop("InceptionResnetV1/Conv2d_1a_3x3/weights"), "1 of 3 variables missing"),
        (
            lambda a: a.update({"InceptionResnetV1/Conv2d_1a_3x3/weights": np.ones((5, 5, 3, 32))}),
            r"Conv2d_1a_3x3/weights: expected shape \(3, 3, 3, 32\), found \(5, 5, 3, 32\)",
        ),
        (
            lambda a: a["InceptionResnetV1/Conv2d_1a_3x3/BatchNorm/moving_variance"].fill(-1),
            "moving_variance: a variance below zero",
        ),
        (
            lambda a: a["InceptionResnetV1/Bottleneck/weights"].fill(np.nan),
            "Bottleneck/weights: holds infinite or undefined values",
        ),
        (
            lambda a: a.update({"InceptionResnetV1/Bottleneck/weights": np.ones((9, 8), np.int64)}),
            r"expected shape \(1792, 8\), found \(9, 8\)",
        ),
    ],
)
@pytest.mark.parametrize("form", ["checkpoint", "graph"])
def test_another_network_is_refused_by_name(few, tmp_path, change, text, form):
    change(few)
    path = tmp_path / "x.pb"
    if form == "graph":
        path.write_bytes(files.frozen(few))
    else:
        path = tmp_path / "model.ckpt-1"
        files.checkpoint(path, few, checksum=files.quick)
    with pytest.raises(ModelError, match=text) as error:
        convert_tensorflow(path)
    assert str(path) in str(error.value)


def test_the_generation_tells_the_normalisation_unless_one_is_named(few, tmp_path):
    (tmp_path / "x.pb").write_bytes(files.frozen(few))
    assert convert_tensorflow(tmp_path / "x.pb")[1].normalisation == Normalisation()
    _, spec = convert_tensorflow(tmp_path / "x.pb", normalisation="per-image", margin=0)
    assert spec.normalisation.per_image
    assert spec.crop == MarginCrop(160, 0)
    with pytest.raises(ModelError, match="expected one of fixed, per-image, got 'whitened'"):
        convert_tensorflow(tmp_path / "x.pb", normalisation="whitened")
    with pytest.raises(ModelError, match="margin: expected 0 to 159 pixels, got 160"):
        convert_tensorflow(tmp_path / "x.pb", margin=160)


def test_every_name_of_a_checkpoint_is_taken(few, tmp_path):
    files.checkpoint(tmp_path / "model.ckpt-7", few, checksum=files.quick)
    files.checkpoint(tmp_path / "model.ckpt-31", few, checksum=files.quick)
    names = ("model.ckpt-31", "model.ckpt-31.index", "model.ckpt-31.data-00000-of-00001", "")
    for name in names:  # of a folder with several, the last step
        assert convert_tensorflow(tmp_path / name)[1].weights.filename == "model.ckpt-31"
    with pytest.raises(ModelError, match="no such frozen graph or checkpoint"):
        convert_tensorflow(tmp_path / "model.ckpt-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="holds no checkpoint"):
        convert_tensorflow(tmp_path / "empty")


@pytest.mark.oracle
@pytest.mark.parametrize("embedding_size", [512, 128])
def test_tensorflow_itself_gives_the_same(tmp_path, embedding_size):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    from facewise.convert.tensorflow.parity import parity

    for path in save(tmp_path, embedding_size, seed=5):
        network, spec = convert_tensorflow(path)
        found = parity(path, network)
        assert found.theirs.shape == (5, embedding_size)
        assert found.distance < 1e-5
        assert spec.normalisation.per_image == (embedding_size == 128)
        block = network.get_submodule("repeat_2.3.branch1")
        block[1].conv.weight.data, block[2].conv.weight.data = (
            block[2].conv.weight.data.transpose(2, 3).contiguous(),
            block[1].conv.weight.data.transpose(2, 3).contiguous(),
        )
        assert parity(path, network).distance > 1e-4  # a mistake is seen


@pytest.mark.oracle
def test_the_command_compares_with_tensorflow(facewise_command, tmp_path):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    _, frozen = save(tmp_path, 128, seed=5)
    result = facewise_command(
        "convert", "tensorflow", frozen, "--out", tmp_path / "out", "--parity"
    )
    assert "TensorFlow:" in result
    assert float(result.split("distance ")[1].split()[0]) < 1e-5
    spec = json.loads((tmp_path / "out" / "spec.json").read_text())
    assert spec["normalisation"]["per_image"] is True
