"""Write a video: frames at their own times, with the sound of the source they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import VideoError
from facewise.video.draft import Draft
from facewise.video.encoding import encoding_for, open_output, video_stream
from facewise.video.extra import needed
from facewise.video.sound import Sound

if TYPE_CHECKING:
    from types import TracebackType

    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from facewise.images import Picture
    from facewise.video.sources import Source


class VideoWriter:
    """A video file in the making; a context manager.

    The file appears, whole, when the writer is closed without an error. Until then, and after an
    error, an older file of that name is as it was.

    Args:
        path: the file; its suffix says the container: `.mp4`, `.m4v`, `.mov`, `.mkv`, `.webm`,
            `.avi`, `.ts`, `.gif`. Frames are H.264 where the container takes it, VP9 in WebM.
        like: the source that the frames come from: its rate, clock, shape of pixels and audio are
            kept, and its `start` becomes 0.
        audio: whether to keep the sound of `like`: copied where the container takes its codec,
            else encoded anew. Of a live, looped or piped source there is none.
        rate: frames a second; needed only without `like`, for containers without times (AVI).
        codec: FFmpeg's name of an encoder, instead of the one that suits the container.
        options: for the encoder, as `{"crf": "26", "preset": "medium"}`.

    Attributes:
        notes: what is not as one might expect, as audio that could not be kept.
        frames: written so far.

    Raises:
        VideoError: the file cannot be written, or its suffix is none of these.
        ValueError: the rate is not more than 0.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        like: Source | None = None,
        audio: bool = True,
        rate: float | None = None,
        codec: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        needed("av", "writing a video")
        if rate is not None and not 0 < rate <= 1000:
            raise ValueError(f"rate: expected more than 0 and at most 1000 a second, got {rate}")
        self.path = Path(path)
        self.notes: list[str] = []
        self.frames = 0
        self._like = like
        self._rate = Fraction(rate or (like.rate if like else 25.0)).limit_denominator(1001)
        self._zero = zero_time(like)
        self._last = -1
        self._stream: VideoStream | None = None
        self._sound: Sound | None = None
        self._draft = Draft(self.path)
        self._output: OutputContainer | None = None
        try:
            self._output = open_output(self.path, self._draft.path)
            time_base = like.facts.time_base if like else None
            self._encoding = encoding_for(self._output, self._rate, time_base, codec)
        except BaseException:
            self.abort()
            raise
        self._options = {**self._encoding.options, **(options or {})}
        self._with_audio = audio and like is not None and like.audio is not None

    def write(self, image: Picture, time: float) -> None:
        """Add a frame.

        Args:
            image: uint8 RGB (h, w, 3). The first one decides the size of the video; one of another
                size is resized to it. An odd width or height loses its last line of pixels where
                the pixel format asks for even ones.
            time: seconds, as `VideoFrame.time`; later than that of the frame before.

        Raises:
            VideoError: it cannot be encoded or written, or the writer is closed.
            ValueError: the image is not of that form, or the time is not a number.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ValueError(f"image: expected uint8 (h, w, 3), got {image.dtype} {image.shape}")
        if not math.isfinite(time):
            raise ValueError(f"time: expected seconds, got {time}")
        if self._output is None:
            raise VideoError(f"{self.path}: has been closed")
        try:
            stream = self._stream or self._begin(self._output, image)
            self._encode(self._output, stream, image, time)
            if self._sound is not None:
                self._sound.until(float(self._last * self._encoding.time_base))
        except _failures() as error:
            raise self._unwritable(error) from error
        self.frames += 1

    def close(self) -> None:
        """Finish the file and put it in its place.

        Raises:
            VideoError: it cannot be written, or there was no frame.
        """
        if self._output is None:
            return
        try:
            if self._stream is None:
                raise VideoError(f"{self.path}: not written, since there was no frame")
            self._output.mux(self._stream.encode(None))
            self._end_sound()
            self._output.close()
            self._draft.keep()
            self._output = None
        except _failures() as error:
            raise self._unwritable(error) from error
        finally:
            self.abort()

    def abort(self) -> None:
        """Give up what is not finished."""
        if self._sound is not None:
            self._sound.close()
            self._sound = None
        if self._output is not None:
            with suppress(Exception):  # it is thrown away
                self._output.close()
            self._output = None
        self._draft.drop()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _begin(self, output: OutputContainer, image: Picture) -> VideoStream:
        """Make the streams, now that the size is known."""
        height, width = image.shape[:2]
        aspect = self._like.facts.aspect if self._like else Fraction(1)
        stream = video_stream(
            output, self._encoding, (width, height), self._rate, aspect, self._options
        )
        if self._with_audio and self._like is not None:
            try:
                self._sound = Sound(self._like, output)
            except _refusals() as error:
                self.notes.append(f"without audio: {error}")
        self._stream = stream
        return stream

    def _encode(
        self, output: OutputContainer, stream: VideoStream, image: Picture, time: float
    ) -> None:
        from facewise.video.pixels import stored

        if self._zero is None:
            self._zero = time
        form, modern = self._encoding.pixel_format, self._encoding.marked
        frame = stored(image, stream.width, stream.height, form, modern=modern)
        tick = round((time - self._zero) / self._encoding.time_base)
        self._last = max(tick, self._last + 1)
        frame.pts = self._last
        frame.time_base = self._encoding.time_base
        frame.duration = max(1, round(1 / self._rate / self._encoding.time_base))
        output.mux(stream.encode(frame))

    def _end_sound(self) -> None:
        if self._sound is None or self._like is None:
            return
        end = float(self._last * self._encoding.time_base + 1 / self._rate)
        self._sound.until(None if self._like.ended else end)
        if self._sound.note:
            self.notes.append(self._sound.note)

    def _unwritable(self, error: Exception) -> VideoError:
        return VideoError(f"{self.path}: cannot be written ({error})")


def zero_time(like: Source | None) -> float | None:
    """The time that becomes 0 in the file; None: that of the first frame."""
    if like is None:
        return 0.0
    return None if like.live else like.reading.start or 0.0


def _failures() -> tuple[type[Exception], ...]:
    """What goes wrong with files and encoders."""
    import av

    return (OSError, av.error.FFmpegError)


def _refusals() -> tuple[type[Exception], ...]:
    return (*_failures(), ValueError, VideoError)
