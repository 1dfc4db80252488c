"""What a container and its first frame say of a video."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from facewise.video.orientation import Orientation
from facewise.video.sources.address import Address
from facewise.video.sources.facts import AudioFacts, VideoFacts
from facewise.video.sources.reading import Reading

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

_MICROSECOND = Fraction(1, 1_000_000)

RATE = 25.0
"""Frames a second, where a container says nothing that can be believed."""


def facts_of(
    container: InputContainer,
    stream: VideoStream,
    first: av.VideoFrame,
    turn: Orientation,
    reading: Reading,
) -> VideoFacts:
    """The facts of an open video, given its first frame and how that is to be turned."""
    address = reading.address
    live = is_live(address, container, stream)
    width, height = turn.size(first.width, first.height)
    context = stream.codec_context
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    software = f"software, {context.thread_count} threads"
    return VideoFacts(
        name=address.name,
        width=width,
        height=height,
        rate=rate_of(stream),
        duration=None if live else duration_of(container, stream),
        frames=stream.frames or None,
        codec=context.codec.canonical_name,
        pixel_format=first.format.name,
        time_base=stream.time_base or Fraction(1, 90_000),
        aspect=aspect if aspect > 0 else Fraction(1),
        audio=audio_of(container),
        live=live,
        decoding=f"hardware, {reading.hardware}" if context.is_hwaccel else software,
    )


def is_live(address: Address, container: InputContainer, stream: VideoStream) -> bool:
    """Whether it comes as it happens: so says its protocol, or nobody says how long it is."""
    if address.live or address.kind != "address":
        return address.live
    return duration_of(container, stream) is None and container.size <= 0


def beginning(container: InputContainer) -> Fraction:
    """Seconds of the timestamps that are time 0: where the first of video and audio begins."""
    rounded = Fraction(max(0, container.start_time or 0), 1_000_000)
    exact = (
        stream.start_time * stream.time_base
        for stream in container.streams
        if stream.start_time is not None and stream.time_base
    )
    return next((time for time in exact if abs(time - rounded) < _MICROSECOND), rounded)


def duration_of(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds as declared: by the stream, by a tag of it (Matroska), or by the container."""
    if stream.duration and stream.duration > 0 and stream.time_base:
        return float(stream.duration * stream.time_base)
    tagged = _tagged(stream)
    if tagged is not None:
        return tagged
    if container.duration and container.duration > 0:
        return container.duration / 1_000_000
    return None


def audio_of(container: InputContainer) -> AudioFacts | None:
    """Of the best stream of audio."""
    for stream in container.streams.audio:
        context = stream.codec_context
        if stream is container.streams.best("audio") and context is not None:
            return AudioFacts(context.codec.canonical_name, context.sample_rate, context.channels)
    return None


def rate_of(stream: VideoStream) -> float:
    """Frames a second, as declared or as FFmpeg guesses from the first packets."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return float(rate)
    return RATE


def _tagged(stream: VideoStream) -> float | None:
    for key, value in stream.metadata.items():
        found = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", value)
        if key.upper().startswith("DURATION") and found:
            hours, minutes, seconds = found.groups()
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds) or None
    return None
