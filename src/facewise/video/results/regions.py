"""Where faces are covered: on the frames where they were seen, before, between and after."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from facewise.video.results.covering import Region

AROUND = 0.4
"""Seconds for which a face is covered before it is first seen, and after it was last seen."""

BRIDGED = 1.0
"""Seconds between two times at which a face is seen that are covered throughout."""

FRAMES = 3
"""The least that both are, in frames."""

GROWTH = 0.3
"""Part of its sides by which a region is larger on each side after `AROUND` seconds unseen."""

_MOTION = 5  # frames by which it is told where a face is going


@dataclass(frozen=True, slots=True, eq=False)
class Covered:
    """What is covered on a frame.

    Attributes:
        index: of the frame.
        time: seconds, of the frame.
        regions: in no order; they may overlap.
    """

    index: int
    time: float
    regions: list[Region]


@dataclass(slots=True)
class _Going:
    """A face that is seen.

    Attributes:
        first: its first frames, at most `_MOTION`, until the frames before are covered.
        last: its last frames, at most as many.
        begun: the frames before have been covered.
    """

    first: list[tuple[float, Region]] = field(default_factory=list)
    last: deque[tuple[float, Region]] = field(default_factory=lambda: deque(maxlen=_MOTION))
    place: int = 0
    begun: bool = False


def covered(frames: Iterable[tuple[int, float, Mapping[int, Region]]]) -> Iterator[Covered]:
    """What is to be covered on every frame.

    A face is covered where it was seen; from `AROUND` seconds before it was first seen until as
    long after it was last seen, and over gaps of up to `BRIDGED` seconds. There the region is where
    the face stood and where its motion leads, and grows with every frame. So a face that the
    tracker finds late, or loses early, is covered nevertheless.

    Args:
        frames: in order, index and time (seconds) of each, and by track the box that was seen.

    Yields:
        Each frame, in order, at most `BRIDGED` and `AROUND` seconds and some frames late.
    """
    waiting: deque[Covered] = deque()
    going: dict[int, _Going] = {}
    for count, (index, time, seen) in enumerate(frames):
        waiting.append(Covered(index, time, list(seen.values())))
        for track, region in seen.items():
            one = going.get(track)
            if one is None:
                one = going[track] = _Going()
            elif one.place < count - 1:
                _bridge(waiting, one, time, region, count)
            one.place = count
            one.last.append((time, region))
            if not one.begun:
                one.first.append((time, region))
                if len(one.first) == _MOTION:
                    _before(waiting, one)
        for track in [track for track in going if track not in seen]:
            one = going[track]
            if not one.begun:
                _before(waiting, one)
            unseen = count - one.place
            if not _within(time - one.last[-1][0], unseen, BRIDGED):
                del going[track]
            elif _within(time - one.last[-1][0], unseen, AROUND):
                waiting[-1].regions.extend(_led(list(one.last), time, backwards=False))
        while len(waiting) > FRAMES + _MOTION and time - waiting[0].time > AROUND + BRIDGED:
            yield waiting.popleft()
    for one in going.values():
        if not one.begun:
            _before(waiting, one)
    yield from waiting


def _within(seconds: float, frames: int, limit: float) -> bool:
    return frames <= FRAMES or seconds <= limit + 1e-9


def _before(waiting: deque[Covered], one: _Going) -> None:
    """Cover the frames before a face was first seen."""
    one.begun = True
    start = one.first[0][0]
    earlier = 0
    for frame in reversed(waiting):
        if frame.time >= start:
            continue
        earlier += 1
        if not _within(start - frame.time, earlier, AROUND):
            break
        frame.regions.extend(_led(one.first, frame.time, backwards=True))
    one.first = []


def _bridge(waiting: deque[Covered], one: _Going, time: float, region: Region, count: int) -> None:
    """Cover the frames between two at which a face is seen."""
    start, before = one.last[-1]
    unseen = count - one.place - 1
    for frame in list(waiting)[-1 - unseen : -1]:
        part = (frame.time - start) / (time - start)
        between = Region(*(a + (b - a) * part for a, b in zip(before, region, strict=True)))
        away = min(frame.time - start, time - frame.time)
        frame.regions.append(between.moved(0, 0, _grown(away)))


def _led(seen: list[tuple[float, Region]], time: float, *, backwards: bool) -> list[Region]:
    """Where a face may be that is not seen: where it stood, and where its motion leads."""
    (first, begin), (last, end) = seen[0], seen[-1]
    near, at = (begin, first) if backwards else (end, last)
    grown = _grown(abs(time - at))
    regions = [near.moved(0, 0, grown)]
    if last > first:
        speed = (time - at) / (last - first)
        x = (end.x1 + end.x2 - begin.x1 - begin.x2) / 2 * speed
        y = (end.y1 + end.y2 - begin.y1 - begin.y2) / 2 * speed
        regions.append(near.moved(x, y, grown))
    return regions


def _grown(seconds: float) -> float:
    return GROWTH * min(seconds / AROUND, 1.0)
