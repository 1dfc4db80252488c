"""Times of frames: from what the container says, made good where it says nothing or nonsense."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

from facewise.video.sources.report import SourceReport

_LEAP = 1.0
"""Seconds: timestamps that go back by more than this have begun anew; by less, they are bad."""

_KEPT = 1000
"""Times of packets without a frame yet; more than any decoder holds back."""


class Clock:
    """Turns timestamps into seconds since the beginning of the video; each later than the last.

    Args:
        time_base: seconds of one tick of the timestamps.
        start: seconds of the timestamps that are time 0; None for those of the first frame.
        step: seconds from a frame to the next, where nothing says when the next is.
        report: gets a note when timestamps are not to be trusted.
        depth: frames at most that the decoder holds back, to bring them into order.
        shown: whether timestamps say when frames are shown. Where they do not (AVI has only one of
            packets, and FFmpeg guesses the rest), those of decoding are made use of.

    Attributes:
        last: the time that was given last; None before the first.
    """

    def __init__(
        self,
        time_base: Fraction,
        start: Fraction | None,
        step: float,
        report: SourceReport,
        *,
        depth: int = 0,
        shown: bool = True,
    ) -> None:
        self.time_base = time_base
        self.last: float | None = None
        self._start = start
        self._step = step
        self._report = report
        self._depth = depth
        self._shown = shown
        self._shift = 0.0
        self._sent: deque[int] = deque(maxlen=_KEPT)

    def sent(self, shown: int | None, decoded: int | None) -> None:
        """Take down the times of a packet, in ticks: of showing, if it says that, and of decoding.

        Packets come in the order of decoding and frames in that of showing. So frames that have
        only times of decoding are shown at those in their order, not each at that of its packet.
        """
        if decoded is not None and (shown is None or not self._shown):
            self._sent.append(decoded)

    def time(self, shown: int | None, decoded: int | None = None) -> float:
        """Seconds of the next frame, of whose packet the times are given, in ticks."""
        last = self.last
        timestamp = self._timestamp(shown, decoded)
        if timestamp is None:
            time = 0.0 if last is None else last + self._step
        else:
            time = self._seconds(timestamp)
            if last is not None and time <= last:
                time = self._mended(time, last)
        self.last = time
        return time

    def _timestamp(self, shown: int | None, decoded: int | None) -> int | None:
        if shown is not None and self._shown:
            return shown
        if decoded is not None:
            # Packets that gave no frame must not make all later frames early.
            while sum(sent < decoded for sent in self._sent) > self._depth:
                self._sent.popleft()
        return self._sent.popleft() if self._sent else decoded

    def _seconds(self, timestamp: int) -> float:
        seconds = timestamp * self.time_base
        if self._start is None:  # frames may have come already that had no timestamp
            passed = 0.0 if self.last is None else self.last + self._step
            self._start = seconds - Fraction(passed)
        return float(seconds - self._start) + self._shift

    def _mended(self, time: float, last: float) -> float:
        if time < last - _LEAP:
            self._report.note(f"timestamps began anew after {last:.2f} s; times go on from there")
            self._shift += last + self._step - time
            return last + self._step
        self._report.note("timestamps that stood still or went back were made good")
        return last + min(self._step, 1e-3)
