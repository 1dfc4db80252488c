"""The key of a sealed gallery on the command line: by file or environment, and in no text."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from facewise.gallery import ModelFacts, NewFace, open_store

pytest.importorskip("cryptography", reason="cryptography is not installed")

KEY = bytes(range(100, 132))
TEXT = base64.b64encode(KEY).decode()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(TEXT + "\n")
    return path


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A sealed gallery that no model is needed for: Ann with two faces, Ben with one."""
    path = tmp_path / "sealed.db"
    with (
        open_store(path, ModelFacts({"model": "probe.none"}, 2), KEY) as made,
        made.change() as change,
    ):
        ann = change.add_person("Ann")
        change.add_faces(ann, [NewFace([1, 0], chip=b"chip"), NewFace([0, 1])])
        change.add_faces(change.add_person("Ben"), [NewFace([0.6, 0.8])])
    return path


def test_from_pictures_to_names(facewise: Any, examples: Path, tmp_path: Path, key: Path) -> None:
    store, photo = tmp_path / "people.db", examples / "photos/obama.jpg"
    made = facewise("gallery", "create", store, "--key-file", key)
    assert made.stdout.endswith("a new gallery for dlib_resnet29.dlib, sealed\n")
    enrolled = facewise("gallery", "enrol", store, examples / "people", "--key-file", key)
    assert enrolled.stdout == "faces added: 3; new people: 2\n"
    for command in ("identify", "search"):
        assert "is sealed" in facewise("gallery", command, store, photo, status=1).stderr
        assert "obama" in facewise("gallery", command, store, photo, "--key-file", key).stdout
    recognise = ("recognize", photo, "--people", store)
    assert "is sealed" in facewise(*recognise, status=1).stderr
    assert "obama" in facewise(*recognise, "--key-file", key).stdout
    folder = ("recognize", photo, "--people", examples / "people", "--key-file", key)
    assert "has no key" in facewise(*folder, status=2).stderr


def test_every_command_takes_the_key(facewise: Any, sealed: Path, key: Path) -> None:
    commands = {
        "list": ("list", sealed),
        "show": ("show", sealed, "ann"),
        "edit": ("edit", sealed, "Ann", "--consent", "yes"),
        "rename": ("rename", sealed, "Ben", "Benjamin"),
        "merge": ("merge", sealed, "Ann", "Benjamin"),
        "split": ("split", sealed, "Cleo", "--face", "3"),
        "stats": ("stats", sealed),
        "check": ("check", sealed),
        "rebuild-index": ("rebuild-index", sealed),
        "purge-expired": ("purge-expired", sealed),
        "forget": ("forget", sealed, "Cleo", "--yes"),
    }
    for command in commands.values():
        refused = facewise("gallery", *command, status=1)
        assert "is sealed; give its key (--key-file FILE" in refused.stderr
        facewise("gallery", *command, "--key-file", key)
    stats = facewise("gallery", "stats", sealed, "--json", "-", "--key-file", key)
    content = json.loads(stats.stdout)
    assert (content["people"], content["faces"], content["sealed"]) == (1, 2, True)
    assert (
        "sealed: vectors and chips"
        in facewise("gallery", "stats", sealed, "--key-file", key).stdout
    )


def test_the_environment(
    facewise: Any, sealed: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEWISE_GALLERY_KEY", TEXT)
    assert "Ann" in facewise("gallery", "list", sealed).stdout
    monkeypatch.setenv("FACEWISE_GALLERY_KEY", "a wrong passphrase")
    refused = facewise("gallery", "list", sealed, status=1)
    assert "another key; it was sealed with a key of 32 bytes, got a passphrase" in refused.stderr
    assert "wrong passphrase" not in refused.stderr
    assert "Ann" in facewise("gallery", "list", sealed, "--key-file", key).stdout  # goes first
    plain = tmp_path / "plain.db"
    open_store(plain, ModelFacts({"model": "probe.none"}, 2)).close()
    refused = facewise("gallery", "list", plain, status=1)
    assert "is not sealed, and a key was given" in refused.stderr
    assert "FACEWISE_GALLERY_KEY" in refused.stderr


def test_chips_are_written_as_they_were(
    facewise: Any, sealed: Path, key: Path, tmp_path: Path
) -> None:
    facewise("gallery", "show", sealed, "Ann", "--chips", tmp_path / "chips", "--key-file", key)
    assert (tmp_path / "chips/1.png").read_bytes() == b"chip"


def test_another_key(facewise: Any, sealed: Path, key: Path, tmp_path: Path) -> None:
    copy, new = tmp_path / "copy.db", tmp_path / "new"
    shutil.copy(sealed, copy)
    new.write_text("a long enough passphrase\n")
    change = ("gallery", "change-key", sealed, "--new-key-file", new)
    assert "is sealed" in facewise(*change, status=1).stderr
    assert facewise(*change, "--key-file", key).stdout.endswith("sealed.db: the key was changed\n")
    assert "another key" in facewise("gallery", "list", sealed, "--key-file", key, status=1).stderr
    assert "Ann" in facewise("gallery", "list", sealed, "--key-file", new).stdout
    assert "all is well\n" in facewise("gallery", "check", sealed, "--key-file", new).stdout
    assert "Ann" in facewise("gallery", "list", copy, "--key-file", key).stdout
    new.write_text("short")
    again = ("gallery", "change-key", copy, "--key-file", key, "--new-key-file", new)
    assert "at least 8 characters" in facewise(*again, status=1).stderr


def test_bad_key_files(facewise: Any, sealed: Path, tmp_path: Path) -> None:
    path = tmp_path / "key"
    for content in (None, b"", b"\x80" * 31, b"two\nlines of a secret"):
        if content is not None:
            path.write_bytes(content)
        result = facewise("gallery", "list", sealed, "--key-file", path, status=1)
        assert str(path) in result.stderr
        assert "secret" not in result.stderr
    assert facewise("gallery", "create", tmp_path / "new.db", "--key-file", path, status=1)
    assert not (tmp_path / "new.db").exists()


def test_the_key_is_not_written_over(facewise: Any, sealed: Path, key: Path) -> None:
    for command in ("list", "stats", "check"):
        result = facewise("gallery", command, sealed, "--key-file", key, "--json", key, status=1)
        assert str(key) in result.stderr
    assert key.read_text() == TEXT + "\n"
