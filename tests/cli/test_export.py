"""`facewise export`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facewise.export import open_export


@pytest.fixture
def photos(examples: Path, tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for name in ("obama/1.jpg", "obama/2.jpg", "biden/1.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((examples / "people" / name).read_bytes())
    return root


def test_faces_and_means(facewise: Any, photos: Path, tmp_path: Path) -> None:
    out, means = tmp_path / "faces.h5", tmp_path / "means.npz"
    result = facewise("export", photos, "--out", out, "--means", means)
    assert result.stdout == (
        f"3 faces of 3 pictures: {out}\n2 people: {means}\nmodel dlib_resnet29.dlib\n"
    )
    export = open_export(out)
    assert (sorted(export.names), export.vectors.shape) == (["biden", "obama", "obama"], (3, 128))
    npz = tmp_path / "embed.npz"
    facewise("embed", photos, "--out", npz)
    arrays = np.load(npz)
    for image, vector in zip(arrays["images"], arrays["embeddings"], strict=True):
        key = Path(str(image)).relative_to(photos).as_posix()
        own = export.vectors[export.sources.index(key)]
        np.testing.assert_allclose(own, vector, atol=1e-5)
    result = facewise("export", photos, "--out", out, status=1)
    assert result.stderr == f"error: {out}: is there already; choose another name, or --force\n"
    (photos / "bad.jpg").write_bytes(b"bad")
    result = facewise("export", photos, "--out", out, "--force", "--json", "-", status=1)
    content = json.loads(result.stdout)
    assert (content["pictures"], content["faces"], content["failed"]) == (4, 3, 1)
    assert content["problems"] == [
        {
            "image": f"{photos}/bad.jpg",
            "error": "not an image file that Pillow can read",
            "faceless": False,
        }
    ]
    assert "no row: 1 of 4 pictures\n" in result.stderr


def test_aligned_chips_are_as_photos(facewise: Any, photos: Path, tmp_path: Path) -> None:
    facewise("align", photos, tmp_path / "chips")
    facewise("export", tmp_path / "chips", "--aligned", "--out", tmp_path / "chips.parquet")
    facewise("export", photos, "--out", tmp_path / "photos.parquet")
    chips, plain = (open_export(tmp_path / f"{name}.parquet") for name in ("chips", "photos"))
    assert [Path(s).stem for s in chips.sources] == [Path(s).stem for s in plain.sources]
    np.testing.assert_allclose(chips.vectors, plain.vectors, atol=1e-4)
    chips.require(plain)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--out FILE, --means FILE, or both"),
        (["--out", "a.npz", "--aligned", "--detector", "mtcnn"], "take no --detector"),
        (["--out", "a.npz", "--aligned", "--select", "all"], "take no --detector"),
        (["--means", "a.npz", "--select", "all"], "goes not with --select all"),
    ],
)
def test_wrong_usage(facewise: Any, photos: Path, options: list[str], message: str) -> None:
    result = facewise("export", photos, *options, status=2)
    assert message in " ".join(result.stderr.replace("│", " ").split())
