"""`open_feed`: a source that goes on like a camera, and says when it is lost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from facewise.errors import VideoError
from facewise.video.sources import Source
from facewise.video.sources.address import address_of
from facewise.video.sources.opening import open_reader
from facewise.video.sources.playing import RealTimeReader
from facewise.video.sources.reading import Reader, Reading
from facewise.video.sources.reconnecting import ReconnectingReader


class PatientReader(ReconnectingReader):
    """A live source that has to be there at first, and is waited for when it is lost later on.

    Attributes:
        lost: why there is no picture at present; None while there is one.
        on_lost: is called when it is lost, in the thread that reads.

    Raises:
        VideoError: it cannot be opened now.
    """

    def __init__(self, reading: Reading, open_once: Callable[[Reading], Reader]) -> None:
        self.lost: str | None = None
        self.on_lost: Callable[[], object] = lambda: None
        super().__init__(replace(reading, reconnect=0.0), open_once)
        self._reading = reading

    def _opened(self, stopped: Callable[[], bool]) -> Reader:
        before = getattr(self, "_reader", None)
        if before is not None:
            self.lost = before.report.broken or "the stream ended"
            self.on_lost()
        reader = super()._opened(stopped)
        self.lost = None
        return reader


@dataclass(frozen=True, slots=True)
class Feed:
    """A source whose frames come as those of a camera do.

    Attributes:
        source: gives them.
        patient: what waits for the source where it may come back, or None.
    """

    source: Source
    patient: PatientReader | None

    @property
    def lost(self) -> str | None:
        """Why there is no picture at present; None while there is one."""
        return None if self.patient is None else self.patient.lost

    @property
    def losses(self) -> int:
        """How often it was lost and came back."""
        return self.source.report.losses


def open_feed(
    what: Any,
    *,
    rate: float | None = None,
    size: tuple[int, int] | None = None,
    retry: float = math.inf,
    timeout: float = 10.0,
    loop: bool = False,
) -> Feed:
    """Open a camera, a stream, or something that is played as if it was one.

    Args:
        what: as `open_source` takes it. Files and pictures are played at the speed of life.
        rate: frames a second: of pictures; asked of a camera.
        size: `(width, height)` asked of a camera.
        retry: seconds to wait for a camera or stream each time it is lost.
        timeout: seconds that a network or a camera may keep silent.
        loop: of files and pictures: begin again after the end.

    Raises:
        VideoError: it cannot be opened now.
        ExtraMissingError: the extra `video` is not installed.
        ValueError: an argument is not what it may be.
    """
    for name, value, above in (("retry", retry, -1e-9), ("timeout", timeout, 0), ("rate", rate, 0)):
        if value is not None and not value > above:
            raise ValueError(f"{name}: expected more than 0, got {value}")
    if size is not None and min(size) < 1:
        raise ValueError(f"size: expected (width, height) of at least 1 pixel, got {size}")
    address = address_of(what)
    if loop and address.kind not in {"file", "pictures"}:
        raise VideoError(f"{address.name}: only files and pictures can be played in a loop")
    reading = Reading(
        address, rate=rate, size=size, timeout=timeout, reconnect=retry, loop=loop, ahead=2
    )
    made: list[PatientReader] = []

    def open_it(reading: Reading) -> Reader:
        reader: Reader
        if reading.address.kind in {"address", "camera"}:
            reader = PatientReader(reading, lambda it: open_reader(replace(it, reconnect=None)))
            made.append(reader)
        else:
            reader = open_reader(reading)
        return reader if reader.facts.live else RealTimeReader(reader)

    source = Source(reading, open_it)
    return Feed(source, made[0] if made else None)
