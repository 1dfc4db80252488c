"""Who is on a video, and when: the tracks of one person together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facewise.recognition import UNKNOWN
from facewise.video.results.labels import track_label

if TYPE_CHECKING:
    from facewise.video.naming import BestFace, Span, Track


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """One person on a video.

    Attributes:
        label: a name; `person 3` for a stranger; `unknown` for all of whom nothing is known, or,
            where nobody was to be named, `track 5`.
        tracks: those of this person, in the order in which they began.
    """

    label: str
    tracks: tuple[Track, ...]

    @property
    def known(self) -> bool:
        """It has the name of a known person."""
        return self.tracks[0].known

    @property
    def spans(self) -> tuple[Span, ...]:
        """When the person is seen, in order; those of several tracks that overlap are one."""
        spans = sorted(span for track in self.tracks for span in track.spans)
        merged = spans[:1]
        for span in spans[1:]:
            if span.first_frame <= merged[-1].last_frame + 1:
                if span.last_frame > merged[-1].last_frame:
                    merged[-1] = merged[-1]._replace(
                        last_frame=span.last_frame, last_time=span.last_time
                    )
            else:
                merged.append(span)
        return tuple(merged)

    @property
    def seconds(self) -> float:
        """From the first to the last frame of each span, together."""
        return sum(span.last_time - span.first_time for span in self.spans)

    @property
    def frames(self) -> int:
        """Faces on frames; those of several tracks count each."""
        return sum(track.frames for track in self.tracks)

    @property
    def similarity(self) -> float | None:
        """The highest of the tracks."""
        return max((t.similarity for t in self.tracks if t.similarity is not None), default=None)

    @property
    def confidence(self) -> float:
        """The highest of the tracks."""
        return max(track.confidence for track in self.tracks)

    @property
    def best(self) -> BestFace | None:
        """The best face of all tracks; None: none was good enough to be embedded."""
        faces = [track.best for track in self.tracks if track.best is not None]
        return max(faces, key=lambda best: best.quality, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, of the same names; `tracks` are numbers; without the best face."""
        return {
            "label": self.label,
            "known": self.known,
            "tracks": [track.id for track in self.tracks],
            "spans": [list(span) for span in self.spans],
            "seconds": round(self.seconds, 6),
            "frames": self.frames,
            "similarity": self.similarity,
            "confidence": self.confidence,
        }


def presences(tracks: Iterable[Track], *, named: bool = True) -> Sequence[Presence]:
    """The people of a video: those with names first, then strangers by number, then the rest.

    Args:
        tracks: of the video.
        named: False: nobody was to be named, so each track is somebody.
    """
    people: dict[str, list[Track]] = {}
    for track in tracks:
        people.setdefault(label_of(track, named=named), []).append(track)
    found = [Presence(label, tuple(some)) for label, some in people.items()]
    return sorted(found, key=_rank)


def label_of(track: Track, *, named: bool = True) -> str:
    """What a track is called: its label; or by its number, where nobody was to be named."""
    return track.label if named else track_label(track.id)


def _rank(one: Presence) -> tuple[int, float, int]:
    first = one.tracks[0]
    kind = 0 if first.known else 2 if one.label == UNKNOWN else 1
    return kind, float(first.person or first.first_time), first.id
