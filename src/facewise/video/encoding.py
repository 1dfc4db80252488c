"""Which codec, pixel format and clock a video is written with, by the kind of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

from facewise.errors import VideoError

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".gif")

_INDEX_FIRST = {"movflags": "+faststart"}
"""A player in a browser can begin before it has the whole file."""

_FINE = Fraction(1, 60_000)
"""Seconds: a clock in which 24, 25, 30, 50 and 60 frames a second, and 30000/1001, are exact."""

_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "libx264": {"preset": "superfast", "crf": "20"},
    "libx265": {"preset": "superfast", "crf": "23", "x265-params": "log-level=none"},
    "libvpx-vp9": {
        "deadline": "realtime", "cpu-used": "7", "row-mt": "1", "crf": "32", "b": "0",
    },
    "mpeg4": {"flags": "+qscale", "global_quality": str(4 * 118)},
}  # fmt: skip
"""How each encoder is to weigh time, size and quality; 118 is FFmpeg's FF_QP2LAMBDA."""

_MARKED = frozenset({"h264", "hevc", "vp9", "av1"})
"""Codecs that say themselves which colour space they are in; players take others for BT.601."""

_WANTED = {"webm": "libvpx-vp9", "gif": "gif", "avi": "mpeg4"}
"""The encoder of a container; H.264 for others."""


_ALSO = {"mpegts": frozenset({"h264", "hevc", "mpeg2video", "aac", "mp3", "mp2", "ac3"})}
"""What containers take that have no list of their own in FFmpeg."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How frames are encoded.

    Attributes:
        codec: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name of the form of pixels it is given.
        time_base: seconds of one tick.
        options: of the encoder.
    """

    codec: str
    pixel_format: str
    time_base: Fraction
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def marked(self) -> bool:
        """It says its colour space, which is BT.709 then, and else BT.601."""
        return _canonical(self.codec) in _MARKED and self.pixel_format.startswith("yuv")

    @property
    def even(self) -> bool:
        """Width and height must be even, since four pixels share a colour."""
        return "420" in self.pixel_format


def open_output(path: Path, draft: Path) -> OutputContainer:
    """A container for a file, written as a draft.

    Raises:
        VideoError: the name says no container, or the draft cannot be written.
    """
    import av

    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise VideoError(f"{path}: expected a name that ends in {', '.join(_SUFFIXES)}")
    options = _INDEX_FIRST if suffix in {".mp4", ".m4v", ".mov"} else {}
    try:
        return av.open(f"file:{draft}", "w", options=dict(options))
    except (OSError, ValueError, av.error.FFmpegError) as error:
        raise VideoError(f"{path}: cannot be written ({error})") from error


def encoding_for(
    container: OutputContainer,
    rate: Fraction,
    time_base: Fraction | None = None,
    codec: str | None = None,
) -> Encoding:
    """What suits a container.

    Args:
        container: open for writing.
        rate: frames a second, of containers that know no other times.
        time_base: of the source: kept, so that its times are written to the tick.
        codec: an encoder's name, to override the choice.

    Raises:
        VideoError: FFmpeg here has no such encoder.
    """
    import av

    kind = container.format.name
    if codec is None:
        codec = _WANTED.get(kind, "libx264")
        if codec not in av.codecs_available or not takes(container, _canonical(codec)):
            codec = container.default_video_codec
    try:
        formats = [form.name for form in av.Codec(codec, "w").video_formats or []]
    except (ValueError, av.error.FFmpegError) as error:
        raise VideoError(f"codec {codec!r}: FFmpeg here has no such encoder") from error
    wanted = ("yuv420p", "rgb24", "rgb8", "gbrp", "yuvj420p")
    chosen = next(
        (form for form in wanted if form in formats), formats[0] if formats else "yuv420p"
    )
    return Encoding(codec, chosen, _clock(kind, codec, rate, time_base), _OPTIONS.get(codec, {}))


def takes(container: OutputContainer, codec: str) -> bool:
    """Whether a container takes a codec, named as FFmpeg names it (`h264`, `aac`)."""
    named = _ALSO.get(container.format.name, frozenset())
    return codec in named or codec in container.supported_codecs


def video_stream(
    output: OutputContainer,
    encoding: Encoding,
    size: tuple[int, int],
    rate: Fraction,
    aspect: Fraction,
    options: Mapping[str, str],
) -> VideoStream:
    """A new stream of an output.

    Args:
        output: open for writing.
        encoding: how frames are encoded.
        size: `(width, height)` of the frames; odd ones are made even where they must be.
        rate: frames a second, which rate control goes by.
        aspect: width of a pixel by its height.
        options: of the encoder.
    """
    width, height = size
    if encoding.even:
        width, height = max(2, width - width % 2), max(2, height - height % 2)
    added = output.add_stream(encoding.codec, rate=rate, options=dict(options))
    stream = cast("VideoStream", added)
    context = stream.codec_context
    context.width, context.height = width, height
    context.pix_fmt = encoding.pixel_format
    context.time_base = encoding.time_base
    if aspect != 1:
        context.sample_aspect_ratio = aspect
    if encoding.marked:  # 1 is BT.709 for each of three, and limited for the range
        context.colorspace = context.color_primaries = context.color_trc = 1
        context.color_range = 1
    return stream


def _canonical(encoder: str) -> str:
    import av

    return str(av.Codec(encoder, "w").canonical_name)


def _clock(kind: str, codec: str, rate: Fraction, time_base: Fraction | None) -> Fraction:
    if kind == "avi":  # a frame in every tick
        return 1 / rate
    if kind == "gif":
        return Fraction(1, 100)
    finest = 65_535 if codec == "mpeg4" else 1_000_000
    if time_base is not None and 1000 <= 1 / time_base <= finest:
        return time_base
    return _FINE
