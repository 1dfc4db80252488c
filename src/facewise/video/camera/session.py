"""`Session`: a camera that is being watched, and what can be asked of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from facewise.errors import FacewiseError, VideoError
from facewise.runtime.threads import become_worker
from facewise.video.camera.enrolling import Enrolled, Enroller
from facewise.video.camera.events import Event, Events
from facewise.video.camera.link import Link
from facewise.video.camera.portraits import Portraits
from facewise.video.camera.presence import Presence
from facewise.video.camera.recording import Recording
from facewise.video.camera.saving import snapshot
from facewise.video.camera.shown import Shown
from facewise.video.results import Colors

if TYPE_CHECKING:
    from pathlib import Path

    from facewise.video.camera.feed import Feed
    from facewise.video.camera.saving import Folder
    from facewise.video.running import Tracking
    from facewise.video.tracking import TrackedFrame

_TELL = 0.5
"""Seconds between two questions for who has gone."""


class Session:
    """Watches a camera in a thread of its own; everything else asks it.

    Args:
        feed: the camera.
        tracking: of its frames; the session closes it.
        folder: where snapshots and recordings go.
        enroller: makes people known; None: nobody can be enrolled.
        tell: is given each event as it happens (`Events`).
        width: pixels at most of the picture that viewers get.
        silence: seconds without a frame after which a camera is said to be silent.

    Attributes:
        feed: see above.
        events: what has happened.
        portraits: the best pictures of those who are there.
        done: it has ended.
        failure: what ended it, if that was an error.
        on_frame: is called after each frame, in the thread that watches.
        watched: whether there is anybody who wants pictures.
    """

    def __init__(
        self,
        feed: Feed,
        tracking: Tracking,
        folder: Folder,
        *,
        enroller: Enroller | None = None,
        tell: Callable[[Event], object] | None = None,
        width: int = 1280,
        silence: float = 2.0,
    ) -> None:
        self.feed = feed
        self.events = Events(tell)
        self.portraits = Portraits()
        self.done = threading.Event()
        self.failure: Exception | None = None
        self.on_frame: Callable[[], object] = lambda: None
        self.watched: Callable[[], bool] = lambda: True
        self._tracking = tracking
        self._folder = folder
        self._enroller = enroller
        self._width = width
        self._colors = Colors()
        self._presence = Presence(self.events)
        self._link = Link(feed, self.events, silence)
        self._latest: Shown | None = None
        self._recording: Recording | None = None
        self._stopping = threading.Event()
        self._changed = threading.Event()  # the people
        self._turn = threading.Lock()  # of recording
        self._aside = ThreadPoolExecutor(1, "facewise-enrol", become_worker)
        self._thread = threading.Thread(target=self._run, name="facewise-camera", daemon=True)

    def start(self, *, record: bool = False) -> None:
        """Begin to watch; and to record.

        Raises:
            VideoError: nothing can be recorded.
        """
        self.events.add("started", source=self.feed.source.name)
        if record:
            self.record()
        self._thread.start()

    def stop(self) -> None:
        """End, and finish a recording; may be called in any thread, and again."""
        self._stopping.set()
        self.feed.source.close()

    def join(self) -> None:
        """Wait until it has ended.

        Raises:
            Whatever ended it.
        """
        while not self.done.wait(0.2):  # so that Ctrl-C is seen
            pass
        self._thread.join()
        self._aside.shutdown()
        if self.failure is not None:
            raise self.failure

    @property
    def latest(self) -> Shown | None:
        """The newest frame."""
        return self._latest

    def state(self) -> dict[str, Any]:
        """Plain values, for viewers: all that is not about one frame."""
        source, recording, versions = self.feed.source, self._recording, self.portraits.versions()
        status, why = self._link.status()
        return {
            "source": source.name,
            "status": "ended" if self.done.is_set() else status,
            "why": why,
            "losses": self.feed.losses,
            "skipped": source.report.skipped,
            "people": None if self._enroller is None else self._enroller.where,
            "here": [
                {**one, "portrait": versions.get(one["track"])} for one in self._presence.here
            ],
            "recording": recording.state() if recording and recording.going else None,
            "saved": list(self._folder.names[-20:]),
        }

    def enrol(self, track: int, name: str, portrait: int | None = None) -> Future[Enrolled]:
        """Make somebody known who is there, or was a moment ago.

        Args:
            track: the number of the face.
            name: of the person.
            portrait: the version of the portrait that is meant; None: the best.

        Returns:
            What comes of it; its exception is a `FacewiseError` where it cannot be.
        """
        return self._aside.submit(self._enrol, track, name, portrait)

    def snapshot(self, shown: Shown | None = None, *, drawn: bool = True) -> Path:
        """Write a frame as a picture.

        Args:
            shown: the frame; None: the newest.
            drawn: with boxes and names.

        Raises:
            VideoError: it cannot be written, or there is no frame yet.
        """
        shown = shown or self._latest
        if shown is None:
            raise VideoError(f"{self.feed.source.name}: no picture has come yet")
        path = snapshot(shown.tracked, self._folder, self._colors, drawn=drawn)
        self.events.add("snapshot", file=path.name)
        return path

    def record(self, *, drawn: bool = True) -> Path:
        """Begin to record.

        Raises:
            VideoError: it cannot be written, a recording is going on, or the camera has ended.
        """
        with self._turn:
            if self._recording is not None and self._recording.going:
                raise VideoError(f"{self._recording.path.name}: is being recorded already")
            if self._stopping.is_set() or self.done.is_set():
                raise VideoError(f"{self.feed.source.name}: has ended")
            source = self.feed.source
            self._recording = Recording(
                self._folder, source, self.events, self._colors, drawn=drawn
            )
            self.events.add("recording", file=self._recording.path.name)
            return self._recording.path

    def end_recording(self) -> Path | None:
        """Finish the recording, if there is one; its file."""
        with self._turn:
            recording, self._recording = self._recording, None
            if recording is None:
                return None
            recording.stop()
            return recording.path

    def saved(self, name: str) -> Path | None:
        """A file that was made here, by its name."""
        return self._folder.path / name if name in self._folder.names else None

    def _run(self) -> None:
        told = 0.0
        try:
            with self._tracking:
                for tracked in self._tracking:
                    self._take(tracked)
                    if tracked.time >= told + _TELL:
                        told = tracked.time
                        self._presence.end(self._tracking.ended())
                    if self._stopping.is_set() or self.events.failure is not None:
                        break
        except Exception as error:
            if not self._stopping.is_set():
                self.failure = error
        self._end()

    def _end(self) -> None:
        report, asked = self.feed.source.report, self._stopping.is_set()
        self._stopping.set()
        try:
            self.end_recording()
            self._presence.end(self._tracking.ended())
        except Exception as error:
            self.failure = self.failure or error
        if self.failure is None and not asked and report.broken:
            self.failure = VideoError(f"{self.feed.source.name}: {report.broken}")
        self.events.add("ended", why="" if self.failure is None else str(self.failure))
        self.failure = self.failure or self.events.failure
        self.done.set()
        self.on_frame()

    def _take(self, tracked: TrackedFrame) -> None:
        if self._changed.is_set():
            self._changed.clear()
            self._tracking.reconsider()
        self._link.frame()
        self._presence.see(tracked)
        if self._enroller is not None and self.watched():
            self.portraits.see(tracked)
        recording = self._recording
        if recording is not None:
            recording.offer(tracked)
        number = 1 if self._latest is None else self._latest.number + 1
        self._latest = Shown(number, tracked, self._link.fps, self._colors, self._width)
        self.on_frame()

    def _enrol(self, track: int, name: str, version: int | None) -> Enrolled:
        if self._enroller is None:
            raise FacewiseError("nobody can be enrolled: start with --people")
        portrait = self.portraits.of(track, version)
        if portrait is None:
            raise FacewiseError(f"face {track}: is not there any more; select it again")
        enrolled = self._enroller.enrol(portrait, name)
        self._changed.set()
        self.events.add(
            "enrolled",
            track=track,
            name=enrolled.name,
            new=enrolled.new,
            remarks=list(enrolled.remarks),
        )
        return enrolled
