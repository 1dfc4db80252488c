from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facewise.errors import ModelError
from facewise.zoo import ModelSpec, check, file_sha256, hashing
from facewise.zoo.hashing import expected_sha256, record_sha256

MakeSpec = Callable[..., ModelSpec]


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as old enough to be remembered at once."""
    monkeypatch.setattr(hashing, "_SETTLED_NS", -1)


def memos(cache: Path) -> list[Path]:
    return list((cache / "hashes").glob("*")) if cache.exists() else []


def test_sha256_of_any_length(tmp_path: Path) -> None:
    for content in (b"", b"abc", bytes(range(256)) * 8193):  # the last one: beyond two pieces
        path = tmp_path / "file"
        path.write_bytes(content)
        assert file_sha256(path) == hashlib.sha256(content).hexdigest()
        assert file_sha256(str(path)) == hashlib.sha256(content).hexdigest()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent: cannot be read \(No such file"):
        file_sha256(tmp_path / "absent")


@pytest.mark.usefixtures("settled")
def test_unchanged_file_is_not_read_again(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    digest = file_sha256(path)
    (memo,) = memos(cache)
    known = json.loads(memo.read_text())
    memo.write_text(json.dumps({**known, "sha256": "from memory"}))
    assert file_sha256(path) == "from memory"
    assert file_sha256(path, memo=False) == digest


@pytest.mark.usefixtures("settled")
def test_changed_file_is_hashed_again(tmp_path: Path) -> None:
    """Same size and same dates of modification: the change time gives it away."""
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    dates = path.stat()
    file_sha256(path)
    time.sleep(0.02)  # more than the tick of the file system's clock
    path.write_bytes(b"xyz")
    os.utime(path, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    assert path.stat().st_mtime_ns == dates.st_mtime_ns
    assert file_sha256(path) == hashlib.sha256(b"xyz").hexdigest()


def test_fresh_file_is_not_remembered(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    file_sha256(path)
    assert memos(cache) == []


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("text", ["", "not json", "[]", "{}", '{"stamp": 1, "sha256": "x"}'])
def test_damaged_memory_is_ignored(tmp_path: Path, cache: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    digest = file_sha256(path)
    memos(cache)[0].write_text(text)
    assert file_sha256(path) == digest


@pytest.mark.usefixtures("settled")
def test_cache_that_cannot_be_written_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    monkeypatch.setenv("FACEWISE_CACHE", str(path))  # a file, where a folder cannot be
    assert file_sha256(path) == hashlib.sha256(b"abc").hexdigest()


def test_check(tmp_path: Path, body: bytes, make_spec: MakeSpec) -> None:
    path = tmp_path / "probe.bin"
    path.write_bytes(body)
    check(make_spec(), path)
    check(make_spec(size=None), path)
    with pytest.raises(ModelError, match=f"damaged: {len(body)} bytes, expected 1"):
        check(make_spec(size=1), path)
    with pytest.raises(ModelError, match=r"damaged: sha256 is \w{64}, expected 0000"):
        check(make_spec(sha256="0" * 64), path)
    with pytest.raises(ModelError, match="cannot be read"):
        check(make_spec(), tmp_path / "absent")


def test_record_stands_for_a_missing_sha256(tmp_path: Path, make_spec: MakeSpec) -> None:
    path = tmp_path / "probe.bin"
    path.write_bytes(b"abc")
    unknown = make_spec(size=None, sha256=None)
    assert expected_sha256(unknown, path) is None
    check(unknown, path)
    record_sha256(path, "0" * 64)
    assert expected_sha256(unknown, path) == "0" * 64
    with pytest.raises(ModelError, match="if you replaced it on purpose, delete"):
        check(unknown, path)
    published = make_spec()
    assert expected_sha256(published, path) == published.weights.sha256


@pytest.mark.parametrize("content", [b"", b"0" * 63, b"0" * 65, b"\xff\xfe"])
def test_record_that_is_none(tmp_path: Path, make_spec: MakeSpec, content: bytes) -> None:
    path = tmp_path / "probe.bin"
    path.write_bytes(b"abc")
    (tmp_path / "probe.bin.sha256").write_bytes(content)
    with pytest.raises(ModelError, match=r"probe\.bin\.sha256: "):
        expected_sha256(make_spec(sha256=None), path)
