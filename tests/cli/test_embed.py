from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import facewise as package
from facewise.result_cache import ResultCache


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
    # Within rounding, which the number of threads of an operation changes.
    boxes, scores = (np.concatenate([getattr(f, k) for f in faces]) for k in ("boxes", "scores"))
    np.testing.assert_allclose(content["boxes"], boxes, atol=1e-3)
    np.testing.assert_allclose(content["scores"], scores, atol=1e-6)
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


def test_bad_files_among_many(facewise: Any, examples: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        shutil.copy(examples / "photos/obama.jpg", folder / f"{number:02}.jpg")
    (folder / "05.jpg").write_bytes(b"broken")
    text = tmp_path / "vectors.json"
    result = facewise("embed", folder, tmp_path / "gone.jpg", "--json", text, status=1)
    images = json.loads(text.read_text())["images"]
    assert [Path(image["image"]).name for image in images] == [
        *(f"{number:02}.jpg" for number in range(12)),
        "gone.jpg",
    ]
    assert [len(image["faces"]) for image in images] == [1] * 5 + [0] + [1] * 6 + [0]
    assert result.stderr.splitlines() == [
        "failed: 2 of 13",
        f"  {folder / '05.jpg'}: not an image file that Pillow can read",
        f"  {tmp_path / 'gone.jpg'}: no such file",
    ]


@pytest.mark.parametrize("cached", [True, False])
def test_the_cache(facewise: Any, examples: Path, tmp_path: Path, cached: bool) -> None:
    option = ["--cache"] if cached else ["--no-cache"]
    photo, out = examples / "photos/astronaut.jpg", tmp_path / "one.npz"
    facewise("embed", photo, "--out", out, *option)
    assert (tmp_path / "cache" / "results.sqlite").exists() is cached
    facewise("embed", photo, "--out", tmp_path / "two.npz", *option)
    assert out.read_bytes() == (tmp_path / "two.npz").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupted_run_goes_on(process: Any, examples: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    content = (examples / "photos/obama.jpg").read_bytes()
    for number in range(300):
        (photos / f"{number:03}.jpg").write_bytes(content + bytes([number % 256, number // 256]))
    cache = tmp_path / "cache" / "results.sqlite"

    def kept() -> int:
        with ResultCache(cache) as store:
            count: int = store._database.execute("SELECT count(*) FROM found_1").fetchone()[0]
        return count

    def interrupt(child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (cache.exists() and kept()):
            time.sleep(0.1)
        child.send_signal(signal.SIGINT)

    out = tmp_path / "vectors.npz"
    result = process("embed", photos, "--out", out, meanwhile=interrupt)
    assert (result.returncode, result.stdout, result.stderr) == (130, b"", b"interrupted\n")
    assert not out.exists()
    first = kept()
    assert 0 < first < 300
    few = sorted(photos.iterdir())[:4]
    assert process("embed", *few, "--out", out).returncode == 0
    with np.load(out) as arrays:
        assert arrays["embeddings"].shape == (4, 128)
    assert kept() == max(first, 4)  # what was there was not looked for again
