from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from facewise.cli import self_test
from facewise.cli.self_test import run_self_test


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the data, to spoil."""
    for name in ("_FACE", "_EXPECTED"):
        source: Path = getattr(self_test, name)
        target = tmp_path / source.name
        target.write_bytes(source.read_bytes())
        monkeypatch.setattr(self_test, name, target)
    return tmp_path


def test_this_installation_works() -> None:
    result = run_self_test()
    assert result.ok, result.detail
    assert result.similarity is not None
    assert result.similarity >= 0.9999


def test_the_data_is_small() -> None:
    assert self_test._FACE.stat().st_size < 20_000
    with Image.open(self_test._FACE) as image:
        assert image.size == (200, 200)


def test_another_vector_fails(data: Path) -> None:
    path = data / "self_test_face.json"
    content = json.loads(path.read_text())
    content["embedding"][0] += 0.1
    path.write_text(json.dumps(content))
    result = run_self_test()
    assert not result.ok
    assert result.similarity is not None
    assert result.similarity < 0.999


def test_another_model_fails(data: Path) -> None:
    path = data / "self_test_face.json"
    content = json.loads(path.read_text())
    content["settings"]["flip"] = "perhaps"
    path.write_text(json.dumps(content))
    assert run_self_test() == self_test.SelfTest(
        False, "the recorded embedding was made by another version of the model"
    )


def test_no_face_fails(data: Path) -> None:
    Image.new("RGB", (200, 200)).save(data / "self_test_face.jpg")
    assert run_self_test().detail == "0 faces found in a picture of one"


def test_missing_data_fails(data: Path) -> None:
    (data / "self_test_face.jpg").unlink()
    result = run_self_test()
    assert not result.ok
    assert result.detail.startswith("ImageError: ")


def test_recording(data: Path) -> None:
    before = json.loads((data / "self_test_face.json").read_text())
    (data / "self_test_face.json").unlink()
    self_test.record()
    after = json.loads((data / "self_test_face.json").read_text())
    assert after["settings"] == before["settings"]
    assert after["embedding"] == pytest.approx(before["embedding"], abs=1e-4)
