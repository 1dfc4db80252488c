"""Whatever is known of one track while the video goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facewise.recognition import UNKNOWN
from facewise.video.naming.evidence import Evidence
from facewise.video.naming.records import Span, Track
from facewise.video.naming.strangers import Looks

if TYPE_CHECKING:
    from facewise.video.naming.known import Likeness
    from facewise.video.naming.limits import Limits

AWAY = 1.0
"""Seconds without the track that divide two spans."""


@dataclass(slots=True, eq=False)
class Subject:
    """One track.

    Attributes:
        id: its number.
        evidence: its best faces.
        spans: when it was seen; the last one grows.
        frames: on how many frames.
        detections: on how many of them by the detector.
        ranking: whom it resembles, the most similar first.
        name: as it is given on frames.
        fixed: the name has changed once, and does not any more.
        met: numbers of the tracks that are on a frame with it: True where the detector saw both
            there, apart from each other, so that they are two people.
        person: the number of the stranger, once that is settled; 0 before, and for nobody.
    """

    id: int
    evidence: Evidence = field(default_factory=Evidence)
    spans: list[Span] = field(default_factory=list)
    frames: int = 0
    detections: int = 0
    ranking: tuple[Likeness, ...] = ()
    name: str = UNKNOWN
    fixed: bool = False
    met: dict[int, bool] = field(default_factory=dict)
    person: int = 0

    def see(self, frame: int, time: float, detected: bool) -> None:
        """It is on this frame, which comes after all others it was seen on."""
        self.frames += 1
        self.detections += detected
        if self.spans and time - self.spans[-1].last_time <= AWAY:
            self.spans[-1] = self.spans[-1]._replace(last_frame=frame, last_time=time)
        else:
            self.spans.append(Span(frame, frame, time, time))

    def restart(self) -> None:
        """It is back after it was handed out: count anew."""
        self.spans, self.frames, self.detections = [], 0, 0

    @property
    def last_time(self) -> float:
        """Seconds, of the last frame it was seen on."""
        return self.spans[-1].last_time

    def likeness(self, name: str) -> float | None:
        """How similar it is to one of the people; None: not known, less than to others."""
        return next((like.similarity for like in self.ranking if like.name == name), None)

    @property
    def similarity(self) -> float | None:
        """To the person whose name it has; without a name, to the most similar."""
        if not self.ranking:
            return None
        likeness = self.likeness(self.name)
        return self.ranking[0].similarity if likeness is None else likeness

    def confidence(self, limits: Limits | None) -> float:
        """How sure the name is, in [0, 1]; 0 without one.

        The share 1 - 2^-w of the certainty of the similarity (`Limits.certainty`), w being the
        number of good faces (`Evidence.weight`).
        """
        similarity = self.similarity
        if self.name == UNKNOWN or similarity is None or limits is None:
            return 0.0
        return limits.certainty(similarity) * (1 - math.pow(0.5, self.evidence.weight))

    def looks(self) -> Looks | None:
        """What other tracks are compared with; None: nothing is known."""
        evidence = self.evidence
        if evidence.template is None:
            return None
        name = "" if self.name == UNKNOWN else self.name
        apart = [track for track, two in self.met.items() if two]
        return Looks(self.id, name, evidence.template, evidence.weight, evidence.quality, apart)

    def record(self, limits: Limits | None) -> Track:
        """The track as it is handed out."""
        similarity = self.similarity
        probability = None
        if limits is not None and similarity is not None:
            probability = limits.probability(similarity)
        return Track(
            id=self.id,
            name=self.name,
            person=self.person if self.name == UNKNOWN else 0,
            similarity=similarity,
            probability=probability,
            confidence=self.confidence(limits),
            spans=tuple(self.spans),
            frames=self.frames,
            detections=self.detections,
            embedded=len(self.evidence.faces),
            best=self.evidence.best,
            template=self.evidence.template,
        )
