from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from facewise.evaluation.report.pictures import SIDE, Pictures, cut


def content(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(file, "PNG")
    return file.getvalue()


def test_whole_image_is_made_small() -> None:
    found = Pictures([content(640, 320)], ["a"]).thumbnail(0)
    assert (found.name, found.width, found.height) == ("a", SIDE, SIDE // 2)
    kind, _, data = (found.source or "").partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert (image.format, image.size) == ("JPEG", (160, 80))
        red, green, blue = image.getpixel((80, 40))
    assert red > 190
    assert max(green, blue) < 45


def test_small_images_are_not_enlarged() -> None:
    found = Pictures([content(30, 20)], ["a"]).thumbnail(0, np.full(4, np.nan))
    assert (found.width, found.height) == (30, 20)


def test_cut_is_a_square_around_the_box() -> None:
    rows, columns = np.mgrid[:100, :200]
    pixels = np.stack([columns, rows, rows], axis=2).astype(np.uint8)
    # The longer side is 20, with 35 % on each side 34, around (100, 50).
    part = cut(pixels, np.array([95.0, 40, 105, 60]))
    assert part.shape == (34, 34, 3)
    assert part[0, 0].tolist() == [83, 33, 33]


def test_cut_stays_within_the_image() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[:34, -34:] = 7
    assert (cut(pixels, np.array([185.0, -5, 205, 15])) == 7).all()
    assert cut(pixels, np.array([-1e9, -1e9, 1e9, 1e9])).shape == (100, 200, 3)
    assert cut(pixels, np.array([300.0, 300, 320, 320])).shape == (100, 200, 3)
    assert cut(pixels, np.array([50.0, 50, 50, 50])).shape == (100, 200, 3)


def test_images_that_cannot_be_read_are_blank(tmp_path: Path) -> None:
    pictures = Pictures([tmp_path / "none.jpg", b"no picture", tmp_path], ["a", "b", "c"])
    found = [pictures.thumbnail(number, np.array([0, 0, 9, 9])) for number in range(3)]
    assert [(each.name, each.source) for each in found] == [("a", None), ("b", None), ("c", None)]
