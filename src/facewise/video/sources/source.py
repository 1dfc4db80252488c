"""`Source`: a video that is open, as an iterator of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from facewise.errors import VideoError
from facewise.video.frames import VideoFrame
from facewise.video.sources.facts import AudioFacts, VideoFacts
from facewise.video.sources.read_ahead import ReadAhead
from facewise.video.sources.reading import Reader, Reading
from facewise.video.sources.report import SourceReport

if TYPE_CHECKING:
    from types import TracebackType

_MEMORY = 256 << 20
"""Bytes that frames read ahead may take; two of them are always allowed."""


class Source:
    """Frames of one video, camera or series of pictures, in order, each once.

    A thread decodes a few frames ahead while the caller computes. It is a context manager;
    leaving it, at whatever frame, ends the thread. `open_source` makes one.

    Attributes:
        reading: what `open_source` was told.
        ended: all frames have been given.
    """

    def __init__(self, reading: Reading, open_reader: Callable[[Reading], Reader]) -> None:
        self.reading = reading
        self._open_reader = open_reader
        self._reader = open_reader(reading)
        self._ahead: ReadAhead[VideoFrame] | None = None
        self._closed = False
        self.ended = False

    @property
    def facts(self) -> VideoFacts:
        """What the source says of itself."""
        return self._reader.facts

    @property
    def report(self) -> SourceReport:
        """What went wrong so far; complete after the last frame."""
        report = self._reader.report
        skipped = 0 if self._ahead is None else self._ahead.given_up
        return replace(report, skipped=skipped, first=list(report.first), notes=list(report.notes))

    @property
    def name(self) -> str:
        """The path or address, for messages."""
        return self.facts.name

    @property
    def width(self) -> int:
        """Pixels of a frame, upright."""
        return self.facts.width

    @property
    def height(self) -> int:
        """Pixels of a frame, upright."""
        return self.facts.height

    @property
    def rate(self) -> float:
        """Frames a second; their mean, where it varies."""
        return self.facts.rate

    @property
    def duration(self) -> float | None:
        """Seconds of the whole video, or None: unknown or endless."""
        return self.facts.duration

    @property
    def frames(self) -> int | None:
        """Frames of the whole video, where its container says so."""
        return self.facts.frames

    @property
    def audio(self) -> AudioFacts | None:
        """The sound that goes with it."""
        return self.facts.audio

    @property
    def live(self) -> bool:
        """It comes as it happens: it cannot be opened again from the beginning."""
        return self.facts.live

    @property
    def expected(self) -> int | None:
        """About how many frames it will give, from `start` to `stop`; None: nobody knows."""
        if self.reading.loop or self.duration is None:
            return None
        start = min(self.reading.start or 0.0, self.duration)
        stop = self.duration if self.reading.stop is None else min(self.reading.stop, self.duration)
        if (start, stop) == (0.0, self.duration) and self.frames:
            return self.frames
        return max(0, round((stop - start) * self.rate))

    def again(self) -> Source:
        """The same source from its beginning, for a second pass: equal frames, numbers and times.

        Raises:
            VideoError: it is live or a pipe, or cannot be opened any more.
        """
        if self.live or self.reading.address.target == "pipe:0":
            raise VideoError(f"{self.name}: comes only once and cannot be read a second time")
        return Source(self.reading, self._open_reader)

    def __iter__(self) -> Iterator[VideoFrame]:
        return self

    def __next__(self) -> VideoFrame:
        """The next frame.

        Raises:
            VideoError: nothing at all could be read; or the source has been closed.
        """
        if self._closed:
            raise VideoError(f"{self.name}: has been closed")
        if self._ahead is None:
            size = self.width * self.height * 3 // 2
            most = max(2, min(self.reading.ahead, _MEMORY // max(1, size)))
            self._ahead = ReadAhead(_reading(self._reader), most, newest=self.live)
        try:
            return next(self._ahead)
        except StopIteration:
            self.ended = True
            raise

    def close(self) -> None:
        """End reading; frames that were given stay good. May be called at any moment, and again."""
        self._closed = True
        if self._ahead is None:
            self._reader.close()
        else:
            self._ahead.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        facts = self.facts
        return f"<Source {facts.name}: {facts.width}×{facts.height}, {facts.rate:.6g}/s>"


def _reading(reader: Reader) -> Callable[[Callable[[], bool]], Iterator[VideoFrame]]:
    """What the thread does: read, and let go of the file in the same thread."""

    def frames(stopped: Callable[[], bool]) -> Iterator[VideoFrame]:
        try:
            yield from reader.frames(stopped)
        finally:
            reader.close()

    return frames
