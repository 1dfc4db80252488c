"""Whether pictures come from the camera, how fast, and since when not."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facewise.video.camera.events import Events
    from facewise.video.camera.feed import Feed

_SPAN = 2.0
"""Seconds over which frames are counted."""


class Link:
    """Counts frames, and tells when the camera is lost and back: `lost` (source, why), `back`.

    It may be asked in several threads; `frame` is called by one.

    Args:
        feed: the camera.
        events: where it is told.
        silence: seconds without a frame after which the camera is said to be silent.

    Attributes:
        fps: frames a second, over the last ones.
    """

    def __init__(self, feed: Feed, events: Events, silence: float) -> None:
        self._feed = feed
        self._events = events
        self._silence = silence
        self._moments: deque[float] = deque()
        self._last: float | None = None
        self._lock = threading.Lock()
        self._losses = 0
        self._is_told = False
        self.fps = 0.0
        if feed.patient is not None:
            feed.patient.on_lost = self._look

    def frame(self) -> None:
        """A frame has come."""
        now = self._last = time.monotonic()
        self._moments.append(now)
        while self._moments[0] < now - _SPAN:
            self._moments.popleft()
        if len(self._moments) > 1:
            self.fps = (len(self._moments) - 1) / max(now - self._moments[0], 1e-3)
        self._look()

    def status(self) -> tuple[str, str]:
        """`live`, `lost`, `silent` or `waiting` (for the first frame); and why it is lost."""
        lost = self._look()
        if lost is not None:
            return "lost", lost
        if self._last is None:
            return "waiting", ""
        return ("silent" if time.monotonic() - self._last > self._silence else "live"), ""

    def _look(self) -> str | None:
        """Tell each loss and each return once; why the camera is lost now."""
        name = self._feed.source.name
        with self._lock:
            lost, losses = self._feed.lost, self._feed.losses
            for _ in range(losses - self._losses):
                if not self._is_told:
                    self._events.add("lost", source=name, why="")
                self._is_told = False
                self._events.add("back", source=name)
            self._losses = losses
            if lost is not None and not self._is_told:
                self._is_told = True
                self._events.add("lost", source=name, why=lost)
            return lost
