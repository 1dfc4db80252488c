"""Writing: own times, upright, right colours, with the sound, and whole or not at all."""

from __future__ import annotations

import os
import random
from fractions import Fraction

import numpy as np
import pytest

from facewise.errors import VideoError
from facewise.video import VideoWriter, open_source

av = pytest.importorskip("av")

EVEN = [Fraction(i, 25) for i in range(50)]


def uneven():
    chance, times = random.Random(4), [Fraction(0)]
    while len(times) < 50:
        times.append(times[-1] + Fraction(chance.choice([900, 1801, 3003, 3600, 20000]), 90_000))
    return times


def copy(source, path, **settings):
    """Every frame of a source written again; the notes of the writer."""
    with source, VideoWriter(path, like=source, **settings) as writer:
        for frame in source:
            writer.write(frame.image, frame.time)
    return writer.notes


def read(path):
    with open_source(path) as source:
        frames = list(source)
    assert source.report.clean
    return frames, source


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "ts"])
def test_uneven_times_are_kept(clips, tmp_path, suffix):
    path = clips.write("in.mp4", uneven())
    assert copy(open_source(path), tmp_path / f"out.{suffix}") == []
    frames, _ = read(tmp_path / f"out.{suffix}")
    assert [clips.number(frame.image) for frame in frames] == list(range(50))
    tick = 1e-3 if suffix in {"mkv", "webm"} else 1e-6  # Matroska counts milliseconds
    shift = frames[0].time
    times = [frame.time - shift for frame in frames]
    assert times == pytest.approx([float(t) for t in uneven()], abs=tick)
    assert abs(shift) < 0.001


def test_avi_knows_only_even_times(clips, tmp_path):
    copy(open_source(clips.write("in.mp4", EVEN)), tmp_path / "out.avi")
    frames, source = read(tmp_path / "out.avi")
    assert [clips.number(frame.image) for frame in frames] == list(range(50))
    assert [frame.time for frame in frames] == pytest.approx([float(t) for t in EVEN])
    assert source.facts.codec == "mpeg4"


def test_a_gif(clips, tmp_path):
    copy(open_source(clips.write("in.mp4", EVEN[:10])), tmp_path / "out.gif")
    frames, _ = read(tmp_path / "out.gif")
    assert [clips.number(frame.image) for frame in frames] == list(range(10))


def packets(path, start=0.0, stop=float("inf")):
    """The audio as it is stored: bytes of packets, and seconds of the first."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        found = [
            (bytes(packet), float(packet.pts * packet.time_base))
            for packet in container.demux(stream)
            if packet.size and start <= float(packet.pts * packet.time_base) < stop
        ]
    return [content for content, _ in found], [time for _, time in found]


@pytest.mark.parametrize(("codec", "first", "second"), [
    ("aac", "mp4", "mp4"), ("aac", "mp4", "mkv"), ("aac", "mp4", "mov"), ("mp3", "mp4", "mkv"),
    ("libopus", "mkv", "webm"), ("libopus", "webm", "mp4"), ("flac", "mkv", "mkv"),
])  # fmt: skip
def test_audio_is_copied_bit_by_bit_where_the_container_takes_it(
    clips, tmp_path, codec, first, second
):
    video = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}
    path = clips.write(f"in.{first}", EVEN, audio=(codec, 2), **(video if first == "webm" else {}))
    assert copy(open_source(path), tmp_path / f"out.{second}") == []
    before, times = packets(path)
    after, later = packets(tmp_path / f"out.{second}")
    assert after == before
    assert np.subtract(later, times) == pytest.approx(0, abs=0.003)


def heard(path):
    """The audio as samples of 48 kHz, mono, silence before it begins."""
    resampler = av.AudioResampler("flt", "mono", 48_000)
    with av.open(str(path)) as container:
        parts, begin = [], None
        for frame in container.decode(audio=0):
            begin = frame.time if begin is None else begin
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    return np.concatenate([np.zeros(max(0, round(48_000 * begin)), np.float32), *parts])


def delay(before, after):
    """Seconds by which the second sounds later, by cross-correlation."""
    size = 1 << 18
    product = np.fft.rfft(after, size) * np.conj(np.fft.rfft(before, size))
    shift = int(np.argmax(np.fft.irfft(product, size)))
    return (shift if shift < size // 2 else shift - size) / 48_000


@pytest.mark.parametrize(("first", "second", "name"), [
    ("in.mp4", "out.webm", "opus"), ("in.mkv", "out.avi", "mp3|ac3|mp2"),
    ("in.mp4", "out.mkv", "aac"),
])  # fmt: skip
def test_audio_stays_in_time_also_when_it_is_encoded_anew(clips, tmp_path, first, second, name):
    codec = "libopus" if first == "in.mkv" else "aac"
    path = clips.write(first, EVEN, audio=(codec, 2))
    notes = copy(open_source(path), tmp_path / second)
    _, source = read(tmp_path / second)
    assert source.audio.codec in name.split("|")
    assert len(notes) == (name != "aac")
    # AVI has no times of audio, so what its encoder adds at the beginning is heard.
    allowed = 0.04 if second == "out.avi" else 0.003
    assert delay(heard(path), heard(tmp_path / second)) == pytest.approx(0, abs=allowed)


@pytest.mark.parametrize("second", ["out.mp4", "out.webm"])
def test_a_part_has_the_audio_of_that_part(clips, tmp_path, second):
    path = clips.write("in.mp4", EVEN, audio=("aac", 2))
    copy(open_source(path, start=0.6, stop=1.4), tmp_path / second)
    frames, _ = read(tmp_path / second)
    assert [clips.number(frame.image) for frame in frames] == list(range(15, 35))
    assert frames[0].time == pytest.approx(0, abs=0.001)
    before, after = heard(path), heard(tmp_path / second)
    assert 0.75 < len(after) / 48_000 < 0.87
    quiet = round(0.05 * 48_000)
    assert delay(before, after[quiet:-quiet]) == pytest.approx(-0.65, abs=0.003)


def test_audio_that_begins_before_the_video_stays_before_it(clips, tmp_path):
    path = clips.write("in.ts", EVEN, audio=("aac", 2))
    frames, _ = read(path)
    copy(open_source(path), tmp_path / "out.mp4")
    again, _ = read(tmp_path / "out.mp4")
    assert [f.time for f in again] == pytest.approx([f.time for f in frames], abs=0.002)
    with av.open(str(path)) as container:
        begin = container.start_time / 1e6
    assert begin > 0.05
    assert delay(heard(path), heard(tmp_path / "out.mp4")) == pytest.approx(-begin, abs=0.003)


def test_who_stops_early_gets_no_longer_audio(clips, tmp_path):
    path = clips.write("in.mp4", EVEN, audio=("aac", 2))
    with open_source(path) as source, VideoWriter(tmp_path / "o.mp4", like=source) as writer:
        for frame in source:
            writer.write(frame.image, frame.time)
            if frame.index == 9:
                break
    assert len(heard(tmp_path / "o.mp4")) / 48_000 == pytest.approx(0.4, abs=0.1)


def test_without_audio(clips, tmp_path):
    path = clips.write("in.mp4", EVEN, audio=("aac", 2))
    copy(open_source(path), tmp_path / "out.mp4", audio=False)
    assert read(tmp_path / "out.mp4")[1].audio is None
    notes = copy(open_source(path, loop=False, real_time=True, stop=0.2), tmp_path / "live.mp4")
    assert notes == ["without audio: the source comes only once"]
    assert copy(open_source(path), tmp_path / "out.gif") == [
        "without audio: the output takes no audio"
    ]


def test_damaged_audio_does_not_spoil_the_video(clips, tmp_path):
    path = clips.write("in.mkv", EVEN, audio=("libopus", 2))
    content = bytearray(path.read_bytes())
    chance = random.Random(2)
    for _ in range(30):
        content[chance.randrange(len(content) // 2, len(content))] ^= 255
    path.write_bytes(content)
    copy(open_source(path), tmp_path / "out.mp4")
    with open_source(tmp_path / "out.mp4") as source:
        assert len(list(source)) > 20


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_in_the_pixels(clips, tmp_path, degrees):
    path = clips.write("in.mp4", EVEN[:5], rotation=(degrees, False, False))
    with open_source(path) as source:
        image = next(source).image
    copy(open_source(path), tmp_path / "out.mp4")
    frames, source = read(tmp_path / "out.mp4")
    assert frames[0]._stored.rotation == 0
    assert frames[0].image.shape == image.shape
    assert np.abs(frames[0].image.astype(int) - image).mean() < 6


def test_the_shape_of_pixels_is_kept(clips, tmp_path):
    path = clips.write("in.mp4", EVEN[:5], aspect=Fraction(16, 11))
    copy(open_source(path), tmp_path / "out.mp4")
    assert read(tmp_path / "out.mp4")[1].facts.aspect == Fraction(16, 11)


@pytest.mark.parametrize("size", [(640, 480), (1280, 720)])
@pytest.mark.parametrize("suffix", ["mp4", "webm", "avi"])
def test_colours_are_kept(tmp_path, size, suffix):
    """Flat fields, so that compression has no part in it; also in the middle of a second."""
    width, height = size
    colours = [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
        (10, 10, 10),
        (200, 150, 120),
    ]
    image = np.zeros((height, width, 3), np.uint8)
    field = width // len(colours)
    for place, colour in enumerate(colours):
        image[:, place * field : (place + 1) * field] = colour
    with VideoWriter(tmp_path / f"a.{suffix}", rate=10) as writer:
        for number in range(3):
            writer.write(image, number / 10)
    frames, _ = read(tmp_path / f"a.{suffix}")
    for place, colour in enumerate(colours):
        seen = frames[1].image[height // 2, place * field + field // 2].tolist()
        assert seen == pytest.approx(colour, abs=6)


@pytest.mark.parametrize("size", [(33, 17), (64, 31), (31, 64), (2, 2), (1, 1)])
def test_odd_sizes(tmp_path, size):
    width, height = size
    image = np.full((height, width, 3), 100, np.uint8)
    with VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(image, 0)
    frames, _ = read(tmp_path / "a.mp4")
    even = max(2, width // 2 * 2), max(2, height // 2 * 2)
    assert (frames[0].width, frames[0].height) == even


def test_images_of_another_size_are_resized(tmp_path):
    with VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(np.full((64, 96, 3), 50, np.uint8), 0)
        writer.write(np.full((50, 50, 3), 200, np.uint8), 0.04)
    frames, _ = read(tmp_path / "a.mp4")
    assert [frame.image.shape for frame in frames] == [(64, 96, 3)] * 2
    assert [int(frame.image.mean() / 10) for frame in frames] == [5, 20]


def test_times_that_stand_still_move_by_a_tick(tmp_path):
    with VideoWriter(tmp_path / "a.mp4") as writer:
        for time in (0, 0.5, 0.5, 0.4, 1):
            writer.write(np.zeros((64, 64, 3), np.uint8), time)
    frames, _ = read(tmp_path / "a.mp4")
    assert [frame.time for frame in frames] == pytest.approx([0, 0.5, 0.5, 0.5, 1], abs=0.001)


def test_a_live_source_begins_at_0(clips, tmp_path):
    path = clips.write("in.mp4", EVEN)
    with open_source(path, real_time=True, ahead=50) as source:
        next(source)
        with VideoWriter(tmp_path / "a.mp4", like=source) as writer:
            for _ in range(3):
                frame = next(source)
                writer.write(frame.image, frame.time)
    frames, _ = read(tmp_path / "a.mp4")
    assert [frame.time for frame in frames] == pytest.approx([0, 0.04, 0.08])


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_seen_before_it_is_whole(tmp_path):
    path = tmp_path / "out" / "a.mp4"
    with VideoWriter(path) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8), 0)
        assert not path.exists()
    assert files(path.parent) == ["a.mp4"]


def test_after_an_error_the_old_file_is_there_and_nothing_else(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    writer = VideoWriter(path)
    with pytest.raises(ZeroDivisionError), writer:
        writer.write(np.zeros((64, 64, 3), np.uint8), 1 / 0)
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["a.mp4"]
    with pytest.raises(VideoError, match="has been closed"):
        writer.write(np.zeros((64, 64, 3), np.uint8), 0)


def test_without_a_frame_there_is_no_file(tmp_path):
    writer = VideoWriter(tmp_path / "a.mp4")
    with pytest.raises(VideoError, match=r"a\.mp4: not written, since there was no frame"):
        writer.close()
    assert files(tmp_path) == []


def test_a_link_and_permissions_stay(tmp_path):
    target, link = tmp_path / "b.mp4", tmp_path / "a.mp4"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    with VideoWriter(link) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8), 0)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert len(read(target)[0]) == 1


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.txt", "a.jpg"])
def test_names_that_say_no_container(tmp_path, name):
    with pytest.raises(VideoError, match=rf"{name}: expected a name that ends in \.mp4"):
        VideoWriter(tmp_path / name)
    assert files(tmp_path) == []


def test_places_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(VideoError, match=r"a\.mp4: cannot be written"):
        VideoWriter(tmp_path / "file" / "a.mp4")
    with pytest.raises(VideoError, match=r"folder\.mp4: is a folder or device"):
        VideoWriter(tmp_path / "folder.mp4")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_disk(tmp_path, monkeypatch):
    """The draft is a link to the device that is always full."""
    writer = VideoWriter(tmp_path / "a.mkv")
    writer.abort()
    monkeypatch.setattr("facewise.video.draft.secrets.token_hex", lambda _: "x")
    (tmp_path / ".a.x.part.mkv").symlink_to("/dev/full")
    random_numbers = np.random.default_rng(1)

    def fill():
        with VideoWriter(tmp_path / "a.mkv") as writer:
            for number in range(200):
                writer.write(random_numbers.integers(0, 256, (240, 320, 3), np.uint8), number / 25)

    with pytest.raises(VideoError, match=r"a\.mkv: cannot be written"):
        fill()
    assert files(tmp_path) == []


@pytest.mark.parametrize("image", [
    np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32),
    np.zeros((0, 4, 3), np.uint8),
])  # fmt: skip
def test_what_is_no_image(tmp_path, image):
    writer = VideoWriter(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="image: expected uint8"), writer:
        writer.write(image, 0)


@pytest.mark.parametrize("time", [float("nan"), float("inf")])
def test_what_is_no_time(tmp_path, time):
    writer = VideoWriter(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="time: expected seconds"), writer:
        writer.write(np.zeros((4, 4, 3), np.uint8), time)
    assert files(tmp_path) == []


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_what_is_no_rate(tmp_path, rate):
    with pytest.raises(ValueError, match="rate: expected more than 0"):
        VideoWriter(tmp_path / "a.avi", rate=rate)
    assert files(tmp_path) == []


def test_an_encoder_and_its_options(tmp_path):
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    with VideoWriter(tmp_path / "a.mkv", codec="ffv1", options={"level": "3"}) as writer:
        writer.write(image, 0)
    frames, source = read(tmp_path / "a.mkv")
    assert source.facts.codec == "ffv1"
    assert np.abs(frames[0].image.astype(int) - image).max() <= (
        0 if source.facts.pixel_format.startswith(("gbr", "bgr", "rgb")) else 255
    )
    with pytest.raises(VideoError, match="codec 'nonsense': FFmpeg here has no such encoder"):
        VideoWriter(tmp_path / "b.mkv", codec="nonsense")
    assert files(tmp_path) == ["a.mkv"]


def test_images_that_may_not_be_written_to(tmp_path):
    image = np.full((64, 96, 3), 100, np.uint8)
    image.setflags(write=False)
    with VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(image, 0)
        writer.write(np.asfortranarray(image), 0.04)
        writer.write(image[::-1, ::-1], 0.08)
    frames, _ = read(tmp_path / "a.mp4")
    assert [round(float(frame.image.mean()), -1) for frame in frames] == [100] * 3
