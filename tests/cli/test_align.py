"""`facewise align SRC DST`."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from facewise.aligning import read_boxes
from facewise.images import load
from facewise.recognition.folders import pictures_in


@pytest.fixture
def photos(examples: Path, tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for name in ("obama/1.jpg", "obama/2.jpg", "biden/1.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((examples / "people" / name).read_bytes())
    Image.new("RGB", (90, 80), (10, 90, 40)).save(root / "grass.png")
    return root


def test_margin_crops(facewise: Any, photos: Path, tmp_path: Path) -> None:
    out, boxes = tmp_path / "chips", tmp_path / "boxes.txt"
    arguments = ["align", photos, out, "--image-size", "182", "--margin", "44", "--boxes", boxes]
    result = facewise(*arguments)
    assert result.stdout == f"3 chips of 182×182 pixels: {out}\n"
    assert result.stderr == (f"no chip: 1 of 4 photos\n  {photos}/grass.png: no face found\n")
    assert {p.relative_to(out).as_posix() for p in out.rglob("*.png")} == {
        "obama/1.png", "obama/2.png", "biden/1.png",
    }  # fmt: skip
    with Image.open(out / "obama/1.png") as chip:
        assert chip.size == (182, 182)
    assert {line.path: line.box is None for line in read_boxes(boxes)} == {
        f"{out}/{name}.png": name == "grass" for name in ("obama/1", "obama/2", "biden/1", "grass")
    }
    listed = boxes.read_bytes()
    (photos / "bad.jpg").write_bytes(b"bad")
    content = json.loads(facewise(*arguments, "--json", "-", status=1).stdout)
    assert (content["cut"], content["kept"], content["photos"]) == (0, 3, 5)
    assert content["crop"] == "MarginCrop(size=182, margin=44)"
    assert [(Path(f["image"]).name, f["faceless"]) for f in content["failures"]] == [
        ("bad.jpg", False),
        ("grass.png", True),
    ]
    assert boxes.read_bytes() == listed
    result = facewise("align", photos, out, "--image-size", "160", status=1)
    assert "holds chips that were cut with another crop" in result.stderr


def test_five_points(facewise: Any, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "chips"
    facewise("align", photos, out, "--five-point", "--select", "all", "--suffix", "webp")
    assert {p.relative_to(out).as_posix() for p in out.rglob("*.webp")} == {
        "obama/1_0.webp", "obama/2_0.webp", "biden/1_0.webp",
    }  # fmt: skip
    with Image.open(out / "obama/1_0.webp") as chip:
        assert chip.size == (112, 112)
    facewise("align", photos, tmp_path / "large", "--five-point", "--image-size", "224")
    with Image.open(tmp_path / "large/obama/1.png") as chip:
        assert chip.size == (224, 224)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "DST, or --out DIR"),
        (["d", "--out", "e"], "DST, or --out DIR"),
        (["d", "--margin", "3"], "--margin: goes with --image-size"),
        (["d", "--image-size", "90", "--margin", "90"], "margin must lie in"),
        (["d", "--image-size", "90", "--model", "mobilefacenet.ms1m"], "another"),
        (["d", "--five-point", "--backbone", "mobilefacenet"], "another"),
        (["d", "--input-size", "90"], "goes with --backbone"),
        (["d", "--image-size", "100000"], "4096"),
    ],
)
def test_wrong_usage(facewise: Any, photos: Path, options: list[str], message: str) -> None:
    result = facewise("align", photos, *options, status=2)
    assert message in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_interrupted(photos: Path, tmp_path: Path, process: Any, facewise: Any) -> None:
    source = photos / "obama/1.jpg"
    for number in range(300):
        (photos / "many" / f"{number}.jpg").parent.mkdir(exist_ok=True)
        (photos / "many" / f"{number}.jpg").symlink_to(source)
    out = tmp_path / "chips"

    def interrupt(child: Any) -> None:
        deadline = time.monotonic() + 60
        while not list(out.glob("many/*.png")) and time.monotonic() < deadline:
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)

    result = process("align", photos, out, "--image-size", "160", meanwhile=interrupt)
    assert result.returncode == 130
    assert b"the same command goes on from there\ninterrupted" in result.stderr
    chips = list(pictures_in(out))
    assert 0 < len(chips) < 303
    assert not list(out.glob("**/*.parts/*"))
    for path in list((photos / "many").iterdir())[3:]:
        path.unlink()
    times = {path: path.stat().st_mtime_ns for path in chips}
    facewise("align", photos, out, "--image-size", "160")
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())


def test_results_over_photos_are_refused(facewise: Any, photos: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in photos.rglob("*.jpg")}
    for option in ("--json", "--boxes"):
        said = facewise("align", photos, tmp_path / "d", option, photos / "obama/1.jpg", status=1)
        assert "would overwrite a picture that is read" in said.stderr
    said = facewise("export", photos, "--means", tmp_path / "m.npz", "--json",
                    photos / "obama/1.jpg", status=1)  # fmt: skip
    assert "would overwrite a picture that is read" in said.stderr
    assert {path: path.read_bytes() for path in photos.rglob("*.jpg")} == before


@pytest.mark.shared
def test_for_a_model_with_weights_of_ones_own(
    facewise: Any, photos: Path, tmp_path: Path, shared: Any
) -> None:
    weights = shared("weights/mobilefacenet-ms1m-128d.pt")
    facewise("align", photos, tmp_path / "d", "--model", f"mobilefacenet={weights}")
    assert load(next((tmp_path / "d").rglob("*.png"))).shape == (112, 112, 3)
