"""`images.load`: every kind of input, and every kind of bad one."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

import facewise
from facewise import ImageError, images


@pytest.fixture
def picture():
    """A 4×6 picture in which every pixel is different."""
    return np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def encoded(image, fmt="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def test_every_kind_of_input_gives_the_same_pixels(picture, tmp_path):
    pil = Image.fromarray(picture)
    path = tmp_path / "ünïcode näme.png"
    pil.save(path)
    tensor = torch.from_numpy(picture)
    inputs = [
        path,
        str(path),
        path.read_bytes(),
        bytearray(path.read_bytes()),
        path.open("rb"),
        pil,
        picture,
        picture[:, :, ::-1][:, :, ::-1],
        picture.transpose(2, 0, 1),
        tensor,
        tensor.permute(2, 0, 1),
    ]
    loaded = images.load(inputs)
    assert len(loaded) == len(inputs)
    for image in loaded:
        np.testing.assert_array_equal(image, picture)
        assert image.dtype == np.uint8
        assert image.flags.c_contiguous


def test_a_batch_is_a_list_of_pictures(picture):
    batch = np.stack([picture, picture + 1])
    first, second = images.load(batch)
    np.testing.assert_array_equal(first, picture)
    np.testing.assert_array_equal(second, picture + 1)
    assert [len(image) for image in images.each(iter([picture, picture[:2]]))] == [4, 2]
    assert len(list(images.each(picture))) == 1
    assert len(list(images.each(io.BytesIO(encoded(Image.fromarray(picture)))))) == 1


def closed():
    file = io.BytesIO(b"x")
    file.close()
    return file


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_shows_the_picture_upright(picture, orientation):
    # How a camera held in each of the eight ways stores the scene (EXIF 2.3, tag 0x0112).
    stored = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: np.rot90(picture, 1),
        7: np.rot90(picture, 2).transpose(1, 0, 2),
        8: np.rot90(picture, -1),
    }[orientation]
    pil = Image.fromarray(np.ascontiguousarray(stored))
    exif = pil.getexif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(images.load(encoded(pil, exif=exif)), picture)


def test_grey_is_repeated_over_the_channels():
    grey = np.array([[0, 100], [200, 255]], np.uint8)
    for source in (grey, grey[:, :, None], grey[None], encoded(Image.fromarray(grey))):
        np.testing.assert_array_equal(images.load(source), np.repeat(grey[:, :, None], 3, axis=2))


def test_sixteen_bit_grey_is_scaled_not_cut_off():
    grey = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    loaded = images.load(encoded(Image.fromarray(grey)))
    assert loaded[0, :, 0].tolist() == [0, 1, 128, 255]
    wide = Image.new("I", (1, 1), 70000)
    with pytest.raises(ImageError, match="16 bits at most"):
        images.load(wide)


def test_bilevel_palette_and_cmyk_are_converted():
    rgb = Image.new("RGB", (3, 2), (255, 0, 0))
    for mode in ("P", "CMYK", "YCbCr", "1"):
        loaded = images.load(rgb.convert(mode))
        assert loaded.shape == (2, 3, 3)
        if mode != "1":
            np.testing.assert_allclose(loaded[0, 0], [255, 0, 0], atol=2)


def test_transparency_is_laid_over_white():
    rgba = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 128]]], np.uint8)
    palette = Image.fromarray(rgba).quantize(8)
    for source in (rgba, Image.fromarray(rgba), encoded(Image.fromarray(rgba)), encoded(palette)):
        loaded = images.load(source)
        assert loaded[0, 0].tolist() == [255, 0, 0]
        assert loaded[0, 1].tolist() == [255, 255, 255]
        np.testing.assert_allclose(loaded[0, 2], 127, atol=1)


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    gif = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert images.load(gif)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "0 bytes: empty"),
        (b"plain text, no picture", "22 bytes: not an image file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "bytes: .*image"),
        (np.zeros((4, 4, 3), np.float32), r"float32 \(4, 4, 3\): expected uint8"),
        (np.zeros((4, 4, 3), np.int64), "int64.*expected uint8"),
        (np.zeros((4, 4), bool), "bool.*expected uint8"),
        (torch.zeros(3, 4, 4), r"torch.float32 \(3, 4, 4\): expected uint8"),
        (torch.zeros(3, 4, 4, dtype=torch.bfloat16), r"bfloat16 \(3, 4, 4\): expected a dense"),
        (torch.zeros(3, 4, 4, device="meta"), "expected a dense uint8 tensor"),
        (closed(), "cannot be read"),
        (np.zeros((0, 4, 3), np.uint8), "has no pixels"),
        (np.zeros((4, 0, 3), np.uint8), "has no pixels"),
        (np.zeros((5, 4, 2), np.uint8), "expected shape"),
        (np.zeros((5,), np.uint8), "expected shape"),
        (np.zeros((1, 2, 3, 4, 3), np.uint8), "expected shape"),
        (Image.new("RGB", (0, 5)), "has no pixels"),
        (Image.new("F", (3, 3)), "float pixels"),
        (io.StringIO("text"), "binary mode"),
        (42, "int object: expected a path"),
        (None, "NoneType object: expected a path"),
    ],
)
def test_bad_input_is_named_and_told_what_was_expected(source, message):
    with pytest.raises(ImageError, match=message):
        images.load(source)


def test_bad_files_are_named(tmp_path):
    with pytest.raises(ImageError, match=r"missing\.jpg: no such file"):
        images.load(tmp_path / "missing.jpg")
    with pytest.raises(ImageError, match="is a folder"):
        images.load(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for fmt in ("JPEG", "PNG"):
        path = tmp_path / f"cut.{fmt.lower()}"
        content = encoded(Image.fromarray(noise), fmt)
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(ImageError, match=r"cut\.\w+: truncated"):
            images.load(path)
    with pytest.raises(ImageError, match=r"cannot be read|no such file"):
        images.load("a\0b.jpg")


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    Image.new("1", (15000, 15000)).save(path)  # 225 million pixels in a few kilobytes
    with pytest.raises(ImageError, match=r"bomb\.png: .*pixels"):
        images.load(path)
    monkeypatch.setattr(images, "MAX_PIXELS", 10)
    with pytest.raises(ImageError, match="at most 10 are read"):
        images.load(Image.new("RGB", (4, 4)))
    with pytest.raises(ImageError, match="more than 10 pixels"):
        images.load(np.zeros((4, 4, 3), np.uint8))


def test_damaged_exif_does_not_hide_a_good_picture(picture):
    pil = Image.fromarray(picture)
    content = encoded(pil, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage", quality=100)
    assert images.load(content).shape == picture.shape


def test_what_is_loaded_is_writable_and_not_a_view_of_the_file(picture):
    loaded = images.load(Image.fromarray(picture))
    loaded[:] = 0
    assert picture.any()


def test_public_name():
    assert facewise.load_image is images.load
