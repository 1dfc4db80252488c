"""`Track`: one face of a video from beginning to end, with the name it was given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from facewise.recognition import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import Picture


class Span(NamedTuple):
    """A stretch of frames on which a track was seen without a long gap.

    Attributes:
        first_frame: index of its first frame.
        last_frame: index of its last frame.
        first_time: seconds, of the first frame.
        last_time: seconds, of the last frame.
    """

    first_frame: int
    last_frame: int
    first_time: float
    last_time: float


@dataclass(frozen=True, slots=True)
class BestFace:
    """The best face of a track.

    Attributes:
        frame: index of its frame.
        time: seconds, of its frame.
        box: `(x1, y1, x2, y2)` in pixels of the frame.
        quality: in [0, 1]; see `facewise.quality`.
        jpeg: the chip as the embedder sees it, as a JPEG file.
    """

    frame: int
    time: float
    box: tuple[float, float, float, float]
    quality: float
    jpeg: bytes

    @property
    def chip(self) -> Picture:
        """The chip, uint8 RGB (S, S, 3), decoded anew every time."""
        from facewise.images import load

        return load(self.jpeg)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One track of a video.

    Attributes:
        id: the number of the track, as in `faces.data["track"]`.
        name: of a known person, or `facewise.recognition.UNKNOWN`.
        person: for an unknown track the number of the stranger, from 1 on: tracks of one stranger
            have the same. 0 for a track with a name, and while that is not settled.
        similarity: cosine of the track's template to the most similar of the known people, also
            where that is not enough for a name; None: there was nobody, or nothing to compare.
        probability: that two pictures with this similarity are of one person, by the calibration;
            None without one.
        confidence: how sure the name is, in [0, 1]: it grows with the number and quality of the
            faces it rests on, and with their similarity; see docs/video.md. 0 without a name.
        spans: when it was seen, in order; at least one.
        frames: on how many frames it was seen.
        detections: on how many of them by the detector.
        embedded: how many faces the template rests on.
        best: the best face; None: none was good enough to be embedded.
        template: mean of the embeddings, float32 (d,) of unit length, or None.
    """

    id: int
    name: str
    person: int
    similarity: float | None
    probability: float | None
    confidence: float
    spans: tuple[Span, ...]
    frames: int
    detections: int
    embedded: int
    best: BestFace | None
    template: NDArray[Any] | None

    @property
    def known(self) -> bool:
        """It has the name of a known person."""
        return self.name != UNKNOWN

    @property
    def label(self) -> str:
        """The name; or `person 3`; or `unknown`, where not even that is said."""
        return f"person {self.person}" if not self.known and self.person else self.name

    @property
    def first_frame(self) -> int:
        """Index of its first frame."""
        return self.spans[0].first_frame

    @property
    def last_frame(self) -> int:
        """Index of its last frame."""
        return self.spans[-1].last_frame

    @property
    def first_time(self) -> float:
        """Seconds, of its first frame."""
        return self.spans[0].first_time

    @property
    def last_time(self) -> float:
        """Seconds, of its last frame."""
        return self.spans[-1].last_time

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without picture and template; always the same keys.

        `best` is None, or has `frame`, `time`, `box` and `quality`; `spans` is a list of
        `[first_frame, last_frame, first_time, last_time]`.
        """
        best = self.best
        return {
            "id": self.id,
            "name": self.name,
            "person": self.person,
            "label": self.label,
            "similarity": self.similarity,
            "probability": self.probability,
            "confidence": self.confidence,
            "first_frame": self.first_frame,
            "last_frame": self.last_frame,
            "first_time": self.first_time,
            "last_time": self.last_time,
            "spans": [list(span) for span in self.spans],
            "frames": self.frames,
            "detections": self.detections,
            "embedded": self.embedded,
            "best": None
            if best is None
            else {
                "frame": best.frame,
                "time": best.time,
                "box": list(best.box),
                "quality": best.quality,
            },
        }


TRACK_COLUMNS = (
    "id", "name", "person", "label", "similarity", "probability", "confidence", "first_frame",
    "last_frame", "first_time", "last_time", "frames", "detections", "embedded",
)  # fmt: skip
"""The columns of a table of tracks, one value each; those of `Track.to_dict` but spans and best."""


def track_table(tracks: Iterable[Track]) -> dict[str, list[Any]]:
    """Tracks as columns of equal length, by the names of `TRACK_COLUMNS`."""
    rows = [track.to_dict() for track in tracks]
    return {name: [row[name] for row in rows] for name in TRACK_COLUMNS}
