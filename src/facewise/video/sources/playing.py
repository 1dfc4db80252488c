"""Readers around readers: without end, and at the speed of life."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from facewise.video.sources.facts import VideoFacts
from facewise.video.sources.reading import Reader, Reading
from facewise.video.sources.report import SourceReport

if TYPE_CHECKING:
    from facewise.video.frames import VideoFrame

_TICK = 0.05
"""Seconds of one wait, after which it is seen whether to stop."""


class LoopingReader:
    """Begins again at each end; times and indices go on."""

    def __init__(self, reading: Reading, open_reader: Callable[[Reading], Reader]) -> None:
        self._reading = reading
        self._open_reader = open_reader
        self._reader = open_reader(reading)
        self._past = SourceReport()

    @property
    def facts(self) -> VideoFacts:
        """Of one round, but for its length."""
        return replace(self._reader.facts, duration=None, frames=None)

    @property
    def report(self) -> SourceReport:
        """Of all rounds."""
        return self._past + self._reader.report

    def frames(self, stopped: Callable[[], bool]) -> Iterator[VideoFrame]:
        """Frames without end; after a round without any, no more."""
        passed, index = 0.0, 0
        while not stopped():
            last = None
            for frame in self._reader.frames(stopped):
                last = frame.time - (self._reading.start or 0.0)
                frame.index, frame.time = index, passed + frame.time
                index += 1
                yield frame
                del frame  # not held while the next one is made
            self._reader.close()
            if last is None or stopped():
                return
            passed += last + 1 / self._reader.facts.rate
            self._past = self.report
            self._reader = self._open_reader(self._reading)

    def close(self) -> None:
        """Close this round's reader."""
        self._reader.close()


class RealTimeReader:
    """Gives each frame at its time, counted from the first one; as a camera does."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def facts(self) -> VideoFacts:
        """Those of a live source."""
        return replace(self._reader.facts, live=True, duration=None, frames=None)

    @property
    def report(self) -> SourceReport:
        """The reader's."""
        return self._reader.report

    def frames(self, stopped: Callable[[], bool]) -> Iterator[VideoFrame]:
        """The reader's frames, none before its time."""
        begun = None
        for frame in self._reader.frames(stopped):
            if begun is None:
                begun = time.monotonic() - frame.time
            while (wait := begun + frame.time - time.monotonic()) > 0:
                if stopped():
                    return
                time.sleep(min(wait, _TICK))
            yield frame
            del frame  # not held while the next one is made

    def close(self) -> None:
        """Close the reader."""
        self._reader.close()
