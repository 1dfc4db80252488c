"""A saved model is a model: by Python, by the command, and with the same preprocessing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from typer.testing import CliRunner

import facewise
from facewise import zoo
from facewise.cli import app
from facewise.embedding import timm_network
from facewise.embedding.embedder import normalised
from facewise.errors import ExtraMissingError, ModelError, TrainingError
from facewise.recognition import load_calibration
from facewise.training.backbones import build_backbone
from facewise.training.result import save_model
from facewise.zoo import Threshold


@pytest.fixture(autouse=True)
def seeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))
    torch.set_num_threads(2)
    torch.manual_seed(9)


def trained(name: str, **options: Any) -> tuple[nn.Module, facewise.zoo.ModelSpec]:
    """A backbone whose batch norms know their inputs: else all faces would give nearly one vector.

    Nothing could be told by such vectors, neither people nor a wrong normalisation.
    """
    network, spec = build_backbone(name, **options)
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.momentum = None  # the plain mean of all batches
    with torch.no_grad():
        for seed in range(2):
            generator = torch.Generator().manual_seed(seed)
            x = torch.randn(4, 3, spec.input_size, spec.input_size, generator=generator)
            network.train()(0.5 * x + 0.1)
    return network, spec


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return save_model(tmp_path / "run", *trained("mobilefacenet"))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mobilefacenet", {}),
        ("ir_50", {}),
        ("inception_resnet_v1", {"input_size": 96}),
        ("dlib_resnet29", {}),
        ("timm:resnet18", {}),
        ("timm:resnet18", {"embedding_size": 48, "input_size": 96}),
        ("timm:vit_tiny_patch16_224", {"embedding_size": 64}),
        ("resnet18", {"embedding_size": 32, "input_size": 64}),
    ],
)
def test_training_and_serving_preprocess_identically(
    name: str, options: dict[str, Any], tmp_path: Path, rng: np.random.Generator
) -> None:
    network, spec = trained(name, **options)
    folder = save_model(tmp_path / "Run 1", network, spec)
    embedder = facewise.load_embedder(folder)
    size = spec.input_size
    chips = rng.integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    with torch.inference_mode():
        vectors = network.eval()(normalised(chips, spec, torch.device("cpu")))
    expected = vectors / vectors.norm(dim=1, keepdim=True)
    found = embedder.embed(chips)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    # It is the chip that decides, and how it is normalised.
    assert np.abs(found[0] - found[1]).max() > 1e-3
    bgr = embedder.embed(np.ascontiguousarray(chips[..., ::-1]))
    assert np.abs(found - bgr).max() > 1e-3
    darker = embedder.embed(chips // 2)
    assert np.abs(found - darker).max() > 1e-3
    assert embedder.spec.crop == spec.crop
    assert embedder.spec.normalisation == spec.normalisation
    assert embedder.flip == spec.flip
    assert embedder.spec.embedding_size == options.get("embedding_size", spec.embedding_size)
    assert embedder.spec.id == f"{name.replace(':', '_')}.run_1"
    assert embedder.weight_hash == zoo.file_sha256(folder / "model.safetensors")


def test_a_saved_model_is_saved_again_as_it_was(run: Path, tmp_path: Path) -> None:
    network, spec = build_backbone("mobilefacenet", pretrained=run)
    again = save_model(tmp_path / "again" / "run", network, spec)
    weights = [(folder / "model.safetensors").read_bytes() for folder in (run, again)]
    assert weights[0] == weights[1]


def test_the_folder_in_its_forms(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = {facewise.load_embedder(form).weight_hash for form in (run, str(run), f"{run}/")}
    hashes.add(facewise.load_embedder(run / "spec.json").weight_hash)
    monkeypatch.chdir(run)
    hashes.add(facewise.load_embedder(".").weight_hash)
    monkeypatch.chdir(run.parent)
    hashes.add(facewise.load_embedder("run").weight_hash)
    assert hashes == {zoo.file_sha256(run / "model.safetensors")}


def test_an_id_of_the_zoo_means_the_zoo(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.rename(run.parent / "dlib_resnet29.dlib")
    monkeypatch.chdir(run.parent)
    assert facewise.load_embedder("dlib_resnet29.dlib").spec.architecture == "dlib_resnet29"
    assert facewise.load_embedder("./dlib_resnet29.dlib").spec.architecture == "mobilefacenet"


def test_model_and_weights(tmp_path: Path) -> None:
    folder = tmp_path / "lr=0.1"
    folder.mkdir()
    assert zoo.model_and_weights(str(folder)) == (str(folder), None)
    assert zoo.model_and_weights("a.b=c.pt") == ("a.b", "c.pt")
    assert zoo.model_and_weights("a.b=c=d.pt") == ("a.b", "c=d.pt")
    assert zoo.model_and_weights("a.b") == ("a.b", None)


def test_weights_of_another_file_for_the_spec(run: Path, tmp_path: Path) -> None:
    other = save_model(tmp_path / "other", *trained("mobilefacenet"))
    embedder = facewise.load_embedder(run, other / "model.safetensors")
    assert embedder.weight_hash == zoo.file_sha256(other / "model.safetensors")


def test_thresholds_that_were_measured_for_it(run: Path) -> None:
    spec = zoo.read_spec(run / "spec.json")
    network, _ = build_backbone("mobilefacenet", pretrained=run)
    points = (Threshold(0.25, 1e-3, "my pairs"),)
    save_model(run, network, replace(spec, thresholds=points))
    assert facewise.load_embedder(run).spec.thresholds == points


def damaged(content: bytes) -> Callable[[Path], None]:
    return lambda run: (run / "model.safetensors").write_bytes(content) and None


def without(*names: str) -> Callable[[Path], None]:
    def remove(run: Path) -> None:
        for name in names:
            (run / name).unlink()

    return remove


def changed(**values: Any) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        content = json.loads((run / "spec.json").read_text())
        (run / "spec.json").write_text(json.dumps(content | values))

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without("spec.json"), r"run: not the folder of a model: it has no spec\.json"),
        (without("model.safetensors"), r"run: the weights are missing \(model\.safetensors of"),
        (without("model.safetensors", "spec.json"), "run: not the folder of a model"),
        (damaged(b""), r"model\.safetensors: damaged safetensors file"),
        (damaged(b"\x08\0\0\0\0\0\0\0{}      "), r"of \d+ tensors missing"),
        (changed(architecture="ir_50"), r"model\.safetensors: not weights of ir_50: "),
        (changed(architecture="vgg"), "cannot run the architecture 'vgg'"),
        (changed(architecture="timm:resnet18"), "embedding head of a known form under 'head'"),
        (changed(architecture="timm:nothing"), "timm:nothing: timm has no such model"),
        (changed(flips=True), r"spec\.json: unknown key 'flips'"),
        (lambda run: (run / "spec.json").write_text("{") and None, r"spec\.json: not JSON"),
    ],
)
def test_damaged_folders(run: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(run)
    with pytest.raises(ModelError, match=message):
        facewise.load_embedder(run)


def test_weights_that_end_early(run: Path) -> None:
    content = (run / "model.safetensors").read_bytes()
    (run / "model.safetensors").write_bytes(content[:-100])
    with pytest.raises(ModelError, match=r"model\.safetensors: damaged safetensors file"):
        facewise.load_embedder(run)


def test_what_is_no_model(tmp_path: Path, run: Path) -> None:
    with pytest.raises(ModelError, match="gone: no such folder of a model"):
        facewise.load_embedder(tmp_path / "gone")
    with pytest.raises(ModelError, match=r"for a weight file say of which: ID=FILE"):
        facewise.load_embedder(run / "model.safetensors")
    with pytest.raises(ModelError, match="unknown model ''"):
        facewise.load_embedder("")


def test_a_timm_model_without_timm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_model(tmp_path / "run", *build_backbone("timm:resnet18", input_size=64))

    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(timm_network.importlib, "import_module", missing)
    with pytest.raises(ExtraMissingError, match=r"pip install 'facewise\[train\]'"):
        facewise.load_embedder(folder)


def test_weights_that_are_not_finite_replace_nothing(run: Path) -> None:
    before = [(run / name).read_bytes() for name in ("model.safetensors", "spec.json")]
    network, spec = build_backbone("mobilefacenet", pretrained=run)
    with torch.no_grad():
        network.get_parameter("conv3.bias")[3] = float("nan")
    with pytest.raises(TrainingError, match=r"run: not written: conv3\.bias has values"):
        save_model(run, network, spec)
    assert before == [(run / name).read_bytes() for name in ("model.safetensors", "spec.json")]
    assert sorted(path.name for path in run.iterdir()) == ["model.safetensors", "spec.json"]


def test_a_full_disk_keeps_the_model(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (run / "model.safetensors").read_bytes()

    def full(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        save_model(run, *trained("mobilefacenet"))
    monkeypatch.undo()
    assert (run / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("name", ["mobilefacenet", "timm:resnet18"])
def test_the_command_embeds_with_it(name: str, tmp_path: Path, examples: Path) -> None:
    folder = save_model(tmp_path / "lr=0.1", *trained(name))
    photo, out = examples / "photos/astronaut.jpg", tmp_path / "vectors.npz"
    result = CliRunner().invoke(
        app, ["embed", str(photo), "--model", str(folder), "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    embedder = facewise.load_embedder(folder)
    expected = embedder.embed_faces(photo, facewise.detect(photo))[0]
    with np.load(out, allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["embeddings"], expected, atol=1e-5)
        assert str(arrays["model"]) == f"{name.replace(':', '_')}.lr_0_1"
        assert str(arrays["weights"]) == zoo.file_sha256(folder / "model.safetensors")


def test_compare_and_recognize_take_it(run: Path, tmp_path: Path, examples: Path) -> None:
    photo = examples / "photos/astronaut.jpg"
    (tmp_path / "people" / "Eileen").mkdir(parents=True)
    (tmp_path / "people" / "Eileen" / "one.jpg").write_bytes(photo.read_bytes())
    for arguments in (
        ["compare", photo, photo], ["recognize", photo, "--people", tmp_path / "people"]
    ):  # fmt: skip
        words = [*map(str, arguments), "--threshold", "0.9", "--json", "-", "--model", str(run)]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["model"] == "mobilefacenet.run"


@pytest.fixture
def pairs(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A list of pairs of chips in its folder: of a picture and its noisy copy, and of two pictures.

    Every fifth copy is another picture, so that no threshold tells all pairs apart.
    """
    folder = tmp_path / "chips"
    folder.mkdir()
    for i in range(20):
        chip = rng.integers(0, 256, (14, 14, 3)).repeat(8, 0).repeat(8, 1)
        other = rng.integers(0, 256, chip.shape) if i % 5 == 0 else chip
        noisy = np.clip(other + rng.integers(-9, 10, chip.shape), 0, 255)
        for suffix, pixels in (("a", chip), ("b", noisy)):
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}{suffix}.png")
    lines = [f"{i}a.png,{j}b.png,{int(i == j)},{i % 2}" for i in range(20)
             for j in (i, (i + 2) % 20)]  # fmt: skip
    path = folder / "pairs.csv"
    path.write_text("\n".join(["image_a,image_b,same,fold", *lines]) + "\n")
    return path


def test_evaluate_and_calibrate_take_it(run: Path, tmp_path: Path, pairs: Path) -> None:
    shown = ["--pairs", str(pairs), "--images", str(pairs.parent), "--aligned", "--model", str(run)]
    result = CliRunner().invoke(app, ["evaluate", "pairs", *shown, "--json", "-"])
    assert result.exit_code == 0, result.output
    [model] = json.loads(result.stdout)["models"]
    assert model["weights"] == zoo.file_sha256(run / "model.safetensors")
    out = tmp_path / "calibration.json"
    result = CliRunner().invoke(app, ["calibrate", *shown, "--out", str(out)])
    assert result.exit_code == 0, result.output
    load_calibration(out).check(facewise.load_embedder(run), None)


def test_the_command_says_what_is_missing(tmp_path: Path, examples: Path) -> None:
    photo = str(examples / "photos/astronaut.jpg")
    (tmp_path / "empty").mkdir()
    for name, message in (("gone", "no such folder of a model"), ("empty", "it has no spec.json")):
        result = CliRunner().invoke(
            app, ["embed", photo, "--out", str(tmp_path / "o.npz"), "--model", str(tmp_path / name)]
        )
        assert result.exit_code == 1
        assert message in str(result.exception) + result.output
