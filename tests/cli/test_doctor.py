from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import facewise as package
from facewise.cli.doctor import EXTRAS, _size
from facewise.cli.self_test import SelfTest
from facewise.runtime.processor import processor_features
from facewise.runtime.threads import threads


def test_the_report(facewise: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWISE_OFFLINE", "1")
    report = json.loads(facewise("doctor", "--json", "-").stdout)
    assert list(report) == [
        "versions", "devices", "extras", "cache", "models", "networks", "self_test"
    ]  # fmt: skip
    assert report["versions"]["facewise"] == package.__version__
    assert report["versions"]["python"] == platform.python_version()
    assert report["versions"]["torch"] == torch.__version__
    assert report["devices"]["threads"] == threads()
    assert set(report["devices"]["features"]) == processor_features()
    assert report["devices"]["mps"] is torch.backends.mps.is_available()
    assert report["cache"]["folder"] == str(tmp_path / "cache")
    assert report["cache"]["offline"] is True
    assert report["models"]["mtcnn"] == "bundled"
    assert report["self_test"]["ok"] is True
    assert report["self_test"]["similarity"] > 0.999


def test_in_words(facewise: Any) -> None:
    lines = facewise("doctor").stdout.splitlines()
    assert f"  facewise: {package.__version__}" in lines
    assert "  dlib_resnet29.dlib: bundled" in lines
    assert "  ok: yes" in lines


def test_a_failed_self_test(facewise: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = SelfTest(False, "2 faces found in a picture of one")
    monkeypatch.setattr("facewise.cli.self_test.run_self_test", lambda: broken)
    lines = facewise("doctor", status=1).stdout.splitlines()
    assert "  ok: no" in lines
    assert "  detail: 2 faces found in a picture of one" in lines


def test_extras_are_those_of_the_package() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11 reads pyproject.toml")
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    stated = tomllib.loads(text)["project"]["optional-dependencies"]
    assert set(EXTRAS) == set(stated) - {"all", "dev"}


def test_a_missing_extra(facewise: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    report = json.loads(facewise("doctor", "--json", "-").stdout)
    assert report["extras"]["onnx"] is False
    assert report["versions"]["onnxruntime"] is None


def test_the_size_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(bytes(1000))
    (tmp_path / "y").write_bytes(bytes(234))
    assert _size(tmp_path) == 1234
    assert _size(tmp_path / "nowhere") == 0


def test_what_runs_the_models(facewise: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWISE_BACKEND", "torch")
    monkeypatch.setenv("FACEWISE_PRECISION", "auto")
    lines = facewise("doctor").stdout.splitlines()
    begin = lines.index("networks:")
    assert lines[begin + 1] == "  dlib_resnet29.dlib (backend torch, precision auto):"
    assert lines[begin + 2].startswith("    picked: torch ")
    assert any(
        line.startswith("      torch float32: least cosine of 9 chips 1.000000") for line in lines
    )
    networks = json.loads(facewise("doctor", "--json", "-").stdout)["networks"]
    found = networks["dlib_resnet29.dlib (backend torch, precision auto)"]
    assert found["picked"] in found["candidates"]
    assert found["candidates"]["torch float32"]["proof"]["figure"] > 0.99999
    other = found["candidates"]["torch bfloat16"]
    assert (other["refused"] is None) is (other["proof"] is not None)


def test_a_network_that_fails_is_reported(facewise: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWISE_BACKEND", "abacus")
    report = json.loads(facewise("doctor", "--json", "-").stdout)
    assert "FACEWISE_BACKEND 'abacus': expected one of" in report["networks"]["dlib_resnet29.dlib"]
    assert report["self_test"]["ok"] is True
