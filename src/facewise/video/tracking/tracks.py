"""A face that is followed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from facewise.video.tracking.boxes import centers, into_box
from facewise.video.tracking.identity import Identity
from facewise.video.tracking.paths import Path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_NEWEST = 0.25
"""Weight of the last step in a track's motion."""

_STEPS = 8
"""Steps that a motion is the median of."""

ENOUGH = 0.6
"""Confidence of a step from which on nothing of the trust is lost."""


_FIRM = 0.8
"""Correlation with what it looked like down to which a face is not hidden even in part."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is known of a face at a frame that the detector looked at.

    Attributes:
        box: float32 (4,), in pixels.
        parts: float32 (5, 2), landmarks in parts of the box, or None.
        score: the detector's, or that of the carrying, in [0, 1].
        detected: the detector saw it on this frame.
    """

    box: Floats
    parts: Floats | None
    score: float
    detected: bool

    @classmethod
    def of(cls, box: Floats, landmarks: Floats | None, score: float) -> Anchor:
        """A detector's finding."""
        parts = None if landmarks is None else into_box(landmarks, box)
        return cls(box, parts, score, True)


@dataclass(slots=True, eq=False)
class Track:
    """One face, from its first frame to the last look that has not given it up.

    Attributes:
        anchor: at the last look.
        seen: time of the last look that saw it, in seconds.
        who: its number, once that is decided.
        confirmed: it is sure that there is a face.
        found: time of the first look that saw it, in seconds.
        begun: time of the first frame that it was followed to, in seconds.
        origin: where it was there, (4,).
        place: where it was seen last with no doubt that it was the same face, (4,).
        placed: when that was, in seconds.
        shaken: since then it has been hidden, or looked otherwise, if only in part.
        contradicted: what it follows now looks like somebody else.
        looks: how many looks have seen it.
        boxes: where it has been followed to since the last look, the look itself included.
        trust: in each of these, in [0, 1]; 0 once it is lost.
        motions: with each of these, pixels that the centre moves from frame to frame, (2,).
        vectors: embeddings of it, of unit length.
        shown: the way since the last look as far as it is worth giving, where that is farther than
            the way that it is judged by.
        waited: times that it was passed over when a doubtful face was looked for.
        patch: what it looked like when it was seen last, (256,); see `patches`.
    """

    anchor: Anchor
    seen: float
    who: Identity = field(default_factory=Identity)
    confirmed: bool = False
    found: float = 0.0
    begun: float = 0.0
    origin: Floats = field(default_factory=lambda: np.zeros(4, np.float32))
    place: Floats = field(default_factory=lambda: np.zeros(4, np.float32))
    placed: float = 0.0
    shaken: bool = False
    contradicted: bool = False
    looks: int = 0
    boxes: list[Floats] = field(default_factory=list)
    trust: list[float] = field(default_factory=list)
    motions: list[Floats] = field(default_factory=list)
    vectors: list[Floats] = field(default_factory=list)
    waited: int = 0
    patch: Floats | None = None
    shown: Path | None = None

    def __post_init__(self) -> None:
        if not self.boxes:
            self.found = self.begun = self.placed = self.seen
            self.origin = self.place = self.anchor.box
            self.start(self.anchor, 1.0)

    @property
    def number(self) -> int | None:
        """From 1 on; None until it is decided."""
        return self.who.number

    def start(self, anchor: Anchor, trust: float, way: Path | None = None) -> None:
        """A new segment begins.

        Args:
            anchor: where the face is.
            trust: in that, in [0, 1].
            way: how it came there; None: as it was followed.
        """
        motion = self.motions[-1] if self.motions else np.zeros(2, np.float32)
        if way is not None:
            motion = _motion(way, motion)
        self.anchor, self.shown = anchor, None
        self.boxes, self.trust, self.motions = [anchor.box], [trust], [motion]

    def see(self, anchor: Anchor, time: float, way: Path, patch: Floats) -> None:
        """A look has seen it: a new segment begins.

        Args:
            anchor: as what.
            time: of the frame, in seconds.
            way: how it came there.
            patch: what it looks like there.
        """
        self.looks += 1
        self.seen = time
        self.shaken |= self.patch is None or float(self.patch @ patch) < _FIRM
        self.patch = patch
        self.start(anchor, 1.0, way)

    def place_here(self) -> None:
        """It is the same face, where it was seen last."""
        self.place, self.placed = self.anchor.box, self.seen
        self.shaken = self.contradicted = False

    def find(self, anchor: Anchor, time: float, patch: Floats) -> None:
        """It was found on the last frame, in the middle of a segment; as `see`."""
        self.seen, self.patch, self.anchor = time, patch, anchor
        self.boxes[-1], self.trust[-1] = anchor.box, 1.0

    def copy(self) -> Track:
        """One that goes its own way from here."""
        return replace(
            self,
            boxes=list(self.boxes),
            trust=list(self.trust),
            motions=list(self.motions),
            vectors=list(self.vectors),
        )

    def step(self, box: Floats, confidence: float) -> None:
        """It was followed to the next frame.

        At a confidence of 0 it is lost, and goes on as it went.
        """
        trust = self.trust[-1] * min(confidence / ENOUGH, 1.0)
        last, motion = self.boxes[-1], self.motions[-1]
        if trust > 0:
            motion = motion * (1 - _NEWEST) + (centers(box) - centers(last)) * _NEWEST
        else:
            box, trust = last + np.tile(motion, 2), 0.0
        self.boxes.append(box)
        self.trust.append(trust)
        self.motions.append(motion)

    def lose(self, place: int, firm: int | None = None) -> None:
        """It was not followed beyond a frame of the segment, but went on as it had gone.

        Args:
            place: of the last frame to which it was followed.
            firm: of the last one where it was the face's own motion; by default the same.
        """
        firm = place if firm is None else firm
        motion = self.motions[firm]
        for i in range(place + 1, len(self.boxes)):
            self.boxes[i] = self.boxes[firm] + np.tile(motion, 2) * (i - firm)
            self.trust[i], self.motions[i] = 0.0, motion

    @property
    def way(self) -> Path:
        """As far as it is worth giving."""
        return self.path if self.shown is None else self.shown

    @property
    def path(self) -> Path:
        """Since the last look, that frame included."""
        return Path(np.stack(self.boxes), np.array(self.trust, np.float32))


def _motion(way: Path, before: Floats) -> Floats:
    """Of a face at the end of its way, from frame to frame: the median of its last steps."""
    steps = np.diff(centers(way.boxes[-_STEPS - 1 :]), axis=0)
    known = way.trust[-len(steps) :] > 0 if len(steps) else np.zeros(0, bool)
    if known.sum() < 2:
        return before
    return np.asarray(np.median(steps[known], axis=0), np.float32)
