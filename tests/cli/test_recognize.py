from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from facewise.recognition import recognize


def test_the_example_photos(process: Any, examples: Path, tmp_path: Path) -> None:
    out, text = tmp_path / "out", tmp_path / "names.json"
    result = process(
        "recognize", "photos", "--people", "people", "--out", out, "--json", text, cwd=examples
    )
    assert (result.returncode, result.stderr) == (0, b"")
    content = json.loads(text.read_text())
    assert list(content) == ["model", "threshold", "far", "images"]
    assert (content["model"], content["far"]) == ("dlib_resnet29.dlib", 1e-3)
    names = {
        image["image"]: [f["name"] for f in sorted(image["faces"], key=lambda f: f["box"][0])]
        for image in content["images"]
    }
    assert names == {
        "photos/astronaut.jpg": ["unknown"],
        "photos/montage.jpg": ["obama", "biden", "unknown"],
        "photos/obama.jpg": ["obama"],
    }
    keys = ["box", "score", "landmarks", "name", "similarity"]
    for image in content["images"]:
        assert list(image) == ["image", "faces", "error"]
        assert [list(face) for face in image["faces"]] == [keys] * len(image["faces"])
    assert sorted(p.name for p in out.iterdir()) == ["astronaut.jpg", "montage.jpg", "obama.jpg"]
    shown = result.stdout.decode()
    assert f"threshold {content['threshold']:.4f}, FAR 0.001 on " in shown
    assert "photos/montage.jpg: 3 faces\n" in shown


def test_json_is_what_the_package_gives(facewise: Any, examples: Path) -> None:
    photos, people = examples / "photos", examples / "people"
    result = facewise("recognize", photos, "--people", people, "--threshold", "0.93", "--json", "-")
    expected = recognize(photos, people, threshold=0.93, cache=False).to_dict()
    assert json.loads(result.stdout) == expected


def test_failures_are_listed(facewise: Any, examples: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    photo = examples / "photos/obama.jpg"
    arguments = [tmp_path / "broken.jpg", photo, "--people", examples / "people"]
    result = facewise("recognize", *arguments, "--threshold", "0.93", "--json", "-", status=1)
    broken, good = json.loads(result.stdout)["images"]
    assert broken["error"] == f"{tmp_path / 'broken.jpg'}: not an image file that Pillow can read"
    assert (good["faces"][0]["name"], good["error"]) == ("obama", None)
    assert result.stderr == f"failed: 1 of 2\n  {broken['error']}\n"


def test_people_left_out_are_listed(facewise: Any, examples: Path, tmp_path: Path) -> None:
    people = tmp_path / "people"
    shutil.copytree(examples / "people", people)
    shutil.copy(examples / "photos/montage.jpg", people / "obama" / "3.jpg")
    (people / "ann").mkdir()
    arguments = [examples / "photos/obama.jpg", "--people", people, "--threshold", "0.93"]
    result = facewise("recognize", *arguments)
    assert result.stderr.splitlines() == [
        "to look at among the people: 2",
        f"  {people / 'ann'}: no usable picture, 'ann' is left out",
        f"  {people / 'obama/3.jpg'}: 3 faces, expected one; crop the picture",
    ]
    content = json.loads(facewise("recognize", *arguments, "--json", "-").stdout)
    assert [p["path"] for p in content["people_problems"]] == [
        str(people / "ann"),
        str(people / "obama/3.jpg"),
    ]
    assert content["images"][0]["faces"][0]["name"] == "obama"


def test_the_folder_of_people_must_be_there(facewise: Any, examples: Path, tmp_path: Path) -> None:
    arguments = ["recognize", examples / "photos", "--threshold", "0.93", "--people"]
    result = facewise(*arguments, tmp_path / "nobody", status=1)
    assert result.stderr == f"error: {tmp_path / 'nobody'}: no such folder of people\n"
    (tmp_path / "empty").mkdir()
    result = facewise(*arguments, tmp_path / "empty", status=1)
    assert result.stderr.startswith(f"error: {tmp_path / 'empty'}: no people; expected a folder")


def test_people_are_never_overwritten(facewise: Any, examples: Path, tmp_path: Path) -> None:
    people = tmp_path / "people"
    shutil.copytree(examples / "people", people)
    shutil.copy(examples / "photos/obama.jpg", tmp_path / "1.jpg")
    before = {p: p.read_bytes() for p in people.rglob("*.jpg")}
    arguments = ["recognize", tmp_path / "1.jpg", "--people", people, "--threshold", "0.93"]
    for out in (people, people / "obama", people / "new"):
        result = facewise(*arguments, "--out", out, status=1)
        assert result.stderr.startswith(f"error: --out {out}: lies in the folder of people")
    result = facewise(*arguments, "--json", people / "obama" / "1.jpg", status=1)
    assert "would overwrite" in result.stderr
    assert {p: p.read_bytes() for p in people.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("cached", [True, False])
def test_the_cache(facewise: Any, examples: Path, tmp_path: Path, cached: bool) -> None:
    option = "--cache" if cached else "--no-cache"
    arguments = [examples / "photos/astronaut.jpg", "--people", examples / "people", option]
    facewise("recognize", *arguments, "--threshold", "0.93")
    assert (tmp_path / "cache" / "results.sqlite").exists() is cached
