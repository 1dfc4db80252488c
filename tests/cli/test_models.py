from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from facewise.alignment import FivePointCrop
from facewise.cli.models import app
from facewise.errors import ModelError
from facewise.zoo import ModelSpec, Weights, list_specs, register, registry

CONTENT = b"weights of a model" * 1000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FACEWISE_OFFLINE", "1")
    monkeypatch.delenv("FACEWISE_WEIGHTS", raising=False)
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))
    return tmp_path / "cache"


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weight file of a model `probe.mine`, in a folder of the user's."""
    weights = Weights(
        filename="mine.pt",
        licence="mine alone",
        training_set="my pictures",
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        urls=("https://example.invalid/mine.pt",),
    )
    register(
        ModelSpec(
            id="probe.mine",
            task="embed",
            architecture="probe",
            weights=weights,
            input_size=112,
            embedding_size=8,
            crop=FivePointCrop(),
        )
    )
    path = tmp_path / "mine.pt"
    path.write_bytes(CONTENT)
    monkeypatch.setenv("FACEWISE_WEIGHTS", str(tmp_path))
    return path


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, result.output
    return result.stdout


def failure(*arguments: str) -> BaseException | None:
    """The error that `facewise` turns into a line and exit status 1."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 1
    return result.exception


def test_list() -> None:
    lines = run("list").splitlines()
    assert lines[0].split() == ["id", "task", "size", "state", "licence"]
    assert [line.split()[0] for line in lines[1:]] == [spec.id for spec in list_specs()]
    rows = {line.split()[0]: line.split()[1:6] for line in lines[1:]}
    assert rows["mtcnn"] == ["detect", "2.0", "MB", "bundled", "MIT,"]
    assert rows["arcface_r50.webface600k"][:4] == ["embed", "174.4", "MB", "absent"]


@pytest.mark.usefixtures("mine")
def test_list_as_json(tmp_path: Path) -> None:
    models = {model["id"]: model for model in json.loads(run("list", "--json", "-"))}
    assert list(models) == [spec.id for spec in list_specs()]
    assert models["probe.mine"]["state"] == "folder"
    assert models["probe.mine"]["path"] == str(tmp_path / "mine.pt")
    assert models["probe.mine"]["licence"] == "mine alone"
    assert models["arcface_mbf.webface600k"]["path"] is None
    assert models["arcface_mbf.webface600k"]["published"]["lfw"] == 0.997

    out = tmp_path / "models.json"
    assert "mtcnn" in run("list", "--json", str(out))
    assert {model["id"]: model for model in json.loads(out.read_text())} == models


def test_list_as_json_to_an_impossible_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert isinstance(failure("list", "--json", str(tmp_path / "file" / "models.json")), OSError)
    run("list", "--json", str(tmp_path / "new" / "models.json"))
    assert json.loads((tmp_path / "new" / "models.json").read_text())


def test_info() -> None:
    shown = dict(line.split(": ", 1) for line in run("info", "mobilefacenet").splitlines())
    assert shown["id"] == "mobilefacenet.ms1m"
    assert shown["size"] == "4135271"
    assert "Apache-2.0" in shown["licence"]
    assert "mobilefacenet-ms1m-128d.pt" in shown["to use it"]
    assert "urls" not in shown


def test_unknown_model() -> None:
    for command in ("info", "path", "pull", "verify"):
        error = failure(command, "inception_resnet_v1.vgface2")
        assert isinstance(error, ModelError)
        assert "did you mean inception_resnet_v1.vggface2" in str(error)


def test_path(mine: Path) -> None:
    assert run("path", "probe").strip() == str(mine)


def test_path_of_an_absent_model(cache: Path) -> None:
    error = failure("path", "ir_50")
    assert isinstance(error, ModelError)
    assert "drive.google.com" in str(error)
    assert str(cache / "models") in str(error)


def test_pull_of_what_is_here(mine: Path) -> None:
    assert run("pull", "probe.mine", "mtcnn").splitlines()[0] == f"probe.mine: {mine}"


def test_pull_goes_on_after_a_failure(mine: Path) -> None:
    result = CliRunner().invoke(app, ["pull", "arcface_r50", "probe", "ir_50"])
    assert result.exit_code == 1
    assert result.stdout.strip() == f"probe.mine: {mine}"
    assert isinstance(result.exception, ModelError)
    assert "arcface_r50.webface600k: w600k_r50.onnx is not" in str(result.exception)
    assert "ir_50.ms1m_arcface: IR_50" in str(result.exception)


def test_pull_all_asks_for_every_model_with_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    error = failure("pull", "--all")
    missing = [spec for spec in list_specs() if spec.weights.urls]
    assert len(missing) > 8
    for spec in missing:
        assert f"{spec.id}: " in str(error)
    assert "ir_50" not in str(error)


@pytest.mark.parametrize("arguments", [[], ["--all", "mtcnn"]])
def test_pull_needs_either_models_or_all(arguments: list[str]) -> None:
    run("pull", *arguments, status=2)


def test_verify_all_that_is_here(mine: Path) -> None:
    lines = run("verify").splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        "mtcnn: ok",
        "dlib_resnet29.dlib: ok",
        "probe.mine: ok",
    ]


def test_verify_reports_damage(mine: Path) -> None:
    mine.write_bytes(b"!" + CONTENT[1:])
    lines = run("verify", status=1).splitlines()
    assert lines[0].startswith("mtcnn: ok")
    assert lines[-1].startswith(f"probe.mine: {mine}: damaged: sha256 is ")


def test_verify_of_an_absent_model() -> None:
    assert run("verify", "scrfd_500m", status=1).startswith("scrfd_500m: absent; get scrfd_500m")


def test_verify_of_a_file_nobody_knows_the_hash_of(cache: Path) -> None:
    path = cache / "models" / "20180408-102900-casia-webface.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    name = "inception_resnet_v1.casia_webface"
    assert run("verify", name).strip() == f"{name}: no sha256 to compare with ({path})"
    run("pull", name)  # records it
    assert run("verify", name).strip() == f"{name}: ok ({path})"
    path.write_bytes(CONTENT + b"!")
    assert "damaged" in run("verify", name, status=1)
