"""What is removed from the cache of results is gone from its file, also after an interrupt."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facewise import result_cache
from facewise.faces import EmbeddedFaces, Faces
from facewise.result_cache import ResultCache


def found(seed: int) -> EmbeddedFaces:
    vector = np.random.default_rng(seed).standard_normal((1, 2048)).astype(np.float32)
    return EmbeddedFaces(Faces([[0, 0, 9, 9]], [0.9]), vector, (10, 10))


def filled(path: Path) -> ResultCache:
    cache = ResultCache(path)
    cache._database.execute("PRAGMA secure_delete=OFF")  # which some builds of SQLite have on
    for seed in range(40):
        cache.put(bytes([seed]) * 32, found(seed))
    return cache


def is_seventh(one: EmbeddedFaces) -> bool:
    return bool(one.embeddings[0, 0] == found(7).embeddings[0, 0])


def holds(path: Path, seed: int) -> bool:
    """Whether a piece of a result is in the file (long values are cut up between its pages)."""
    vector = found(seed).embeddings.tobytes()
    held = [file.read_bytes() for file in path.parent.iterdir()]
    return any(vector[at : at + 64] in data for at in range(0, len(vector), 64) for data in held)


def test_what_is_removed_is_erased(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    with filled(path) as cache:
        assert cache.remove(is_seventh) == 1
        assert cache.get(bytes([7]) * 32) is None
        assert cache.get(bytes([8]) * 32) is not None
        assert [holds(path, 7), holds(path, 8)] == [False, True]
        size = path.stat().st_size
        assert cache.remove(lambda _: False) == 0
        assert path.stat().st_size == size


@pytest.mark.parametrize("completed_by", ["remove", "erase"])
def test_an_interrupted_removal_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, completed_by: str
) -> None:
    path = tmp_path / "results.sqlite"

    def killed(self: ResultCache) -> None:
        raise KeyboardInterrupt

    with filled(path) as cache, monkeypatch.context() as patch:
        patch.setattr(ResultCache, "erase", killed)
        with pytest.raises(KeyboardInterrupt):
            cache.remove(is_seventh)
    assert holds(path, 7)  # what it would be about
    with ResultCache(path) as cache:
        assert cache.get(bytes([7]) * 32) is None
        if completed_by == "remove":
            assert cache.remove(lambda _: False) == 0
        else:
            cache.erase()
    assert not holds(path, 7)


def test_a_reader_in_the_way_is_named_and_the_rest_done_later(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    reader = sqlite3.connect(path, isolation_level=None)
    with filled(path) as cache:
        cache._database.execute("PRAGMA busy_timeout=50")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM found_1").fetchone()
        with pytest.raises(OSError, match=r"results cannot be removed .*results\.sqlite"):
            cache.remove(lambda _: True)
        reader.execute("ROLLBACK")
        cache.erase()
        assert not holds(path, 7)
    reader.close()


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache with results that a backup, for example, holds for itself."""
    monkeypatch.setattr(result_cache, "_WAIT", 0.05)
    path = tmp_path / "results.sqlite"
    filled(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    other.execute("CREATE TABLE mine (x)")
    yield path
    other.close()


def test_a_cache_that_cannot_be_opened_is_in_nobodys_way(locked: Path) -> None:
    with ResultCache(locked) as cache:
        cache.put(b"k" * 32, found(1))
        assert cache.get(b"k" * 32) is not None


def test_whoever_removes_is_told_that_it_cannot_be_opened(locked: Path) -> None:
    with pytest.raises(OSError, match=r"cannot be opened .*locked.*results\.sqlite"):
        ResultCache(locked, strict=True)


def test_a_damaged_file_is_replaced_also_for_those_who_remove(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    path.write_bytes(b"no database, " * 100)
    with ResultCache(path, strict=True) as cache:
        cache.put(b"k" * 32, found(1))
    assert path.read_bytes().startswith(b"SQLite format 3")
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=r"results\.sqlite"):
        ResultCache(path, strict=True)


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize("old", [False, True])
def test_only_the_owner_can_read_it(tmp_path: Path, old: bool) -> None:
    path = tmp_path / "new" / "results.sqlite"
    before = os.umask(0o022)
    try:
        if old:
            path.parent.mkdir()
            sqlite3.connect(path).execute("PRAGMA journal_mode=WAL").connection.close()
            path.with_name("results.sqlite-wal").touch()
            assert mode(path) == 0o644
        with ResultCache(path) as cache:
            cache.put(b"k" * 32, found(1))
            files = sorted(path.parent.iterdir())
            assert [mode(file) for file in files] == [0o600] * 3
    finally:
        os.umask(before)
    # A folder that is there may be shared on purpose: models are in it too.
    assert mode(path.parent) == (0o755 if old else 0o700)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
