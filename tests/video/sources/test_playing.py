"""Without end, at the speed of life, and at constant memory."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest

from facewise.errors import VideoError
from facewise.video import open_source

av = pytest.importorskip("av")

EVEN = [Fraction(i, 25) for i in range(30)]


def test_a_loop_goes_on_counting(clips):
    path = clips.write("a.mp4", EVEN)
    with open_source(path, loop=True, start=0.2, stop=0.8) as source:
        frames = [frame for frame, _ in zip(source, range(50), strict=False)]
    assert [clips.number(frame.image) for frame in frames] == [5 + n % 15 for n in range(50)]
    assert [frame.index for frame in frames] == list(range(50))
    times = [frame.time for frame in frames]
    assert times == pytest.approx([0.2 + n / 25 for n in range(50)])
    assert (source.duration, source.frames, source.expected) == (None, None, None)
    assert source.report.frames >= 50


def test_a_loop_over_nothing_ends(clips):
    with open_source(clips.write("a.mp4", EVEN), loop=True, start=50) as source:
        assert list(source) == []


def resident():
    """Bytes of memory of this process."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096


@pytest.mark.skipif("not __import__('os').path.exists('/proc/self/statm')", reason="needs Linux")
def test_memory_is_constant_over_a_long_stream(clips):
    """A leak of one frame in each of 200 rounds would be 23 MB."""
    path = clips.write("a.mp4", EVEN[:10], size=(320, 240))
    after = []
    with open_source(path, loop=True, threads=1) as source:
        for frame in source:
            frame.gray(120)
            frame.image  # noqa: B018
            if frame.index in {500, 2500}:
                after.append(resident())
            if frame.index == 2500:
                break
    assert after[1] - after[0] < 10 << 20


def test_real_time(clips):
    path = clips.write("a.mp4", EVEN)
    with open_source(path, real_time=True, stop=0.4) as source:
        assert (source.live, source.duration) == (True, None)
        begun = time.monotonic()
        for frame in source:
            assert time.monotonic() - begun >= frame.time - 0.001
        assert source.report.skipped + frame.index + 1 >= 10
        with pytest.raises(VideoError, match="comes only once"):
            source.again()


def test_a_slow_reader_of_a_live_source_gets_the_newest(clips):
    path = clips.write("a.mp4", EVEN)
    with open_source(path, real_time=True, ahead=2) as source:
        first = next(source)
        while source.report.frames < 20:
            time.sleep(0.001)
        rest = list(source)
    assert first.index == 0
    assert rest[0].index >= 17
    assert rest[-1].index == 29
    assert source.report.skipped == 29 - len(rest)


def test_hardware_that_is_not_there(clips):
    path = clips.write("a.mp4", EVEN)
    for hardware in ("auto", "cuda", "videotoolbox", "vaapi"):
        with open_source(path, hardware=hardware) as source:
            assert [clips.number(frame.image) for frame in source] == list(range(30))
        if source.facts.decoding.startswith("software"):
            assert source.report.notes == [
                f"no hardware decoder ({hardware}) for this video here; software decodes"
            ]
        assert source.report.clean


def test_hardware_that_fails_at_the_first_frame(clips, monkeypatch):
    from facewise.video.sources import decoding

    frames = decoding.Decoder.frames
    monkeypatch.setattr(
        decoding.Decoder,
        "frames",
        lambda self, *arguments: iter(()) if self.hardware else frames(self, *arguments),
    )
    monkeypatch.setattr(
        decoding.Decoder, "hardware", property(lambda self: self.reading.hardware), raising=False
    )
    with open_source(clips.write("a.mp4", EVEN), hardware="cuda") as source:
        assert len(list(source)) == 30
    assert source.report.notes == [
        "no hardware decoder (cuda) for this video here; software decodes"
    ]
