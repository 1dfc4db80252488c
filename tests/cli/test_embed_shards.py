"""`facewise embed … --out DIR`."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import facewise as package

pytest.importorskip("pyarrow", reason="shards need pyarrow: pip install 'facewise[shards]'")

from facewise.shards import open_shards


def test_shards(facewise: Any, examples: Path, tmp_path: Path) -> None:
    out, text = tmp_path / "vectors", tmp_path / "run.json"
    command = ["embed", examples / "people", "--out", out, "--shard-size", 2]
    result = facewise(*command, "--json", text)
    assert result.stdout.splitlines() == [
        f"2 of 2 shards written: {out}",
        "3 pictures, 3 faces, 0 pictures without a face; model dlib_resnet29.dlib",
    ]
    content = json.loads(text.read_text())
    assert {key: content[key] for key in ("out", "shards", "written", "kept", "faces")} == {
        "out": str(out),
        "shards": 2,
        "written": 2,
        "kept": 0,
        "faces": 3,
    }
    assert content["weights"] == package.load_embedder().weight_hash
    batches = list(open_shards(out).batches())
    keys = [key for batch in batches for key in batch.keys]
    vectors = np.concatenate(package.embed([examples / "people" / key for key in keys]))
    np.testing.assert_allclose(
        np.concatenate([batch.vectors for batch in batches]), vectors, atol=1e-5
    )
    again = facewise(*command, "--json", "-")
    assert json.loads(again.stdout)["kept"] == 2
    again = facewise(*command)
    assert again.stdout.splitlines()[0] == f"0 of 2 shards written, 2 were there: {out}"
    part = facewise(*command[:3], tmp_path / "parts", *command[4:], "--part", "2/2")
    assert part.stdout.splitlines()[0] == f"1 of 1 shards written: {tmp_path / 'parts'}"


def test_what_cannot_be_read(facewise: Any, examples: Path, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "vectors"
    shutil.copytree(examples / "people", photos)
    (photos / "bro\nken.jpg").write_bytes(b"x")
    result = facewise("embed", photos, "--out", out, status=1)
    assert result.stderr.splitlines() == [
        "failed: 1 of 4",
        f"  {photos}/bro\\nken.jpg: not an image file that Pillow can read",
        "--retry-failed does their shards again",
    ]
    assert facewise("embed", photos, "--out", out, "--retry-failed", status=1).stdout.startswith(
        "1 of 1 shards written:"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--out", "a.npz", "--chips", "--part", "1/2"], 2, "--chips, --part: with shards only"),
        (["--json", "-", "--ray"], 2, "--ray: with shards only, so with --out DIR"),
        (["--out", "v", "--part", "3/2"], 2, "--part: expected I/N with I from 1 to N"),
        (["--out", "v", "--part", "x"], 2, "--part: expected I/N"),
        (["--out", "v", "--aligned", "--detector", "mtcnn"], 2, "take no --detector"),
        (["--out", "v", "--detector", "scrfd_500m", "--mode", "fast"], 2, "mode"),
        (["--out", "v", "--model", "nobody"], 1, "unknown model 'nobody'"),
        (["--out", "nosuch://v"], 1, "nosuch://v"),
    ],
)
def test_wrong_usage(
    facewise: Any, examples: Path, tmp_path: Path, monkeypatch: Any, arguments: list[str],
    status: int, message: str,
) -> None:  # fmt: skip
    if "scrfd_500m" in arguments:
        shared = Path(os.environ.get("FACEWISE_SHARED", examples.parents[1] / "shared"))
        weights = shared / "weights" / "scrfd_500m_bnkps.onnx"
        if not weights.exists():
            pytest.skip("no weights of scrfd_500m")
        arguments = [f"scrfd_500m={weights}" if a == "scrfd_500m" else a for a in arguments]
    monkeypatch.chdir(tmp_path)
    result = facewise("embed", examples / "people", *arguments, status=status)
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert not list(tmp_path.glob("v/*.parquet"))


def test_refused_by_name(facewise: Any, examples: Path, tmp_path: Path) -> None:
    out = tmp_path / "vectors"
    facewise("embed", examples / "people", "--out", out)
    result = facewise("embed", examples / "people", "--out", out, "--chips", status=1)
    assert result.stderr == (
        f"error: {out}: was begun with chips False; this run has chips True; use the same "
        "settings, or another folder\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_an_interrupted_run_goes_on(
    process: Any, examples: Path, tmp_path: Path, workers: int
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "vectors"
    photos.mkdir()
    with Image.open(examples / "photos/obama.jpg") as image:
        image.thumbnail((400, 400))
        image.save(photos / "000.jpg")
    for number in range(1, 100):
        shutil.copy(photos / "000.jpg", photos / f"{number:03}.jpg")

    def interrupt(child: subprocess.Popen[bytes]) -> None:
        while not list(out.glob("*.parquet")) and child.poll() is None:
            select.select([], [], [], 0.05)
        child.send_signal(signal.SIGINT)

    command = ["embed", photos, "--out", out, "--shard-size", 5, "--workers", workers]
    result = process(*command, meanwhile=interrupt)
    assert result.returncode == 130
    assert result.stderr.decode().splitlines() == [
        f"{out}: finished shards stay; the same command goes on from there",
        "interrupted",
    ]
    first = len(open_shards(out, partial=True).counts)
    assert 0 < first < 20
    assert not list(out.glob(".*")) or workers > 1
    text = tmp_path / "run.json"
    result = process(*command, "--json", text)
    assert (result.returncode, result.stderr) == (0, b"")
    run = json.loads(text.read_text())
    assert (run["kept"], run["written"]) == (first, 20 - first)
    assert (run["pictures"], run["faces"]) == (100, 100)
    assert not list(out.glob(".*"))
