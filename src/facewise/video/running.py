"""`Tracking`: a video that is being tracked, as an iterator of frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from facewise.video.naming.columns import finally_named
from facewise.video.naming.sightings import Sightings
from facewise.video.tracking import TrackedFrame

if TYPE_CHECKING:
    from types import TracebackType

    from facewise.video.naming import Limits, Namer, Track
    from facewise.video.sources import Source
    from facewise.video.tracking import Tracker


class Tracking:
    """Frames of a video with the faces on them, in order, each once.

    `facewise.video.track` makes it. It is a context manager; leaving it, at whatever frame, closes
    the source.

    Attributes:
        source: where the frames come from; its `report` says what could not be read.
        final: the video is read twice, and names on frames are final.

    Args:
        source: the frames.
        tracker: finds and follows the faces.
        namer: gives them names.
        final: see above.
        stack: what is to be closed at the end; it is taken over, and empty afterwards.

    Raises:
        VideoError: `final`, and the source cannot be read twice.
    """

    def __init__(
        self, source: Source, tracker: Tracker, namer: Namer, stack: ExitStack, *, final: bool
    ) -> None:
        self.source = source
        self.final = final
        self._tracker = tracker
        self._namer = namer
        self._finished = False
        self._frames = self._once()
        if final:
            self._frames = self._twice(stack.enter_context(source.again()))
        self._stack = stack.pop_all()

    def __iter__(self) -> Iterator[TrackedFrame]:
        return self

    def __next__(self) -> TrackedFrame:
        """The next frame.

        Its faces have the columns `track`, `detected`, `name`, `similarity` and `confidence`; with
        `final` also `person`.

        Raises:
            VideoError: nothing at all could be read.
            Whatever the models, or a gallery, raise.
        """
        return next(self._frames)

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All tracks so far, in the order in which they began, but for those that `ended` gave.

        After the last frame, or after `close`, names and numbers of strangers are final.
        """
        return self._namer.tracks

    @property
    def limits(self) -> Limits | None:
        """The similarities that names are decided by; None with `recognise=False`."""
        return self._namer.limits

    def ended(self) -> list[Track]:
        """The tracks that have ended since this was last asked; they are forgotten then.

        For streams that never end: whoever comes back later has the same number, name and person,
        but is another `Track`.
        """
        return self._namer.ended()

    def reconsider(self) -> None:
        """The people of the gallery have changed: compare those who are there with them anew."""
        self._namer.reconsider()

    def close(self) -> None:
        """Stop here: what was seen so far is decided by, and the source is closed."""
        self._frames.close()
        try:
            self._finish()
        finally:
            self._stack.close()

    def __enter__(self) -> Tracking:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:  # which is told, and not what may follow from it
            self._finished = True
        self.close()

    def _once(self) -> Generator[TrackedFrame, None, None]:
        yield from self._named()
        self._stack.close()

    def _twice(self, again: Source) -> Generator[TrackedFrame, None, None]:
        with Sightings() as sightings:
            for tracked in self._named():
                sightings.add(tracked)
            tracks = {track.id: track for track in self.tracks}
            for frame in again:
                faces = finally_named(sightings.of(frame.index), tracks)
                yield TrackedFrame(frame.index, frame.time, frame, faces)
        self._stack.close()

    def _named(self) -> Iterator[TrackedFrame]:
        ready: deque[TrackedFrame] = deque()
        for frame in self.source:
            ready += self._namer.add(self._tracker.add(frame))
            while ready:
                yield ready.popleft()  # and no longer held here
        ready += self._namer.add(self._tracker.finish())
        while ready:
            yield ready.popleft()
        self._finish()

    def _finish(self) -> None:
        if not self._finished:
            self._finished = True
            self._namer.finish()
