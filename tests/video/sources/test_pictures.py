"""Series of pictures as videos."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from facewise.errors import VideoError
from facewise.video import open_source


@pytest.fixture
def folder(tmp_path):
    """Pictures 8 to 12 of 20×10 pixels; the value of their pixels is their number."""
    for number in range(8, 13):
        pixels = np.full((10, 20, 3), number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"img{number}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def values(source):
    return [int(frame.image[0, 0, 0]) for frame in source]


@pytest.mark.parametrize("pattern", ["", "img%d.png", "*.png", "img?.png"])
def test_folders_and_patterns(folder, pattern):
    expected = [8, 9] if "?" in pattern else [8, 9, 10, 11, 12]
    with open_source(folder / pattern, rate=5) as source:
        frames = list(source)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == expected
    assert [frame.time for frame in frames] == pytest.approx([i / 5 for i in range(len(expected))])
    assert (source.width, source.height, source.rate) == (20, 10, 5)
    assert (source.frames, source.duration) == (len(expected), len(expected) / 5)


def test_numbers_with_zeros(tmp_path):
    for number in (3, 4, 12):
        name = tmp_path / f"a{number:04d}.png"
        Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(name)
    with open_source(str(tmp_path / "a%04d.png")) as source:
        assert values(source) == [3, 4, 12]
    with pytest.raises(VideoError, match="no pictures"):
        open_source(str(tmp_path / "b%04d.png"))


def test_a_list_of_whatever_is_a_picture(folder):
    one = np.full((10, 20, 3), 77, np.uint8)
    with open_source([folder / "img9.png", one, (folder / "img8.png").read_bytes()]) as source:
        assert values(source) == [9, 77, 8]
        with source.again() as second:
            assert values(second) == [9, 77, 8]


def test_a_batch_array():
    with open_source(np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones(
        (1, 5, 6, 3), np.uint8)) as source:  # fmt: skip
        assert values(source) == [0, 1, 2, 3]


def test_a_part(folder):
    with open_source(folder, rate=10, start=0.1, stop=0.4) as source:
        frames = list(source)
    assert [(f.index, round(f.time, 6)) for f in frames] == [(0, 0.1), (1, 0.2), (2, 0.3)]
    assert source.expected == 3


def test_a_damaged_picture_is_left_out_and_its_time_passes(folder):
    (folder / "img10.png").write_bytes((folder / "img10.png").read_bytes()[:40])
    with open_source(folder, rate=10) as source:
        frames = list(source)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [8, 9, 11, 12]
    assert [round(frame.time, 6) for frame in frames] == [0, 0.1, 0.3, 0.4]
    assert source.report.damages == 1
    assert "img10.png" in source.report.first[0].message


def test_when_the_first_picture_is_damaged(folder):
    (folder / "img8.png").write_bytes(b"nothing")
    with open_source(folder) as source:
        assert values(source) == [9, 10, 11, 12]
    for number in range(9, 13):
        (folder / f"img{number}.png").write_bytes(b"nothing")
    with pytest.raises(VideoError, match=r"img8\.png: not an image file"):
        open_source(folder)


def test_pictures_are_upright(tmp_path):
    image = Image.fromarray(np.zeros((10, 20, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    with open_source(tmp_path) as source:
        assert (source.width, source.height) == (10, 20)
