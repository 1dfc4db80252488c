"""Read a video from one time to another: seeking, times, numbers, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING

from facewise.errors import VideoError
from facewise.video.frames import VideoFrame
from facewise.video.sources.clock import Clock
from facewise.video.sources.container_facts import beginning, facts_of, rate_of
from facewise.video.sources.decoding import Decoder
from facewise.video.sources.ending import why_broken
from facewise.video.sources.gaps import Gaps
from facewise.video.sources.reading import Reading
from facewise.video.sources.report import SourceReport
from facewise.video.sources.turning import Turns

if TYPE_CHECKING:
    import av

_NEARLY = 1e-6
"""Seconds: times nearer to each other are the same."""

_BACK = (0.0, 1.0, 4.0, 16.0, 64.0)
"""Seconds further back to which is sought, where the container puts us down behind the time."""

_HIGH_RANGE = frozenset({16, 18})
"""Transfers of HDR: PQ and HLG (ITU-T H.273, table 3)."""

_TIMELESS = frozenset({"avi"})
"""Containers that have no time of showing; FFmpeg's guess at it is wrong after B-frames."""


class VideoReader:
    """Reads one video once.

    Opening it decodes the first frame, so what cannot be decoded at all is refused at once, and the
    facts are those of a real frame.

    Raises:
        VideoError: it cannot be opened, has no video in it, or not one frame can be decoded.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._frames: Iterator[tuple[av.VideoFrame, float]] = iter(())
        self.report = SourceReport()
        self._open()
        first = next(self._frames, None)
        if first is None:
            self.close()
            raise VideoError(f"{reading.address.name}: not one frame can be decoded{self._why()}")
        self._frames = chain([first], self._frames)
        if first[0].color_trc in _HIGH_RANGE:
            self.report.note("high dynamic range, shown without tone mapping: pictures look flat")
        if reading.rate is not None and reading.address.kind != "camera":
            self.report.note("has a rate of its own: the one asked for is for pictures and cameras")
        self._turns = Turns()
        self.facts = facts_of(
            self._decoder.container,
            self._decoder.stream,
            first[0],
            self._turns.of(first[0]),
            reading,
        )

    def frames(self, stopped: Callable[[], bool]) -> Iterator[VideoFrame]:
        """The frames from `start` to `stop`, as the reading says."""
        self._decoder.stopped = stopped
        start, stop = self._reading.start or 0.0, self._reading.stop
        if start > 0 and self._can_seek():
            self._seek(start)
        gaps = Gaps()
        time = None
        for frame, time in self._frames:
            if stop is not None and time >= stop - _NEARLY:
                break
            if time >= start - _NEARLY:
                self.report.doubtful += frame.is_corrupt
                gaps.frame(time)
                yield VideoFrame(self.report.frames, time, frame, self._turns.of(frame))
                self.report.frames += 1
            del frame  # not held while the next one is made
        else:
            if not stopped() and self.report.broken is None and not self.facts.live:
                self.report.broken = why_broken(self.facts, self._decoder, time)
        self.report.missing = gaps.missing()

    def _why(self) -> str:
        report = self.report
        why = report.broken or (report.first[0].message if report.first else None)
        return f" ({why})" if why else ""

    def close(self) -> None:
        """Close the file or stream."""
        self._frames = iter(())
        self._decoder.container.close()

    def _open(self) -> None:
        self._decoder = Decoder(self._reading, self.report)
        self._begin()

    def _begin(self) -> None:
        """Decode and count from where the container stands."""
        self.report = SourceReport(notes=self.report.notes)
        self._frames = self._timed(self._decoder, self.report)

    @staticmethod
    def _timed(decoder: Decoder, report: SourceReport) -> Iterator[tuple[av.VideoFrame, float]]:
        clock = Clock(
            decoder.stream.time_base or Fraction(1, 90_000),
            None if decoder.live else beginning(decoder.container),
            1 / rate_of(decoder.stream),
            report,
            depth=decoder.stream.codec_context.reorder_depth,
            shown=decoder.container.format.name not in _TIMELESS,
        )
        for frame in decoder.frames(clock, report):
            yield frame, clock.time(frame.pts, frame.dts)
            del frame

    def _can_seek(self) -> bool:
        """Whether times after seeking are those that they would be without it."""
        context, kind = self._decoder.stream.codec_context, self._reading.address.kind
        unsure = self._decoder.container.format.name in _TIMELESS and context.reorder_depth
        return kind in {"file", "address"} and not self.facts.live and not unsure

    def _seek(self, start: float) -> None:
        """Go to a frame from which decoding reaches `start`; to the first one, if need be."""
        for back in _BACK:
            first = self._first_after_seek(start - back) if back < start else None
            if first is None:
                break
            if first[1] <= start + _NEARLY:
                self._frames = chain([first], self._frames)
                return
        stopped = self._decoder.stopped
        self._decoder.container.close()
        self._open()
        self._decoder.stopped = stopped

    def _first_after_seek(self, time: float) -> tuple[av.VideoFrame, float] | None:
        import av

        container, stream = self._decoder.container, self._decoder.stream
        base = stream.time_base or Fraction(1, 90_000)
        try:
            container.seek(int((beginning(container) + Fraction(time)) / base), stream=stream)
        except av.error.FFmpegError:
            return None
        self._begin()
        return next(self._frames, None)
