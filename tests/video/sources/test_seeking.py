"""Times are those of the container, and start and stop are exact to the frame."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest

from facewise.video import open_source

pytest.importorskip("av")

EVEN = [Fraction(i, 25) for i in range(80)]


def uneven():
    """Steps as a phone, a screen recorder and a bad camera make them."""
    chance, times = random.Random(3), [Fraction(0)]
    while len(times) < 80:
        times.append(
            times[-1] + Fraction(chance.choice([900, 1800, 3003, 3600, 9000, 45000]), 90000)
        )
    return times


TICK = Fraction(1, 25)
CLIPS = {
    "plain.mp4": {},
    "uneven.mp4": {"times": uneven()},
    "uneven.mkv": {"times": [Fraction(round(1000 * t), 1000) for t in uneven()]},
    "open-gop.mp4": {"options": {"x264-params": "open-gop=1:bframes=3:keyint=20:scenecut=0"}},
    "no-keys.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=30:bframes=0"}},
    "one-key.mp4": {"gop": 1000},
    "pieces.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "sound.mp4": {"audio": ("aac", 3)},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=20"}},
    "b.mkv": {"options": {"bf": "3"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "b.ts": {"options": {"bf": "3"}},
    "sound.ts": {"audio": ("aac", 3)},
    "mpeg2.ts": {"codec": "mpeg2video", "time_base": TICK, "options": {"bf": "2", "b": "4M"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "time_base": TICK, "options": {"bf": "2", "b": "4M"}},
    "a.flv": {"time_base": Fraction(1, 1000)},
    "mpeg4.avi": {"codec": "mpeg4", "time_base": TICK},
    "mpeg4-b.avi": {"codec": "mpeg4", "time_base": TICK, "options": {"bf": "2"}},
    "h264-b.avi": {"time_base": TICK, "options": {"bf": "3"}},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "time_base": TICK},
    "raw.h264": {"time_base": TICK, "options": {"bf": "3"}},
    "wmv.wmv": {"codec": "wmv2", "time_base": TICK},
    "a.gif": {"codec": "gif", "pix_fmt": "rgb8", "time_base": Fraction(1, 100)},
}


@pytest.mark.parametrize("name", CLIPS)
def test_a_part_is_the_same_as_in_the_whole(clips, name):
    settings = dict(CLIPS[name])
    times = settings.pop("times", EVEN)
    path = clips.write(name, times, **settings)
    with open_source(path) as source:
        whole = list(source)
    assert source.report.clean, str(source.report)
    assert [clips.number(frame.image) for frame in whole] == list(range(len(times)))
    assert [frame.index for frame in whole] == list(range(len(times)))
    shift = whole[0].time  # of a video that begins after its audio
    assert 0 <= shift < 0.05
    assert [frame.time - shift for frame in whole] == pytest.approx([float(t) for t in times])

    chance = random.Random(1)
    for _ in range(12):
        start = chance.choice([chance.uniform(0, float(times[-1])), chance.choice(whole[1:]).time])
        stop = start + chance.uniform(0.01, 1.5)
        wanted = [f for f in whole if start - 1e-6 <= f.time < stop - 1e-6]
        with open_source(path, start=start, stop=stop) as source:
            got = list(source)
        assert [(f.index, f.time) for f in got] == [(i, f.time) for i, f in enumerate(wanted)]
        assert all(np.array_equal(a.image, b.image) for a, b in zip(got, wanted, strict=True))


def test_a_start_behind_the_end_gives_no_frame(clips):
    with open_source(clips.write("a.mp4", EVEN), start=100) as source:
        assert list(source) == []
        assert source.duration == pytest.approx(3.2)


def test_facts(clips):
    path = clips.write("a.mp4", EVEN, audio=("aac", 3), aspect=Fraction(4, 3))
    with open_source(path, start=1, stop=2) as source:
        assert (source.width, source.height, source.rate) == (192, 128, 25)
        assert (source.duration, source.frames, source.expected) == (pytest.approx(3.2), 80, 25)
        assert (source.facts.codec, source.facts.pixel_format) == ("h264", "yuv420p")
        assert source.facts.aspect == Fraction(4, 3)
        assert (source.audio.codec, source.audio.rate, source.audio.channels) == ("aac", 48000, 1)
        assert not source.live
        assert repr(source) == f"<Source {path}: 192×128, 25/s>"


@pytest.mark.parametrize(("threads", "ahead"), [(1, 1), (2, 3), (7, 20)])
def test_threads_change_nothing(clips, threads, ahead):
    path = clips.write("a.mp4", EVEN)
    with open_source(path, threads=threads, ahead=ahead) as source:
        assert [clips.number(frame.image) for frame in source] == list(range(80))


def test_a_second_pass_is_the_same(clips):
    path = clips.write("a.mp4", uneven(), options={"bf": "3"})
    with open_source(path, start=0.7, stop=3) as source:
        first = [(frame.index, frame.time, frame.image) for frame in source]
        assert source.ended
        with source.again() as second:
            for (index, time, image), frame in zip(first, second, strict=True):
                assert (index, time) == (frame.index, frame.time)
                np.testing.assert_array_equal(image, frame.image)


@pytest.mark.parametrize(("argument", "value"), [
    ("start", -1), ("stop", float("nan")), ("rate", 0), ("ahead", 0), ("threads", 0),
    ("timeout", 0), ("size", (0, 3)), ("hardware", "abacus"), ("start", "soon"), ("threads", "x"),
    ("rate", 1001), ("ahead", True),
])  # fmt: skip
def test_arguments_that_cannot_be(clips, argument, value):
    path = clips.write("a.mp4", EVEN[:3])
    with pytest.raises(ValueError, match=f"{argument}: expected"):
        open_source(path, **{argument: value})


def test_a_rate_that_is_not_for_videos_is_told(clips):
    with open_source(clips.write("a.mp4", EVEN[:3]), rate=10) as source:
        assert len(list(source)) == 3
        assert "has a rate of its own" in str(source.report)


def test_stop_before_start(clips):
    with pytest.raises(ValueError, match="stop: expected more than start"):
        open_source(clips.write("a.mp4", EVEN[:3]), start=2, stop=2)
