"""A live source that is lost, and found again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from facewise.errors import VideoError
from facewise.video.sources.facts import VideoFacts
from facewise.video.sources.reading import Reader, Reading
from facewise.video.sources.report import SourceReport

if TYPE_CHECKING:
    from facewise.video.frames import VideoFrame

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
"""Seconds between two attempts; each pause is twice as long as the one before."""

_TICK = 0.05
"""Seconds of one wait, after which it is seen whether to stop."""


class ReconnectingReader:
    """Opens a live source anew whenever it ends; frames, indices and times go on.

    The times of frames have the gap in them, as long as it was by the clock on the wall.

    Args:
        reading: how to read; its `reconnect` is how many seconds to try, each time.
        open_reader: makes a reader of it.

    Raises:
        VideoError: it could not be opened for that many seconds.
    """

    def __init__(self, reading: Reading, open_reader: Callable[[Reading], Reader]) -> None:
        self._reading = reading
        self._open_reader = open_reader
        self._past = SourceReport()
        self._reader = self._opened(lambda: False)

    @property
    def facts(self) -> VideoFacts:
        """Those of the present connection."""
        return self._reader.facts

    @property
    def report(self) -> SourceReport:
        """Of all connections."""
        return self._past + self._reader.report

    def frames(self, stopped: Callable[[], bool]) -> Iterator[VideoFrame]:
        """Frames until the source stays away for too long, or is no live one and has ended."""
        index, shift, last, seen = 0, 0.0, 0.0, time.monotonic()
        while True:
            first = True
            for frame in self._reader.frames(stopped):
                if first and index:
                    shift = last + time.monotonic() - seen - frame.time
                first = False
                frame.index, frame.time = index, frame.time + shift
                index, last, seen = index + 1, frame.time, time.monotonic()
                yield frame
                del frame  # not held while the next one is made
            self._reader.close()
            if stopped() or not self._reader.facts.live:
                return
            why = self._reader.report.broken or "it ended"
            lost = self.report
            lost.broken = None
            lost.add_loss(last, why)
            try:
                reader = self._opened(stopped)
            except VideoError as error:
                self._reader.report.broken = f"lost after {last:.2f} s ({error})"
                return
            self._past, self._reader = lost, reader

    def close(self) -> None:
        """Close the present connection."""
        self._reader.close()

    def _opened(self, stopped: Callable[[], bool]) -> Reader:
        until = time.monotonic() + (self._reading.reconnect or 0.0)
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._open_reader(self._reading)
            except VideoError:
                if stopped() or time.monotonic() + pause > until:
                    raise
            waited = time.monotonic() + pause
            while (left := waited - time.monotonic()) > 0 and not stopped():
                time.sleep(min(left, _TICK))
            pause = min(2 * pause, _LONGEST_PAUSE)
