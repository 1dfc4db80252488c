"""Frames: made lazily and once, upright, the right colours whatever the stored form."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

from facewise.video import VideoFrame, open_source
from facewise.video.orientation import Orientation, from_display_matrix

av = pytest.importorskip("av")


def test_pixels_are_made_when_asked_for_and_once(clips):
    with open_source(clips.write("a.mp4", [0, Fraction(1, 25)])) as source:
        frame = next(source)
    assert frame._image is None
    image = frame.image
    assert image.dtype == np.uint8
    assert image.shape == (128, 192, 3)
    assert image.flags.c_contiguous
    assert frame.image is image
    assert frame.gray(32) is frame.gray(32)


def test_gray_makes_no_rgb_and_is_the_average_of_the_luma(clips):
    path = clips.write("a.mkv", [0], codec="ffv1", pix_fmt="yuv444p")
    with open_source(path) as source:
        frame = next(source)
    full = frame.gray(128).astype(float)
    for rows in (64, 32, 16):
        factor = 128 // rows
        means = full.reshape(rows, factor, -1, factor).mean(axis=(1, 3))
        small = frame.gray(rows)
        assert small.shape == means.shape
        assert np.abs(small - means).max() <= 2
    assert frame._image is None


@pytest.mark.parametrize("height", [1, 7, 50, 127, 128, 500])
def test_gray_has_the_rows_asked_for_and_is_never_enlarged(clips, height):
    with open_source(clips.write("a.mp4", [0])) as source:
        frame = next(source)
    rows = min(height, 128)
    assert frame.gray(height).shape == (rows, max(1, round(192 * rows / 128)))


def test_gray_needs_a_height():
    frame = VideoFrame(0, 0.0, np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(ValueError, match="height: expected at least 1, got 0"):
        frame.gray(0)


def test_a_frame_may_be_used_in_several_threads(clips):
    with open_source(clips.write("a.mp4", [0])) as source:
        frame = next(source)
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(lambda _: frame.image, range(64)))
        grays = list(pool.map(lambda n: frame.gray(1 + n % 100), range(64)))
    assert all(image is images[0] for image in images)
    assert [gray.shape[0] for gray in grays] == [1 + n % 100 for n in range(64)]


def yuv(rgb, kr, kb, full, bits):
    """The standards' own formulas (BT.601-7, BT.709-6, BT.2020-2)."""
    red, green, blue = (value / 255 for value in rgb)
    y = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - y) / (2 * (1 - kb)), (red - y) / (2 * (1 - kr))
    step, top = 2 ** (bits - 8), 2**bits - 1
    if full:
        values = y * top, cb * top + 128 * step, cr * top + 128 * step
    else:
        values = (219 * y + 16) * step, (224 * cb + 128) * step, (224 * cr + 128) * step
    return tuple(min(top, max(0, round(value))) for value in values)


COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 150, 120)]


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("kr", "kb", "space"), [(0.299, 0.114, 6), (0.2126, 0.0722, 1), (0.2627, 0.0593, 9)]
)
def test_colours_are_those_the_standard_says(tmp_path, pixels, full, kr, kb, space):
    bits = int(pixels[7:9]) if len(pixels) > 7 else 8
    frame = av.VideoFrame(64 * len(COLOURS), 64, pixels)
    for number, plane in enumerate(frame.planes):
        values = np.frombuffer(plane, np.uint8 if bits == 8 else "<u2").reshape(plane.height, -1)
        field = plane.width // len(COLOURS)
        for place, colour in enumerate(COLOURS):
            values[:, place * field : (place + 1) * field] = yuv(colour, kr, kb, full, bits)[number]
    path = save(tmp_path / "c.mkv", [frame], space=space, full=full)
    with open_source(path) as source:
        image = next(source).image
    for place, colour in enumerate(COLOURS):
        assert image[32, 64 * place + 32].tolist() == pytest.approx(colour, abs=3)


def save(path, frames, *, codec="ffv1", space=2, full=None):
    output = av.open(str(path), "w")
    stream = output.add_stream(codec, rate=25)
    first = frames[0]
    stream.width, stream.height, stream.pix_fmt = first.width, first.height, first.format.name
    stream.codec_context.colorspace = space
    colour_range = 0 if full is None else 1 + full
    stream.codec_context.color_range = colour_range
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = number, Fraction(1, 25)
        frame.colorspace, frame.color_range = space, colour_range
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
    output.close()
    return path


FORMS = [
    ("ffv1", "gray", "mkv"), ("ffv1", "gray10le", "mkv"), ("ffv1", "gray16le", "mkv"),
    ("rawvideo", "nv12", "nut"), ("rawvideo", "yuyv422", "nut"), ("rawvideo", "uyvy422", "nut"),
    ("rawvideo", "yuv410p", "nut"), ("rawvideo", "yuv411p", "nut"), ("rawvideo", "yuv440p", "nut"),
    ("rawvideo", "rgb24", "nut"), ("rawvideo", "bgr24", "nut"), ("ffv1", "gbrp10le", "mkv"),
    ("rawvideo", "rgb48le", "nut"), ("ffv1", "yuva420p", "mkv"), ("ffv1", "yuva444p", "mkv"),
    ("ffv1", "bgra", "mkv"), ("qtrle", "argb", "mov"), ("png", "rgba", "mov"),
    ("mjpeg", "yuvj420p", "avi"), ("prores_ks", "yuva444p10le", "mov"),
]  # fmt: skip


@pytest.mark.parametrize(("codec", "pixels", "suffix"), FORMS)
def test_every_form_of_pixels_is_read(tmp_path, codec, pixels, suffix):
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, :32], picture[:, 32:64], picture[:, 64:] = (200, 30, 40), (20, 180, 60), 120
    stored = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixels)
    with open_source(save(tmp_path / f"c.{suffix}", [stored], codec=codec)) as source:
        frame = next(source)
    luma = picture @ [0.299, 0.587, 0.114]
    for column in (16, 48, 80):
        expected = (
            [luma[32, column]] * 3 if pixels.startswith("gray") else picture[32, column].tolist()
        )
        assert frame.image[32, column].tolist() == pytest.approx(expected, abs=5)
        for gray in (frame.gray(64), frame.gray(16)):
            at = gray[gray.shape[0] // 2, column * gray.shape[1] // 96]
            assert int(at) == pytest.approx(luma[32, column], abs=6)


def test_transparency_lies_over_white_as_in_photos(tmp_path):
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[:, :16] = (200, 0, 0, 255)
    path = save(tmp_path / "a.mkv", [av.VideoFrame.from_ndarray(pixels, "rgba").reformat(
        format="bgra")])  # fmt: skip
    with open_source(path) as source:
        image = next(source).image
    assert image[16, 4].tolist() == [200, 0, 0]
    assert image[16, 28].tolist() == [255, 255, 255]


@pytest.mark.parametrize("size", [(33, 17), (1, 1), (190, 121), (64, 2)])
def test_odd_sizes(tmp_path, size):
    width, height = size
    picture = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    path = save(
        tmp_path / "o.nut", [av.VideoFrame.from_ndarray(picture, "rgb24")], codec="rawvideo"
    )
    with open_source(path) as source:
        frame = next(source)
    assert (frame.width, frame.height) == (source.width, source.height) == size
    np.testing.assert_array_equal(frame.image, picture)


def test_interlaced_frames_come_as_they_are_decoded(clips):
    options = {"flags": "+ildct+ilme", "x264-params": "tff=1"}
    path = clips.write("i.mp4", [Fraction(i, 25) for i in range(10)], options=options)
    with open_source(path) as source:
        frames = list(source)
    assert all(frame._stored.interlaced_frame for frame in frames)
    assert [clips.number(frame.image) for frame in frames] == list(range(10))


@pytest.mark.parametrize(("degrees", "hflip", "vflip"), [
    (0, False, False), (90, False, False), (180, False, False), (270, False, False),
    (0, True, False), (0, False, True), (90, True, False), (270, False, True),
])  # fmt: skip
def test_rotation_tags_are_applied(clips, degrees, hflip, vflip):
    """Checked against the definition: where the matrix of the file puts each pixel."""
    path = clips.write("r.mp4", [0], rotation=(degrees, hflip, vflip))
    with open_source(path) as source:
        frame = next(source)
        facts = source.facts
    stored = frame._stored.to_ndarray(format="rgb24")
    tag = frame._stored.side_data.get("DISPLAYMATRIX")
    assert (tag is None) == ((degrees, hflip, vflip) == (0, False, False))
    matrix = np.eye(2) if tag is None else np.frombuffer(tag, "<i4").reshape(3, 3)[:2, :2] / 65536
    expected = placed(stored, matrix)
    np.testing.assert_allclose(frame.image.astype(int), expected.astype(int), atol=2)
    assert (facts.width, facts.height) == (frame.width, frame.height) == expected.shape[1::-1]
    small = frame.gray(16)
    assert small.shape[0] == 16
    reference = VideoFrame(0, 0.0, frame.image).gray(16)
    assert np.corrcoef(small.ravel(), reference.ravel())[0, 1] > 0.98


def placed(stored, matrix):
    """Each pixel (column, row) at (column, row) @ matrix, moved so that all are visible."""
    height, width = stored.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    at = np.rint(np.stack([columns, rows], axis=-1).reshape(-1, 2) @ matrix).astype(int)
    at -= at.min(axis=0)
    result = np.zeros((at[:, 1].max() + 1, at[:, 0].max() + 1, 3), np.uint8)
    result[at[:, 1], at[:, 0]] = stored.reshape(-1, 3)
    return result


def test_a_strange_display_matrix_is_no_rotation():
    assert from_display_matrix(b"") == Orientation()
    assert from_display_matrix(bytes(36)) == Orientation()


def test_a_frame_of_a_picture():
    picture = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    frame = VideoFrame(3, 0.5, picture)
    assert frame.image is picture
    assert (frame.index, frame.time, frame.width, frame.height) == (3, 0.5, 6, 4)
    assert repr(frame) == "<VideoFrame 3 at 0.500 s, 6×4>"


def test_high_dynamic_range_is_said(tmp_path):
    output = av.open(str(tmp_path / "hlg.mkv"), "w")
    stream = output.add_stream("libx265", rate=25, options={"x265-params": "log-level=none"})
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
    stream.codec_context.color_trc = 18
    output.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p10le")))
    output.mux(stream.encode(None))
    output.close()
    with open_source(tmp_path / "hlg.mkv") as source:
        list(source)
    assert "without tone mapping" in str(source.report)
    assert source.report.clean
