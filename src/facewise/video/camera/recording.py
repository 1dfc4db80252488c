"""Record what is watched, in a thread of its own."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from facewise.errors import VideoError
from facewise.video.results import annotate
from facewise.video.writing import VideoWriter

if TYPE_CHECKING:
    from pathlib import Path

    from facewise.video.camera.events import Events
    from facewise.video.camera.saving import Folder
    from facewise.video.results import Colors
    from facewise.video.sources import Source
    from facewise.video.tracking import TrackedFrame

_WAITING = 8
"""Frames that wait to be written; when there are more, frames are left out."""

_LOOK = 25
"""Frames between two looks at the space on the disk."""

SUFFIX = ".mp4"


class Recording:
    """One recording. Whoever offers frames never waits for the disk.

    The file appears, whole, when it is stopped; also when the disk is nearly full, which stops it.
    It tells `recorded` (file, frames, seconds, left_out, why), or `record_failed` (file, why).

    Args:
        folder: where it goes.
        source: of the frames, for its rate.
        events: where the end is told.
        colors: who has which colour.
        drawn: with boxes and names.

    Attributes:
        path: of the file.
        left_out: frames for which there was no time.

    Raises:
        VideoError: it cannot be written.
    """

    def __init__(
        self, folder: Folder, source: Source, events: Events, colors: Colors, *, drawn: bool
    ) -> None:
        self._folder = folder
        self._events = events
        self._colors = colors
        self._drawn = drawn
        self._first: float | None = None
        self._last = 0.0
        self.path: Path = folder.new(SUFFIX)
        self.left_out = 0
        self._writer = VideoWriter(self.path, like=source, audio=False)
        self._frames: queue.Queue[TrackedFrame | None] = queue.Queue(_WAITING)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="facewise-record", daemon=True)
        self._thread.start()

    @property
    def going(self) -> bool:
        """It takes more frames."""
        return self._thread.is_alive() and not self._ending.is_set()

    def state(self) -> dict[str, Any]:
        """Plain values: file, frames, seconds, left_out."""
        first = self._first
        return {
            "file": self.path.name,
            "frames": self._writer.frames,
            "seconds": 0.0 if first is None else round(self._last - first, 1),
            "left_out": self.left_out,
        }

    def offer(self, tracked: TrackedFrame) -> None:
        """The next frame."""
        if self.going:
            try:
                self._frames.put_nowait(tracked)
            except queue.Full:
                self.left_out += 1

    def stop(self) -> None:
        """Finish the file, and wait until it is there."""
        self._ending.set()
        with suppress(queue.Full):  # then it looks when it has taken the next frame
            self._frames.put_nowait(None)
        self._thread.join()

    def _run(self) -> None:
        why = ""
        try:
            with self._writer as writer:
                while (tracked := self._next()) is not None:
                    self._write(writer, tracked)
                    if writer.frames % _LOOK == 0:
                        try:
                            self._folder.require_space()
                        except VideoError as error:
                            why = str(error)
                            break
                    del tracked
                self._ending.set()
        except Exception as error:  # of this recording alone: the camera goes on
            self._ending.set()
            self._events.add("record_failed", file=self.path.name, why=str(error))
            return
        self._folder.made(self.path)
        self._events.add("recorded", **self.state(), why=why)

    def _next(self) -> TrackedFrame | None:
        """The next frame; None: no more."""
        if self._ending.is_set():
            try:
                return self._frames.get_nowait()
            except queue.Empty:
                return None
        return self._frames.get()

    def _write(self, writer: VideoWriter, tracked: TrackedFrame) -> None:
        image = tracked.image
        if self._drawn:
            image = annotate(image, tracked.faces, colors=self._colors)
        writer.write(image, tracked.time)
        self._last = tracked.time
        if self._first is None:
            self._first = tracked.time
