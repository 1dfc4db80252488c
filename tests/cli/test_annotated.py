from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facewise.cli.annotated import draw, plan
from facewise.cli.inputs import Input, expand
from facewise.errors import FacewiseError
from facewise.faces import Faces
from facewise.images import load


def inputs(*names: str) -> list[Input]:
    return [Input(name, Path(name), Path(name.split(":")[-1])) for name in names]


def planned(*names: str) -> list[str]:
    return [path.as_posix() for path in plan(inputs(*names), Path("out")).values()]


def test_names_are_kept() -> None:
    assert planned("in:a.jpg", "in:b c.JPEG", "in:é/a.jpg", "in:d.png") == [
        "out/a.jpg",
        "out/b c.JPEG",
        "out/é/a.jpg",
        "out/d.png",
    ]


def test_other_formats_become_png() -> None:
    assert planned("in:a.webp", "in:b.tiff", "in:c", "in:d.e.gif") == [
        "out/a.png",
        "out/b.png",
        "out/c.png",
        "out/d.e.png",
    ]


def test_no_two_pictures_meet() -> None:
    assert planned("1:a.jpg", "2:a.jpg", "3:A.JPG", "4:a-2.jpg", "5:a.png", "6:a.gif") == [
        "out/a.jpg",
        "out/a-2.jpg",
        "out/A-3.JPG",
        "out/a-2-2.jpg",
        "out/a.png",
        "out/a-2.png",
    ]


def test_standard_input_has_a_name() -> None:
    assert plan([Input("-", b"", Path("stdin.png"))], Path("o")) == {"-": Path("o/stdin.png")}


def test_the_folder_of_an_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    (tmp_path / "photos" / "a.jpg").touch()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    for folder in (tmp_path / "photos", tmp_path / "link", tmp_path / "photos" / "sub" / ".."):
        with pytest.raises(FacewiseError, match=r"photos/a\.jpg lies in it; choose another"):
            plan(expand([str(tmp_path / "photos")]), folder)
    plan(expand([str(tmp_path / "photos")]), tmp_path / "photos" / "sub")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_the_drawing(tmp_path: Path, suffix: str) -> None:
    grey = Image.new("RGB", (400, 300), (90, 90, 90))
    grey.save(tmp_path / f"grey{suffix}")
    faces = Faces([[50, 60, 150, 200], [250, 60, 350, 200]], [0.9, 0.8])
    named = faces.with_data(name=["ann", "unknown"], similarity=np.float32([0.95, 0.1]))
    [item] = expand([str(tmp_path / f"grey{suffix}")])
    target = tmp_path / "out" / f"x{suffix}"
    draw(load(item.source), named, target)
    with Image.open(target) as image:
        assert image.format == {".jpg": "JPEG", ".png": "PNG"}[suffix]
        pixels = np.asarray(image).astype(int)
    assert pixels.shape == (300, 400, 3)
    for x, colour in ((50, (0, 200, 120)), (250, (240, 150, 40))):
        assert np.abs(pixels[130, x] - colour).max() < 40
    assert np.abs(pixels[250, 200] - 90).max() < 3


def test_only_our_own_pictures_are_drawn_over(
    facewise: Any, examples: Path, tmp_path: Path
) -> None:
    photos, out = examples / "photos", tmp_path / "out"
    for _ in range(2):  # the second run replaces what the first has drawn
        facewise("detect", photos / "obama.jpg", "--out", out)
    holiday = (photos / "montage.jpg").read_bytes()
    (out / "obama.jpg").write_bytes(holiday)
    result = facewise("detect", photos / "obama.jpg", "--out", out, status=1)
    assert "obama.jpg: exists, and was not drawn by facewise" in result.stderr
    assert (out / "obama.jpg").read_bytes() == holiday


def test_a_picture_that_cannot_be_written_does_not_stop_the_others(
    facewise: Any, examples: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "out").mkdir()  # where it is there, a name that is too long shows at once
    for name in ("a" * 251 + ".bmp", "z.jpg"):  # the copy's name would have four letters more
        Image.open(examples / "photos" / "obama.jpg").save(folder / name)
    (folder / ("a" * 251 + ".gif")).write_bytes((folder / ("a" * 251 + ".bmp")).read_bytes())
    facewise("detect", folder, "--out", tmp_path / "out", "--json", tmp_path / "x.json", status=1)
    assert (tmp_path / "out" / "z.jpg").exists()
    images = json.loads((tmp_path / "x.json").read_text())["images"]
    assert [image["error"] is None for image in images] == [True, False, True]
    assert "cannot be written (File name too long)" in images[1]["error"]
