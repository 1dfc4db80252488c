"""`open_source`: anything that gives frames, as a `Source`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import Any

from facewise.errors import VideoError
from facewise.video.sources.address import address_of
from facewise.video.sources.reading import Reader, Reading
from facewise.video.sources.source import Source


def open_source(
    what: Any,
    *,
    start: float | None = None,
    stop: float | None = None,
    rate: float | None = None,
    size: tuple[int, int] | None = None,
    threads: int | None = None,
    hardware: str | None = None,
    ahead: int = 8,
    timeout: float = 10.0,
    options: Mapping[str, str] | None = None,
    loop: bool = False,
    real_time: bool = False,
    reconnect: float | None = None,
) -> Source:
    """Open a video, a stream, a camera or a series of pictures.

    Args:
        what: the path of a video or a file object; an address (`http://`, `rtsp://`, `rtmp://`,
            `udp://`, …); a camera: its number, `/dev/video0`, or a device of FFmpeg
            (`v4l2:/dev/video0`, `avfoundation:0`, `dshow:video=Integrated Camera`,
            `lavfi:testsrc2=size=640x360:rate=30`); pictures: a folder, a pattern (`img%04d.png`,
            `shots/*.jpg`), or a list of whatever `load_image` takes. `-` is standard input.
        start: seconds; the first frame is the first whose time is not before it. What is before is
            skipped, by seeking where the container can.
        stop: seconds; frames of this time or later are not given.
        rate: frames a second: of pictures (25 by default); asked of a camera.
        size: `(width, height)` asked of a camera.
        threads: of the decoder; by default as many as there are processors.
        hardware: decode on a device, as `cuda`, `vaapi`, `videotoolbox` or `d3d11va`, or on
            whatever there is: `auto`. Where that does not work, decoding is in software, and the
            report has a note of it.
        ahead: frames at most that are decoded before they are asked for. Of a live source these
            are the newest, older ones being given up.
        timeout: seconds that a network or a camera may keep silent.
        options: for FFmpeg's protocol, demuxer or device, as `{"rtsp_transport": "udp"}`.
        loop: begin again after the end, without end; times and indices go on.
        real_time: give no frame before its time, and take the source for a live one: a file then
            behaves as a camera.
        reconnect: seconds to go on trying when a live source is lost, or cannot be opened; `None`
            ends there. Times go on, with the gap in them; the report has a note of each.

    Raises:
        VideoError: it does not exist, is no video, or does not answer; names it.
        ExtraMissingError: the extra `video` is not installed.
        ValueError: an argument is not what it may be.

    Example:
        >>> import numpy as np
        >>> from facewise.video import open_source
        >>> with open_source([np.zeros((48, 64, 3), np.uint8)] * 3, rate=10) as source:
        ...     [(frame.index, frame.time, frame.image.shape) for frame in source]
        [(0, 0.0, (48, 64, 3)), (1, 0.1, (48, 64, 3)), (2, 0.2, (48, 64, 3))]
    """
    _require_number("start", start, "seconds")
    _require_number("stop", stop, "seconds")
    _require_number("reconnect", reconnect, "seconds")
    _require_number("timeout", timeout, "seconds", above=True)
    _require_number("rate", rate, "frames a second", above=True)
    _require_number("ahead", ahead, "frames", least=1)
    _require_number("threads", threads, "threads", least=1)
    if start is not None and stop is not None and stop <= start:
        raise ValueError(f"stop: expected more than start ({start}), got {stop}")
    if rate is not None and rate > 1000:
        raise ValueError(f"rate: expected at most 1000 frames a second, got {rate}")
    if size is not None and min(size) < 1:
        raise ValueError(f"size: expected (width, height) of at least 1 pixel, got {size}")
    reading = Reading(
        address_of(what),
        start=start,
        stop=stop,
        rate=rate,
        size=size,
        threads=threads,
        hardware=hardware,
        timeout=timeout,
        options=dict(options or {}),
        ahead=ahead,
        loop=loop,
        real_time=real_time,
        reconnect=reconnect,
    )
    return Source(reading, open_reader)


def _require_number(
    name: str, value: Any, unit: str, *, least: int = 0, above: bool = False
) -> None:
    """Refuse what is no number, or too small a one; None is nothing to refuse."""
    if value is None:
        return
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not (value > least if above else value >= least):
        bound = "more than" if above else "at least"
        raise ValueError(f"{name}: expected {bound} {least} {unit}, got {value!r}")


def open_reader(reading: Reading) -> Reader:
    """What reads this kind of source, in the way that is wanted."""
    if reading.loop:
        from facewise.video.sources.playing import LoopingReader

        reader: Reader = LoopingReader(reading, _once)
    elif reading.reconnect is not None and reading.address.kind in {"address", "camera"}:
        from facewise.video.sources.reconnecting import ReconnectingReader

        return ReconnectingReader(reading, _once)
    else:
        reader = _once(reading)
    if reading.real_time:
        from facewise.video.sources.playing import RealTimeReader

        reader = RealTimeReader(reader)
    return reader


def _once(reading: Reading) -> Reader:
    from facewise.video.sources.pictures import PictureReader

    if reading.address.kind == "pictures":
        return PictureReader(reading)
    from facewise.video.sources.container import OnePictureError
    from facewise.video.sources.hardware import no_hardware
    from facewise.video.sources.video import VideoReader

    try:
        return VideoReader(reading)
    except OnePictureError:
        if reading.address.kind != "file":
            raise
    except VideoError:
        if reading.hardware is None:
            raise
        # Some devices find out only now that they cannot decode it.
        reader = VideoReader(replace(reading, hardware=None))
        reader.report.note(no_hardware(reading.hardware))
        return reader
    one = address_of([reading.address.name])
    return PictureReader(replace(reading, address=replace(one, name=reading.address.name)))
