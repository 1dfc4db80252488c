from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import facewise as package


def test_json_is_what_the_package_finds(facewise: Any, examples: Path) -> None:
    photo = examples / "photos/montage.jpg"
    content = json.loads(facewise("detect", photo, "--json", "-").stdout)
    [faces] = package.detect(photo)
    assert content == {
        "model": "mtcnn",
        "images": [{"image": str(photo), "faces": faces.records(), "error": None}],
    }
    assert [list(face) for face in content["images"][0]["faces"]] == [
        ["box", "score", "landmarks"]
    ] * 3


def test_broken_files_among_good_ones(facewise: Any, examples: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my photos – été"
    folder.mkdir()
    shutil.copy(examples / "photos/astronaut.jpg", folder / "good one.jpg")
    whole = (examples / "photos/obama.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("no picture")
    Image.new("L", (1, 1)).save(folder / "tiny.png")
    (folder / "notes.txt").write_text("not looked at")
    out = tmp_path / "faces.json"
    result = facewise("detect", folder, tmp_path / "missing.jpg", "--json", out, status=1)
    images = {Path(i["image"]).name: i for i in json.loads(out.read_text())["images"]}
    assert list(images) == [
        "cut.jpg", "empty.png", "good one.jpg", "text.jpg", "tiny.png", "missing.jpg"
    ]  # fmt: skip
    assert [len(i["faces"]) for i in images.values()] == [0, 0, 1, 0, 0, 0]
    assert [i["error"] is None for i in images.values()] == [
        False, False, True, False, True, False
    ]  # fmt: skip
    lines = result.stderr.splitlines()
    assert lines[0] == "failed: 4 of 6"
    assert lines[-1] == f"  {tmp_path / 'missing.jpg'}: no such file"
    assert len(lines) == 5
    assert f"{folder / 'good one.jpg'}: 1 face\n" in result.stdout


def test_options_reach_the_detector(facewise: Any, examples: Path) -> None:
    photo = examples / "photos/montage.jpg"

    def found(*options: str) -> Any:
        content = json.loads(facewise("detect", photo, "--json", "-", *options).stdout)
        return content["images"][0]["faces"]

    every = found()
    assert len(every) == 3
    [large] = package.load_detector(min_face_size=250).detect(photo)
    assert found("--min-face-size", "250") == large.records() != every
    scores = sorted(face["score"] for face in every)
    assert [face["score"] for face in found("--min-score", repr(scores[1]))] == scores[:0:-1]


def test_annotated_pictures(facewise: Any, examples: Path, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    shutil.copy(examples / "photos/astronaut.jpg", tmp_path / "one" / "x.jpg")
    shutil.copy(examples / "photos/montage.jpg", tmp_path / "two" / "x.jpg")
    before = {p: p.read_bytes() for p in tmp_path.rglob("x.jpg")}
    out = tmp_path / "out"
    result = facewise("detect", tmp_path / "one", tmp_path / "two", "--out", out)
    assert result.stdout.splitlines()[-1] == f"pictures in {out}"
    assert sorted(p.name for p in out.iterdir()) == ["x-2.jpg", "x.jpg"]
    assert {p: p.read_bytes() for p in before} == before
    with Image.open(out / "x.jpg") as drawn, Image.open(tmp_path / "one/x.jpg") as source:
        difference = np.abs(np.asarray(drawn).astype(int) - np.asarray(source)).max(axis=2)
    [faces] = package.detect(tmp_path / "one/x.jpg")
    x1, y1, _, y2 = faces.boxes[0].astype(int)
    assert (difference[y1 + 10 : y2 - 10, x1] > 50).mean() > 0.9
    assert (difference[y2 + 40 :] > 50).mean() < 0.001


def test_an_output_folder_inside_the_photos_is_not_read_again(
    facewise: Any, examples: Path, tmp_path: Path
) -> None:
    shutil.copy(examples / "photos/astronaut.jpg", tmp_path / "x.jpg")
    for _ in range(2):
        result = facewise("detect", tmp_path, "--out", tmp_path / "drawn")
        assert result.stdout.count(": 1 face") == 1
    assert [p.name for p in (tmp_path / "drawn").rglob("*")] == ["x.jpg"]


def test_inputs_are_never_overwritten(facewise: Any, examples: Path, tmp_path: Path) -> None:
    photo = tmp_path / "x.jpg"
    shutil.copy(examples / "photos/astronaut.jpg", photo)
    content = photo.read_bytes()
    result = facewise("detect", photo, "--out", tmp_path, status=1)
    assert result.stderr == f"error: --out {tmp_path}: {photo} lies in it; choose another folder\n"
    result = facewise("detect", photo, "--json", photo, status=1)
    assert f"would overwrite {photo}, which is read" in result.stderr
    assert photo.read_bytes() == content


def test_standard_input(facewise: Any, process: Any, examples: Path, tmp_path: Path) -> None:
    content = (examples / "photos/astronaut.jpg").read_bytes()
    result = process("detect", "-", "--json", "-", "--out", tmp_path / "out", input=content)
    assert (result.returncode, result.stderr) == (0, b"")
    [image] = json.loads(result.stdout)["images"]
    assert (image["image"], len(image["faces"]), image["error"]) == ("-", 1, None)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["stdin.png"]
    result = facewise("detect", "-", input=b"", status=1)
    assert "-: empty, expected the content of an image file" in result.stderr


def test_folders_and_patterns_without_pictures(
    facewise: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = facewise("detect", ".", "x/*.jpg", "--out", "out", status=1)
    assert result.stderr.splitlines() == [
        "failed: 2 of 2",
        "  .: no pictures in this folder",
        "  x/*.jpg: no picture matches",
    ]


@pytest.mark.parametrize("pattern", ["*.jpg", "**/astro*.jpg"])
def test_patterns(facewise: Any, examples: Path, pattern: str) -> None:
    result = facewise("detect", examples / "photos" / pattern)
    assert f"{examples / 'photos/astronaut.jpg'}: 1 face" in result.stdout


def test_names_are_shown_as_they_are(process: Any, examples: Path, tmp_path: Path) -> None:
    name = "[bold]x :smile: 日本.jpg"
    shutil.copy(examples / "photos/astronaut.jpg", tmp_path / name)
    result = process("detect", name, cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout.decode().splitlines()[0] == f"{name}: 1 face"
