"""Who is there now, who came and who went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from facewise.recognition import UNKNOWN

if TYPE_CHECKING:
    from facewise.video.camera.events import Events
    from facewise.video.naming import Track
    from facewise.video.tracking import TrackedFrame

_NOW = 1.0
"""Seconds for which a face that is not seen is still said to be in the picture."""


@dataclass(slots=True)
class _Visitor:
    track: int
    name: str
    similarity: float | None
    confidence: float
    came: float
    at: str
    last: float

    def plain(self, now: float) -> dict[str, Any]:
        return {
            "track": self.track,
            "name": self.name,
            "similarity": self.similarity,
            "confidence": self.confidence,
            "since": self.at,
            "visible": now - self.last <= _NOW,
        }


class Presence:
    """Keeps the list of who is there, and tells of changes.

    Events: `came` (track, name, similarity, confidence, time), `named` when the name has changed,
    with the same facts, and `went` (of `Track`: track, name, person, label, similarity, confidence,
    first_time, last_time, seconds).

    Args:
        events: where changes are told.

    Attributes:
        here: who is there, in the order in which they came: plain dictionaries, with `track`,
            `name`, `similarity` (None: compared with nobody), `confidence`, `since` (local time,
            ISO 8601) and `visible` (in the picture within the last second). Replaced, and not
            changed, by each frame, so that other threads may read it.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._visitors: dict[int, _Visitor] = {}
        self.here: tuple[dict[str, Any], ...] = ()

    def see(self, tracked: TrackedFrame) -> None:
        """Take the next frame, whose faces have names."""
        data = tracked.faces.data
        columns = ("track", "name", "similarity", "confidence")
        for track, name, similarity, sure in zip(
            *(data[column].tolist() for column in columns), strict=True
        ):
            alike = None if similarity == -1 else round(similarity, 4)
            known = self._visitors.get(track)
            if known is None:
                at = datetime.now().astimezone().isoformat(timespec="seconds")
                known = _Visitor(track, name, alike, sure, tracked.time, at, tracked.time)
                self._visitors[track] = known
                self._tell("came", known, tracked.time)
            changed = known.name != name
            known.name, known.similarity, known.last = name, alike, tracked.time
            known.confidence = round(sure, 4)
            if changed:
                self._tell("named", known, tracked.time)
        self.here = tuple(one.plain(tracked.time) for one in self._visitors.values())

    def end(self, tracks: Iterable[Track]) -> None:
        """These have gone."""
        for track in tracks:
            self._visitors.pop(track.id, None)
            alike = track.similarity
            self._events.add(
                "went",
                track=track.id,
                name=track.name,
                person=track.person,
                label=track.label,
                similarity=None if alike is None else round(alike, 4),
                confidence=round(track.confidence, 4),
                first_time=round(track.first_time, 3),
                last_time=round(track.last_time, 3),
                seconds=round(track.last_time - track.first_time, 3),
            )
        gone = {track.id for track in tracks}
        self.here = tuple(one for one in self.here if one["track"] not in gone)

    def _tell(self, event: str, one: _Visitor, time: float) -> None:
        self._events.add(
            event,
            track=one.track,
            name=one.name,
            known=one.name != UNKNOWN,
            similarity=one.similarity,
            confidence=one.confidence,
            time=round(time, 3),
        )
