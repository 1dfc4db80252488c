from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facewise.embedding import load_embedder
from facewise.evaluation import vector_cache
from facewise.evaluation.vector_cache import VectorCache, vectors_key
from facewise.evaluation.vectors import ImageVectors


@pytest.fixture
def found() -> ImageVectors:
    vectors = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    vectors[2] = np.nan
    return ImageVectors(vectors, {2: "no face found – ever"}, np.full((5, 4), np.nan, np.float32))


def test_gives_back_what_it_got(tmp_path: Path, found: ImageVectors) -> None:
    VectorCache(tmp_path).put("key", found)
    kept = VectorCache(tmp_path).get("key")
    assert kept is not None
    np.testing.assert_array_equal(kept.vectors, found.vectors)
    np.testing.assert_array_equal(kept.boxes, found.boxes)
    assert kept.failures == found.failures
    assert VectorCache(tmp_path).get("other") is None


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_what_is_damaged_is_not_there(
    tmp_path: Path, found: ImageVectors, damage: bytes | None
) -> None:
    VectorCache(tmp_path).put("key", found)
    file = tmp_path / "key.npz"
    file.write_bytes(file.read_bytes()[:-40] if damage is None else damage)
    assert VectorCache(tmp_path).get("key") is None


def test_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "key.npz", vectors=np.array([{}]), boxes=np.zeros((1, 4)), failures="[]")
    assert VectorCache(tmp_path).get("key") is None


def test_where_nothing_can_be_written(tmp_path: Path, found: ImageVectors) -> None:
    (tmp_path / "file").touch()
    VectorCache(tmp_path / "file").put("key", found)
    assert VectorCache(tmp_path / "file").get("key") is None


def test_large_sets_are_left_to_the_other_cache(
    tmp_path: Path, found: ImageVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_cache, "_LARGEST", 100)
    VectorCache(tmp_path).put("key", found)
    assert list(tmp_path.iterdir()) == []


def test_the_key_knows_what_decides() -> None:
    plain, flipped = load_embedder(flip=False), load_embedder(flip=True)
    keys = {
        vectors_key("a", plain, "chips"),
        vectors_key("b", plain, "chips"),
        vectors_key("a", flipped, "chips"),
        vectors_key("a", plain, {"mode": "exact"}),
    }
    assert len(keys) == 4
    assert vectors_key("a", load_embedder(flip=False), "chips") in keys
