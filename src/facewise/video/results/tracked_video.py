"""`TrackedVideo`: a video whose faces are all found and named, to make results of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from facewise.errors import VideoError
from facewise.video.naming.columns import finally_named
from facewise.video.naming.sightings import Sighting, Sightings
from facewise.video.tracking import TrackedFrame

if TYPE_CHECKING:
    from types import TracebackType

    from facewise.video.naming import Limits, Track
    from facewise.video.running import Tracking
    from facewise.video.sources import Source

_HANDED_OUT = 4000
"""Tracks after which those that have ended are taken from the namer, which keeps 10,000."""

_NEARLY = 1e-6  # seconds


class TrackedVideo:
    """All faces of a video on all its frames, with their final names.

    The faces lie in a file without a name, so memory does not grow with the length of the video;
    the tracks themselves, some 10 kB each, are in memory. It is a context manager; leaving it
    removes the file. `collect` makes one.

    Attributes:
        source: where the frames came from; closed.
        tracks: all of them, in the order in which they began.
        named: faces were embedded, so that tracks have names, and strangers numbers.
        limits: the similarities that names were decided by, or None.
        frames: how many there were.
        times: seconds, of the first and the last frame; None without a frame.
    """

    def __init__(
        self,
        source: Source,
        sightings: Sightings,
        tracks: tuple[Track, ...],
        limits: Limits | None,
        times: tuple[float, float] | None,
    ) -> None:
        self.source = source
        self.tracks = tracks
        self.limits = limits
        self.named = limits is not None
        self.times = times
        self.frames = sightings.frames
        self._sightings = sightings
        self._by_id = {track.id: track for track in tracks}

    def track(self, number: int) -> Track | None:
        """The track of a number, or None."""
        return self._by_id.get(number)

    def faces(self) -> Iterator[Sighting]:
        """The faces of every frame, in order, with index and time of the frame.

        They have the columns `track`, `detected`, `name`, `similarity`, `confidence` and `person`,
        as `facewise.video.track` gives them with `final=True`.
        """
        for seen in self._sightings:
            yield replace(seen, faces=finally_named(seen.faces, self._by_id))

    def again(self) -> Iterator[TrackedFrame]:
        """Read the video a second time: every frame with its picture, and its faces as `faces`.

        Raises:
            VideoError: it is live or a pipe, cannot be opened any more, or is not the same as
                before.
        """
        known = self.faces()
        with self.source.again() as frames:
            for frame in frames:
                seen = next(known, None)
                if seen is None or not _same(seen, frame.index, frame.time):
                    raise VideoError(f"{self.source.name}: frame {frame.index} is another one now")
                yield TrackedFrame(frame.index, frame.time, frame, seen.faces)
            if next(known, None) is not None:
                raise VideoError(f"{self.source.name}: has fewer frames now than before")

    def close(self) -> None:
        """Remove the file."""
        self._sightings.close()

    def __enter__(self) -> TrackedVideo:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def collect(
    tracking: Tracking, *, each: Callable[[TrackedFrame], object] | None = None
) -> TrackedVideo:
    """Track a video to its end, keep all its faces, and close it.

    Args:
        tracking: what `facewise.video.track` gave, of which no frame was taken yet, and not
            `final`: what is collected is final anyway.
        each: called with each frame as soon as it is tracked, with the names of that moment.

    Raises:
        VideoError: nothing at all could be read.
        ValueError: the tracking is `final`, or has begun.
        TypeError: it is something else, as the path of a video.
        Whatever the models, or a gallery, raise.

    Example:
        >>> import facewise.video
        >>> from facewise.video.results import collect
        >>> photos = ["examples/photos/obama.jpg"] * 3
        >>> with collect(facewise.video.track(photos, people="examples/people")) as video:
        ...     [(seen.index, seen.faces.data["name"].tolist()) for seen in video.faces()]
        [(0, ['obama']), (1, ['obama']), (2, ['obama'])]
    """
    if not hasattr(tracking, "final"):
        raise TypeError(
            f"expected what `facewise.video.track` gives, got {type(tracking).__name__} "
            f"{tracking!r:.80}"
        )
    if tracking.final:
        raise ValueError("tracking: `final` reads the video twice already; leave it out")
    sightings = Sightings()
    try:
        with tracking:
            tracks, times = _run(tracking, sightings, each)
        if times is None:
            raise VideoError(f"{tracking.source.name}: gave no frame")
        return TrackedVideo(tracking.source, sightings, tracks, tracking.limits, times)
    except BaseException:
        sightings.close()
        raise


def _run(
    tracking: Tracking, sightings: Sightings, each: Callable[[TrackedFrame], object] | None
) -> tuple[tuple[Track, ...], tuple[float, float] | None]:
    done: dict[int, Track] = {}
    here: set[int] = set()
    first = last = None
    for tracked in tracking:
        sightings.add(tracked)
        if each is not None:
            each(tracked)
        first, last = tracked.time if first is None else first, tracked.time
        here.update(tracked.faces.data["track"].tolist())
        del tracked  # not held while the next one is made
        if len(here) > _HANDED_OUT:
            _add(done, tracking.ended())
            here.clear()
    _add(done, list(tracking.tracks))
    ordered = sorted(done.values(), key=lambda track: (track.first_frame, track.id))
    return tuple(ordered), None if first is None or last is None else (first, last)


def _add(done: dict[int, Track], more: list[Track]) -> None:
    """Add tracks; who comes back after being handed out goes on as the same one."""
    for later in more:
        before = done.get(later.id)
        done[later.id] = later if before is None else _joined(before, later)


def _joined(before: Track, later: Track) -> Track:
    faces = [best for best in (before.best, later.best) if best is not None]
    return replace(
        later,
        spans=before.spans + later.spans,
        frames=before.frames + later.frames,
        detections=before.detections + later.detections,
        best=max(faces, key=lambda best: best.quality, default=None),
    )


def _same(seen: Sighting, index: int, time: float) -> bool:
    return seen.index == index and abs(seen.time - time) < _NEARLY
