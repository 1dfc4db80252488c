"""What is known of a source before its first frame is read."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """The audio of a video.

    Attributes:
        codec: FFmpeg's name: `aac`, `opus`, ….
        rate: samples a second.
        channels: their number.
    """

    codec: str
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a source says of itself; a damaged file may say what is not so.

    Attributes:
        name: the path or address, without a password, for messages.
        width: pixels of a frame, upright.
        height: pixels of a frame, upright.
        rate: frames a second: the mean, where it varies; 25 where nothing is known.
        duration: seconds, or None: unknown or endless.
        frames: their number, or None where the container does not say it.
        codec: FFmpeg's name of the video codec: `h264`, `mjpeg`, …; "pictures" for pictures.
        pixel_format: FFmpeg's name of the stored form of pixels, as `yuv420p`.
        time_base: seconds of one tick of its clock.
        aspect: width of a pixel by its height; 1 for most.
        audio: of the sound that goes with it, or None.
        live: it comes as it happens: it cannot be sought in, nor opened again from the beginning.
        decoding: how: "software, 2 threads", "hardware, cuda".
    """

    name: str
    width: int
    height: int
    rate: float
    duration: float | None = None
    frames: int | None = None
    codec: str = "pictures"
    pixel_format: str = "rgb24"
    time_base: Fraction = Fraction(1, 90_000)
    aspect: Fraction = Fraction(1)
    audio: AudioFacts | None = None
    live: bool = False
    decoding: str = "software"
