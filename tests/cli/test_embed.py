from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import facewise as package


def test_the_arrays(facewise: Any, examples: Path, tmp_path: Path) -> None:
    photos = [examples / "photos/montage.jpg", examples / "photos/astronaut.jpg"]
    out, text = tmp_path / "vectors.npz", tmp_path / "vectors.json"
    facewise("embed", *photos, "--out", out, "--json", text)
    with np.load(out, allow_pickle=False) as arrays:
        content = dict(arrays)
    assert sorted(content) == [
        "boxes", "embeddings", "images", "landmarks", "model", "scores", "weights"
    ]  # fmt: skip
    embedder = package.load_embedder()
    vectors = package.embed(photos)
    np.testing.assert_allclose(content["embeddings"], np.concatenate(vectors), atol=1e-6)
    assert content["embeddings"].dtype == np.float32
    faces = package.detect(photos)
    np.testing.assert_array_equal(content["boxes"], np.concatenate([f.boxes for f in faces]))
    np.testing.assert_array_equal(content["scores"], np.concatenate([f.scores for f in faces]))
    assert content["landmarks"].shape == (4, 5, 2)
    assert content["images"].tolist() == [str(photos[0])] * 3 + [str(photos[1])]
    assert str(content["model"]) == embedder.spec.id
    assert str(content["weights"]) == embedder.weight_hash

    written = json.loads(text.read_text())
    assert list(written) == ["model", "weights", "images"]
    rows = [face["embedding"] for image in written["images"] for face in image["faces"]]
    np.testing.assert_allclose(rows, content["embeddings"], atol=1e-7)


def test_no_faces_at_all(facewise: Any, tmp_path: Path) -> None:
    out = tmp_path / "vectors.npz"
    result = facewise("embed", tmp_path / "missing.jpg", "--out", out, status=1)
    assert "failed: 1 of 1" in result.stderr
    with np.load(out, allow_pickle=False) as arrays:
        assert arrays["embeddings"].shape == (0, 128)
        assert arrays["boxes"].shape == (0, 4)
        assert arrays["images"].shape == (0,)
