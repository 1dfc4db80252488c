"""Open something with FFmpeg, and say plainly why it cannot be opened."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.errors import VideoError
from facewise.video.extra import needed
from facewise.video.sources.hardware import accelerations, no_hardware
from facewise.video.sources.mp4 import lacks_index
from facewise.video.sources.reading import Reading
from facewise.video.sources.report import SourceReport

if TYPE_CHECKING:
    from av.codec.hwaccel import HWAccel
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_PIXELS = 1 << 26
"""A video of larger frames (8192×8192) is refused: it is a hostile or damaged header."""


class OnePictureError(VideoError):
    """It is a picture and no video; pictures have a reader of their own."""


def open_video(reading: Reading, report: SourceReport) -> tuple[InputContainer, VideoStream]:
    """The container and the stream in it that is to be read.

    Raises:
        VideoError: it cannot be opened, or has no video in it.
    """
    needed("av", "reading a video")
    container = _accelerated(reading, report) or open_container(reading)
    try:
        return container, _video_stream(container, reading.address.name)
    except BaseException:
        container.close()
        raise


def open_container(reading: Reading, hardware: HWAccel | None = None) -> InputContainer:
    """The container, its streams known and their decoders at hand.

    Raises:
        VideoError: it cannot be opened, or it does not answer in time.
    """
    import av

    name = reading.address.name
    try:
        return _open(reading, hardware)
    except av.error.FFmpegError as error:
        raise VideoError(f"{name}: {_why(error, reading)}") from error
    except (NotImplementedError, RuntimeError, ValueError) as error:
        raise VideoError(f"{name}: cannot be opened ({error})") from error


def _accelerated(reading: Reading, report: SourceReport) -> InputContainer | None:
    """The same with a hardware decoder, if one is wanted and takes this video."""
    if reading.hardware is None:
        return None
    for hardware in accelerations(reading.hardware):
        with suppress(VideoError):
            return open_container(reading, hardware)
    report.note(no_hardware(reading.hardware))
    return None


def _open(reading: Reading, hardware: HWAccel | None) -> InputContainer:
    import av

    address = reading.address
    options = {"max_pixels": str(MAX_PIXELS), **address.options}
    if address.kind == "camera":
        if reading.size is not None:
            options["video_size"] = "{}x{}".format(*reading.size)
        if reading.rate is not None:
            options["framerate"] = str(reading.rate)
    options |= reading.options
    if address.kind == "stream" and hasattr(address.target, "seek"):
        with suppress(OSError):  # what cannot be wound back is read from where it is
            address.target.seek(0)
    silent = address.kind in {"address", "camera"}
    opened: InputContainer = av.open(
        address.target,
        "r",
        format=address.format,
        options=options,
        metadata_errors="replace",
        timeout=reading.timeout if silent else None,
        hwaccel=hardware,
    )
    return opened


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    import av

    if container.format.name.endswith("_pipe") or container.format.name == "image2":
        raise OnePictureError(f"{name}: is a picture, not a video")
    covers = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & covers]
    text = container.format.name == "tty"  # a demuxer that makes moving pictures of any text
    if text or not streams:
        kinds = sorted({stream.type for stream in container.streams} - {"video"})
        what = "text" if text else ", ".join(kinds) or "nothing else either"
        raise VideoError(f"{name}: no video in it ({what})")
    best = container.streams.best("video")
    stream = next((stream for stream in streams if stream is best), streams[0])
    if stream.codec_context is None:
        raise VideoError(f"{name}: FFmpeg here has no decoder for its video")
    context = stream.codec_context
    if not context.width or not context.height:
        raise VideoError(f"{name}: nothing in it says how large its frames are; damaged?")
    if context.width * context.height > MAX_PIXELS:
        raise VideoError(
            f"{name}: frames of {context.width}×{context.height} pixels, at most {MAX_PIXELS} "
            "are read; damaged?"
        )
    return stream


def _why(error: Exception, reading: Reading) -> str:
    import av

    address = reading.address
    if isinstance(error, FileNotFoundError):
        return "no such camera" if address.kind == "camera" else "no such file"
    if isinstance(error, av.error.ExitError):
        return f"no answer within {reading.timeout:g} s"
    text = getattr(error, "strerror", None) or str(error)
    if address.kind == "file" and lacks_index(Path(address.name)):
        return "an MP4 file without its index (moov), which is written last; was it cut off?"
    if isinstance(error, (av.error.InvalidDataError, EOFError)) and address.kind != "camera":
        return f"not a video that FFmpeg can read, or damaged from its beginning ({text})"
    return f"cannot be opened ({text})"
