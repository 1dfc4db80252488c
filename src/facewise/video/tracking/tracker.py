"""`Tracker`: frames in, frames with numbered faces out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from facewise.video.tracking.following import Following
from facewise.video.tracking.holding import Holding
from facewise.video.tracking.judge import Judge
from facewise.video.tracking.live import Live
from facewise.video.tracking.options import TrackingOptions
from facewise.video.tracking.schedules import Schedule, usual_schedule

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.video.frames import VideoFrame
    from facewise.video.tracking.records import TrackedFrame


class Tracker:
    """Finds the faces of a video on some frames, and follows them through the others.

    Between two looks of the detector a face is followed by optical flow from both, so that it is
    also given on the frames before the first look that has seen it. Its box and landmarks are those
    of the detector at each look and go over from one to the next with the flow: smooth, and never
    late.

    Args:
        detector: looks at whole frames, and at parts of them.
        schedule: on which frames it looks; see `usual_schedule`.
        embedder: knows people again who have left, or were hidden; None: by motion alone.
        live: give each frame at once, from what is known by then; for cameras. Otherwise frames
            are given in order, at most `schedule.longest` frames late; with an embedder, at most
            twice as many while it is not clear who somebody is.
        aside: of a live tracker: the detector looks in a thread of its own, so that no frame waits
            for it, and what it finds is there some frames later. (Then what is given depends on how
            long it took.)
        options: how tracks begin, go on and end.

    Example:
        >>> import facewise
        >>> from facewise.video import VideoFrame
        >>> from facewise.video.tracking import EveryNth, Tracker
        >>> picture = facewise.load_image("examples/photos/astronaut.jpg")
        >>> tracker = Tracker(facewise.load_detector(), EveryNth(4))
        >>> frames = [VideoFrame(i, i / 25, picture) for i in range(6)]
        >>> [tracked.faces.data["track"].tolist() for tracked in tracker.run(frames)]
        [[1], [1], [1], [1], [1], [1]]
    """

    def __init__(
        self,
        detector: Detector,
        schedule: Schedule | None = None,
        *,
        embedder: Embedder | None = None,
        live: bool = False,
        aside: bool = False,
        options: TrackingOptions | None = None,
    ) -> None:
        self.schedule: Schedule = usual_schedule(live=live) if schedule is None else schedule
        self.live = live
        self.options = TrackingOptions() if options is None else options
        self._engine: Following | Live | Holding
        if not self.schedule.carries:
            self._engine = Holding(detector, self.schedule)
            return
        people = None
        if embedder is not None:
            from facewise.video.tracking.people import People

            people = People(embedder, self.options.remembered, self.options.similarity)
        judge = Judge(detector, people, self.options)
        if live:
            self._engine = Live(detector, self.schedule, judge, aside=aside)
        else:
            self._engine = Following(detector, self.schedule, judge)

    def add(self, frame: VideoFrame) -> list[TrackedFrame]:
        """Take the next frame, and give those that are finished by it, in order.

        Raises:
            ExtraMissingError: scipy is not installed.
            Whatever the detector or embedder raises.
        """
        return self._engine.add(frame)

    def finish(self) -> list[TrackedFrame]:
        """There are no more frames: give those that are left. It may then begin anew."""
        return self._engine.finish()

    def wait(self) -> None:
        """Until a detector aside has done what it is doing; it counts from the next frame."""
        if isinstance(self._engine, Live):
            self._engine.wait()

    def run(self, frames: Iterable[VideoFrame]) -> Iterator[TrackedFrame]:
        """`add` for each frame, then `finish`."""
        for frame in frames:
            yield from self.add(frame)
        yield from self.finish()
