"""Forgetting when the user's cache of results cannot be reached: never called done, done later."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from facewise import Gallery, result_cache
from facewise.errors import GalleryError
from facewise.faces import EmbeddedFaces, Faces
from facewise.gallery import ModelFacts, NewFace, open_store
from facewise.result_cache import ResultCache, results_file


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a photo of Ann."""
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(result_cache, "_WAIT", 0.05)
    photo = EmbeddedFaces(Faces([[0, 0, 9, 9]], [0.9]), np.eye(1, 8, dtype=np.float32), (9, 9))
    with ResultCache() as kept:
        kept.put(b"k" * 32, photo)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    facts = ModelFacts({"model": "probe.none"}, 8)
    with Gallery(open_store(tmp_path / "people.db", create=facts)) as made:
        with made.store.change() as change:
            change.add_faces(change.add_person("Ann"), [NewFace(np.eye(1, 8)[0])])
        yield made


@contextmanager
def locked() -> Iterator[None]:
    """Another program has the cache for itself."""
    with closing(sqlite3.connect(results_file(), isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE mine (x)")
        yield


def is_cached() -> bool:
    with ResultCache() as kept:
        return kept.get(b"k" * 32) is not None


def test_nobody_is_forgotten_while_the_cache_cannot_be_opened(gallery: Gallery) -> None:
    with locked(), pytest.raises(GalleryError, match=r"results\.sqlite.*nothing was removed"):
        gallery.forget("Ann")
    assert is_cached()
    assert gallery.forget("Ann").cached_results == 1
    assert not is_cached()


def test_a_cache_that_closes_meanwhile_is_erased_later(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ResultCache, "erase", lambda _: None)  # killed before it came to that
        gallery.forget("Ann")
    with locked(), pytest.raises(GalleryError, match=r"results\.sqlite.*run purge-expired again"):
        gallery.purge_expired()
    gallery.purge_expired()
    with closing(sqlite3.connect(results_file())) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (0,)


def test_a_file_in_the_place_of_the_folder_is_named(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results_file().unlink()
    results_file().mkdir()
    with pytest.raises(GalleryError, match=r"results\.sqlite"):
        gallery.forget("Ann")
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "elsewhere"))
    assert gallery.forget("Ann").faces == 1
