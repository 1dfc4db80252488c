"""A series of pictures, read as a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from facewise.errors import ImageError, VideoError
from facewise.images import load
from facewise.video.frames import VideoFrame
from facewise.video.sources.facts import VideoFacts
from facewise.video.sources.reading import Reading
from facewise.video.sources.report import SourceReport

RATE = 25.0
"""Pictures a second, unless told otherwise."""


class PictureReader:
    """Reads pictures in order; one that is damaged is left out, and its time passes.

    Raises:
        VideoError: none of them can be read; says why of the first.
    """

    def __init__(self, reading: Reading) -> None:
        self._pictures = reading.address.target
        self._start = reading.start or 0.0
        self._stop = reading.stop
        rate = reading.rate or RATE
        self.report = SourceReport()
        name = reading.address.name
        height, width = _size(self._pictures, name)
        number = len(self._pictures)
        self.facts = VideoFacts(name, width, height, rate, number / rate, number)

    def frames(self, stopped: Callable[[], bool]) -> Iterator[VideoFrame]:
        """The pictures as frames."""
        for place, picture in enumerate(self._pictures):
            time = place / self.facts.rate
            if stopped() or (self._stop is not None and time >= self._stop):
                return
            if time < self._start:
                continue
            try:
                image = load(picture)
            except ImageError as error:
                self.report.add(time, str(error))
                continue
            yield VideoFrame(self.report.frames, time, image)
            self.report.frames += 1

    def close(self) -> None:
        """Nothing is kept open."""


def _size(pictures: list[Any], name: str) -> tuple[int, int]:
    """Height and width of the first that can be read."""
    failure: ImageError | None = None
    for picture in pictures:
        try:
            height, width = load(picture).shape[:2]
        except ImageError as error:
            failure = failure or error
        else:
            return height, width
    raise VideoError(f"{name}: {failure}") from failure
