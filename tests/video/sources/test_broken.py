"""Damaged videos: everything up to the break, and a report that says what is missing."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest

from facewise.errors import VideoError
from facewise.video import open_source
from facewise.video.sources.report import SourceReport

pytest.importorskip("av")

EVEN = [Fraction(i, 25) for i in range(100)]
INDEX_FIRST = {"container_options": {"movflags": "faststart"}}
TICK = Fraction(1, 25)

CLIPS = {
    "first.mp4": INDEX_FIRST,
    "sound.mp4": {**INDEX_FIRST, "audio": ("aac", 4)},
    "pieces.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "a.mkv": {},
    "a.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "a.ts": {},
    "a.flv": {"time_base": Fraction(1, 1000)},
    "a.mpg": {"codec": "mpeg2video", "time_base": TICK},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "time_base": TICK},
    "ffv1.mkv": {"codec": "ffv1", "options": {"slicecrc": "1"}},
}


def read(path, **settings):
    """Frames as (index, time, image), and the report."""
    with open_source(path, **settings) as source:
        frames = [(frame.index, frame.time, frame.image) for frame in source]
    return frames, source.report


@pytest.mark.parametrize("name", CLIPS)
def test_a_file_cut_in_the_middle_gives_what_is_before_the_cut(clips, name):
    path = clips.write(name, EVEN, **CLIPS[name])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    frames, report = read(path)
    assert 25 <= len(frames) <= 75
    for index, time, image in frames[:-1]:  # the last one may be damaged
        assert clips.number(image) == round(25 * time)
        assert index == round(25 * time) or report.missing
    if name not in {"a.ts", "a.mpg", "pieces.mp4"}:  # which do not say how long they are
        assert not report.clean, str(report)
    if path.suffix != ".avi":
        assert report.damages or report.broken or name in {"a.ts", "a.mpg"}


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("seed", range(3))
def test_garbage_in_the_middle_is_reported_and_passed_over(clips, name, seed):
    chance = random.Random(seed)
    path = clips.write(name, EVEN, **CLIPS[name])
    content = bytearray(path.read_bytes())
    for _ in range(10):
        at = chance.randrange(len(content) * 4 // 10, len(content) * 6 // 10)
        content[at : at + 100] = chance.randbytes(100)
    path.write_bytes(content)
    frames, report = read(path)
    assert len(frames) >= 15
    times = [time for _, time, _ in frames]
    assert times == sorted(set(times))
    assert [index for index, _, _ in frames] == list(range(len(frames)))
    assert len(frames) == report.frames
    if len(frames) < 97:  # a frame of AVI that is gone with its header leaves no trace
        assert not report.clean, str(report)
    again, _ = read(path)  # a second pass sees the same
    assert [frame[:2] for frame in frames] == [frame[:2] for frame in again]
    for (_, time, image), (_, _, other) in zip(frames, again, strict=True):
        if time > 1:  # decoders leave some of what they cannot decode as memory was
            break
        np.testing.assert_array_equal(image, other)


@pytest.mark.parametrize("seed", range(40))
def test_no_damage_brings_anything_but_frames_or_a_video_error(clips, seed):
    chance = random.Random(seed)
    name = chance.choice(list(CLIPS))
    path = clips.write(name, EVEN[:30], **CLIPS[name])
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 5, 50])):
        at = chance.randrange(len(content) if chance.random() < 0.5 else min(800, len(content)))
        content[at] = chance.randrange(256)
    if chance.random() < 0.3:
        del content[chance.randrange(len(content)) :]
    path.write_bytes(content)
    try:
        frames, report = read(path, start=chance.choice([None, 0.5]))
    except VideoError as error:
        told = str(error)
    else:
        told = f"{path}"
        assert len(frames) == report.frames
    assert told.startswith(str(path))


@pytest.mark.parametrize(("name", "content", "why"), [
    ("empty.mp4", b"", "empty"),
    ("text.mp4", b"this is no video\n" * 100, "not a video"),
    ("text.txt", b"this is no video\n" * 100, "no video in it|not a video"),
    ("noise.bin", random.Random(1).randbytes(5000), "not a video"),
    ("subtitles.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHello\n\n", "no video in it"),
    ("playlist.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "a.m3u8|cannot|not"),
])  # fmt: skip
def test_what_is_no_video_is_refused_with_its_name(tmp_path, name, content, why):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(VideoError, match=f"{name}: .*({why})"):
        open_source(path)


def test_an_mp4_that_was_cut_off_while_it_was_written(clips):
    path = clips.write("a.mp4", EVEN)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(VideoError, match=r"a\.mp4: an MP4 file without its index \(moov\)"):
        open_source(path)


def test_audio_alone_is_no_video_even_with_a_cover(clips):
    import av

    path = clips.folder / "song.mp3"
    output = av.open(str(path), "w")
    stream, frames = clips._sound(output, "mp3", 1)
    cover = output.add_stream("png", rate=1)
    cover.width, cover.height, cover.pix_fmt = 64, 64, "rgb24"
    cover.disposition = av.stream.Disposition.attached_pic
    picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
    output.mux(cover.encode(picture))
    output.mux(cover.encode(None))
    for frame in frames:
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
    output.close()
    with pytest.raises(VideoError, match=r"song\.mp3: no video in it \(audio\)"):
        open_source(path)


def test_a_picture_is_a_video_of_one_frame(examples):
    with open_source(examples / "photos" / "astronaut.jpg") as source:
        frames = list(source)
    assert [(f.index, f.time, f.image.shape) for f in frames] == [(0, 0.0, (512, 512, 3))]
    assert source.facts.codec == "pictures"
    assert source.name.endswith("astronaut.jpg")


def test_frames_that_are_declared_huge_are_refused_before_memory_is_taken(clips):
    """A header says 65,000 × 65,000; nothing of that size may be allocated."""
    import av

    path = clips.folder / "huge.nut"
    output = av.open(str(path), "w")
    stream = output.add_stream("png", rate=25)
    stream.width, stream.height, stream.pix_fmt = 16, 16, "rgb24"
    frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
    output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
    output.close()
    content = path.read_bytes()
    header = content.index(b"IHDR") + 4
    huge = (65_000).to_bytes(4, "big")
    path.write_bytes(content[:header] + huge + huge + content[header + 8 :])
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(VideoError, match=r"huge\.nut: "):
        read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # of 12.7 GB


def test_a_folder_without_pictures_and_a_missing_file(tmp_path):
    with pytest.raises(VideoError, match="no pictures, expected at least one"):
        open_source(tmp_path)
    with pytest.raises(VideoError, match=r"gone\.mp4: no such file"):
        open_source(tmp_path / "gone.mp4")


@pytest.mark.skipif("os.geteuid() == 0", reason="root may read everything")
def test_a_file_that_may_not_be_read(clips):
    path = clips.write("a.mp4", EVEN[:3])
    path.chmod(0)
    with pytest.raises(VideoError, match=r"a\.mp4: cannot be opened"):
        open_source(path)


def test_a_report_tells_in_words():
    report = SourceReport(frames=3)
    assert str(report) == "3 frames; nothing wrong"
    report.add(1.234, "Invalid data")
    report.add_loss(2.0, "it ended")
    report.doubtful, report.missing, report.broken = 1, 2, "ends at 2.00 s of 9.00 s"
    assert str(report) == (
        "3 frames; 1 damaged part left out; lost and found again 1 time; first after 1.23 s: "
        "Invalid data; 1 frame with guessed pixels; 2 frames missing, by the times of the others; "
        "ends at 2.00 s of 9.00 s"
    )


def test_a_report_stays_small():
    report = SourceReport()
    for number in range(10_000):
        report.add(number, "bad")
    assert (report.damages, len(report.first)) == (10_000, 20)
    assert len((report + report).first) == 20
