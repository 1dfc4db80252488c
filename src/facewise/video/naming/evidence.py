"""What is known of how one track looks: its few best faces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import Picture
    from facewise.video.naming.records import BestFace

    Vector = NDArray[np.float32]

MOST = 5
"""Faces of a track that count."""

_FIRST_GAP = 0.4
"""Seconds from the first face that is embedded to the second; each further gap is twice as long."""

_BETTER = 1.1
"""Times the quality of another face that is worth the work."""

_GOOD = 0.25
"""Quality from which on a face counts as a whole one."""


class Look(NamedTuple):
    """A face of a track that may be embedded.

    Attributes:
        quality: in [0, 1]; see `facewise.quality`.
        chip: as the embedder wants it, uint8 RGB (S, S, 3).
        frame: index of its frame.
        time: seconds, of its frame.
        box: `(x1, y1, x2, y2)` in pixels of the frame.
    """

    quality: float
    chip: Picture
    frame: int
    time: float
    box: tuple[float, float, float, float]


@dataclass(slots=True)
class Evidence:
    """The best faces of a track, embedded one after another at growing intervals.

    Between two times at which one is embedded, the best one waits. When `MOST` are embedded, only
    one that is plainly better than the worst of them is embedded, and takes its place: so the work
    for a track is bounded, however long it is.

    Attributes:
        faces: quality and embedding of those that count.
        waiting: the best face since the last that was embedded.
        best: the best that was embedded.
        looked: seconds, of the last frame on which its face was looked at.
        due: seconds, from which on one may be embedded.
        gap: seconds to the time after that.
        template: the mean of the embeddings, weighted by quality, of unit length, (d,); None
            before the first.
    """

    faces: list[tuple[float, Vector]] = field(default_factory=list)
    waiting: Look | None = None
    best: BestFace | None = None
    looked: float = -np.inf
    due: float = -np.inf
    gap: float = _FIRST_GAP
    template: Vector | None = None

    @property
    def weight(self) -> float:
        """How much there is: the number of good faces, poorer ones counting less."""
        return sum(min(quality / _GOOD, 1.0) for quality, _ in self.faces)

    @property
    def quality(self) -> float:
        """The mean of those of its faces, weighted as the template is; 0 before the first."""
        total = sum(quality for quality, _ in self.faces)
        return sum(quality**2 for quality, _ in self.faces) / total if total else 0.0

    def wants(self, promised: float) -> bool:
        """Whether a face of at most this quality is of use."""
        least = 0.0
        if len(self.faces) >= MOST:
            least = self._worst() * _BETTER
        if self.waiting is not None:
            least = max(least, self.waiting.quality * _BETTER)
        return promised > least

    def offer(self, look: Look) -> None:
        """A face that was cut because it was wanted; if it still is, it waits."""
        if self.wants(look.quality):
            self.waiting = look

    def ready(self, time: float) -> bool:
        """Whether the face that waits is to be embedded now."""
        return self.waiting is not None and time >= self.due

    def learn(self, look: Look, vector: Vector, time: float) -> None:
        """The face that waited has been embedded, at this time."""
        self.waiting = None
        self.faces.append((look.quality, vector))
        if len(self.faces) > MOST:
            self.faces.remove(min(self.faces, key=lambda face: face[0]))
        self.due, self.gap = time + self.gap, self.gap * 2
        weights = np.array([quality for quality, _ in self.faces])
        mean = (np.stack([vector for _, vector in self.faces]) * weights[:, None]).sum(axis=0)
        self.template = np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)

    def _worst(self) -> float:
        return min(quality for quality, _ in self.faces)
