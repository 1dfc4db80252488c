"""Know people by their looks when they come back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facewise.gallery.thresholds import search_threshold
from facewise.recognition import choose_threshold
from facewise.video.tracking.glance import Glance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.embedding import Embedder
    from facewise.video.frames import VideoFrame
    from facewise.video.tracking.scene import Scene
    from facewise.video.tracking.tracks import Anchor, Track

    Floats = NDArray[np.float32]

_FALSE = 3e-3
"""The share of strangers who may be taken for somebody who has left. Two people under one number
are worse than one person under two, who can still be brought together by name."""

_FEWEST = 4
"""People who are reckoned with at least: means of embeddings are more alike than embeddings are,
also those of different people."""

_LEAD, _LARGE_LEAD = 0.15, 0.35
"""By how much somebody must be more like a newcomer than anybody else, in parts of what lies
between the threshold and 1; and by how much, to need less likeness for it."""

_COHORT = 8
"""People at least for the latter: who stands out from a few may be like one of them by chance."""


class Gone(NamedTuple):
    """Somebody who is not seen any more.

    Attributes:
        number: of the track.
        vectors: embeddings, of unit length.
        time: when the face was seen last, in seconds.
        box: where, (4,).
        scene: in which: `Scene.mark`.
    """

    number: int
    vectors: Sequence[Floats]
    time: float
    box: Floats
    scene: object

    @classmethod
    def of(cls, track: Track, scene: Scene) -> Gone:
        """Of a track that has a number."""
        return cls(track.number or 0, track.vectors, track.placed, track.place, scene.mark)


def mean_looks(vectors: Sequence[Floats]) -> Floats:
    """The mean of embeddings (d,), of unit length."""
    mean = np.mean(np.stack(vectors), axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), np.float32)


def likeness_to(gone: Sequence[Gone], looks: Floats) -> Floats:
    """How alike people and one with these looks (d,) are, (n,)."""
    return np.array([float((np.stack(one.vectors) @ looks).max()) for one in gone], np.float32)


class People:
    """The looks of those who have left, and what compares looks.

    Args:
        embedder: makes them.
        remembered: people at most; who left first is forgotten first.
        similarity: from which on two are one; None: as the embedder's thresholds say.

    Raises:
        ModelError: the embedder has no thresholds, and no similarity is given.
    """

    def __init__(self, embedder: Embedder, remembered: int, similarity: float | None) -> None:
        self._embedder = embedder
        self._most = remembered
        self._given = similarity
        self.threshold = choose_threshold(embedder.spec, similarity).value
        self._gone: OrderedDict[int, Gone] = OrderedDict()

    def glance(
        self, frame: VideoFrame, found: Sequence[Anchor], others: Sequence[Floats] = ()
    ) -> Glance:
        """The looks of the faces found on a frame, where others (4,) may be too."""
        return Glance(self._embedder, self, frame, found, others)

    def leave(self, track: Track, scene: Scene) -> None:
        """A track has ended; remember it."""
        if track.number is None or not track.vectors or not self._most:
            return
        self._gone[track.number] = Gone.of(track, scene)
        while len(self._gone) > self._most:
            self._gone.popitem(last=False)

    def forget(self, number: int) -> None:
        """Somebody has come back, if he had left."""
        self._gone.pop(number, None)

    @property
    def gone(self) -> Collection[Gone]:
        """Those who are remembered."""
        return self._gone.values()

    def same(self, alike: Floats) -> NDArray[np.bool_]:
        """Who of several people a newcomer may be, (n,).

        One whose looks are similar enough, and more so than those of all others: whoever is like
        two people is perhaps a third one who is like both. The more so, the less similar it needs
        to be.

        Args:
            alike: cosines of the mean of a newcomer's embeddings and of theirs, (n,).
        """
        others = np.array([np.delete(alike, i).max(initial=-1) for i in range(len(alike))])
        lead = (alike - others) / (1 - self.threshold)
        least = self._certain(max(len(alike), _FEWEST))
        plain = (alike >= least) & ((lead >= _LEAD) | self.plainly(alike))
        standing_out = (alike >= self._certain(1)) & (lead >= _LARGE_LEAD)
        if len(alike) < _COHORT:
            return np.asarray(plain, bool)
        return np.asarray(plain | standing_out, bool)

    def plainly(self, alike: Floats) -> NDArray[np.bool_]:
        """Who of several people a newcomer is beyond doubt, whatever else speaks against it."""
        least = self._certain(max(len(alike), _FEWEST))
        return np.asarray(alike >= (1 + least) / 2, bool)

    def _certain(self, people: int) -> float:
        """The cosine from which on somebody is one of so many, wherever he is."""
        if self._given is not None:
            return self._given
        return search_threshold(self._embedder.spec, people, fpir=_FALSE).value

    def likeness(self, one: Floats, other: Floats) -> float:
        """Of embeddings (n, d) and (m, d) that are two people's: see `Glance.likeness`."""
        cosine = float((one @ other.T).max())
        return min(max((cosine - self.threshold) / (1 - self.threshold), -1.0), 1.0)
