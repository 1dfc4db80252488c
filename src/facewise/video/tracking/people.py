"""Know people by their looks: on a frame, and when they come back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.faces import Faces
from facewise.gallery.thresholds import search_threshold
from facewise.recognition import choose_threshold
from facewise.video.tracking.aside import aside
from facewise.video.tracking.boxes import out_of_box, overlaps, sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.embedding import Embedder
    from facewise.video.frames import VideoFrame
    from facewise.video.tracking.tracks import Anchor, Track

    Floats = NDArray[np.float32]

_VECTORS = 6
"""Embeddings that are kept of a track."""

_FALSE = 3e-3
"""The share of strangers who may be taken for somebody who has left. Two people under one number
are worse than one person under two, who can still be brought together by name."""

_SMALLEST = 24.0
"""Side of a face, in pixels, from which on it is embedded."""


_CLEAR = 0.05
"""Overlap with another face above which nothing is learnt from a face: it may be hidden in part."""


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
        self._gone: OrderedDict[int, Floats] = OrderedDict()

    def glance(self, frame: VideoFrame, found: Sequence[Anchor]) -> Glance:
        """The looks of the faces found on a frame."""
        return Glance(self._embedder, self, frame, found)

    def leave(self, track: Track) -> None:
        """A track has ended; remember it."""
        if track.number is None or not track.vectors or not self._most:
            return
        self._gone[track.number] = np.stack(track.vectors)
        while len(self._gone) > self._most:
            self._gone.popitem(last=False)

    @property
    def gone(self) -> int:
        """How many are remembered."""
        return len(self._gone)

    def certain(self, people: int) -> float:
        """The cosine from which on somebody is one of so many, wherever he is."""
        if self._given is not None:
            return self._given
        return search_threshold(self._embedder.spec, people, fpir=_FALSE).value

    def likeness(self, one: Floats, other: Floats) -> float:
        """Of embeddings (n, d) and (m, d) that are two people's: see `Glance.likeness`."""
        return self.scaled(float((one @ other.T).max()))

    def scaled(self, cosine: float) -> float:
        """A similarity as a likeness: 0 at the threshold, within [-1, 1]."""
        return min(max((cosine - self.threshold) / (1 - self.threshold), -1.0), 1.0)

    def best(self, vector: Floats) -> float:
        """The likeness of an embedding (d,) to those who have left, the most alike; -1: none."""
        return max((self.likeness(gone, vector[None]) for gone in self._gone.values()), default=-1)

    def returns(
        self, vectors: Mapping[int, Floats], but: Collection[int]
    ) -> dict[int, tuple[int, list[Floats]]]:
        """Who faces of one frame are of those who have left.

        The surest first; then there are fewer people left whom the others may be.

        Args:
            vectors: of each face, by whatever key, unit length (d,).
            but: numbers of those who cannot be meant.

        Returns:
            For each face that is somebody's the number and the embeddings kept of them; whoever has
            come back is forgotten here.
        """
        faces, numbers = list(vectors), [number for number in self._gone if number not in but]
        cosines = np.array(
            [[float((self._gone[n] @ vectors[face]).max()) for n in numbers] for face in faces],
            np.float32,
        ).reshape(len(faces), len(numbers))
        found: dict[int, tuple[int, list[Floats]]] = {}
        while cosines.size and len(found) < min(cosines.shape):
            row, column = np.unravel_index(int(cosines.argmax()), cosines.shape)
            if cosines[row, column] < self.certain(len(numbers) - len(found)):
                break
            number = numbers[column]
            found[faces[row]] = number, list(self._gone.pop(number))
            cosines[row], cosines[:, column] = -2, -2
        return found


class Glance:
    """Embeddings of the faces of one frame, made when they are asked for."""

    def __init__(
        self, embedder: Embedder, people: People, frame: VideoFrame, found: Sequence[Anchor]
    ) -> None:
        self._embedder = embedder
        self._people = people
        self._frame = frame
        self._found = found
        self._vectors: dict[int, Floats] = {}

    def vectors(self, columns: Sequence[int]) -> dict[int, Floats]:
        """Of some of the faces, by number; those that are too small have none."""
        asked = [column for column in columns if column not in self._vectors]
        asked = [column for column in asked if sizes(self._found[column].box) >= _SMALLEST]
        if asked:
            faces = _faces([self._found[column] for column in asked])
            image = self._frame.image
            made = aside(lambda: self._embedder.embed_faces([image], [faces]))[0]
            self._vectors.update(zip(asked, made, strict=True))
        return {column: self._vectors[column] for column in columns if column in self._vectors}

    def likeness(
        self, tracks: Sequence[Track], columns: Sequence[int], asked: NDArray[np.bool_]
    ) -> Floats:
        """How alike tracks and faces are, from -1 (others) over 0 (at the threshold) to 1.

        Args:
            tracks: n.
            columns: m numbers of faces.
            asked: (n, m), the pairs that matter.

        Returns:
            (n, m); NaN where it is not known or was not asked.
        """
        known = np.array([bool(track.vectors) for track in tracks], bool)
        asked = asked & known[:, None]
        vectors = self.vectors([columns[j] for j in np.flatnonzero(asked.any(axis=0)).tolist()])
        result = np.full(asked.shape, np.nan, np.float32)
        for i, j in np.argwhere(asked).tolist():
            vector = vectors.get(columns[j])
            if vector is not None:
                result[i, j] = self._people.likeness(np.stack(tracks[i].vectors), vector[None])
        return result

    def same(self, likeness: Floats, columns: Sequence[int]) -> NDArray[np.bool_]:
        """Which of n tracks and m faces are surely one, wherever they are, (n, m).

        Args:
            likeness: of theirs, (n, m).
            columns: m numbers of faces.
        """
        vectors, people = self.vectors(columns), self._people
        gone = [people.best(vectors[column]) if column in vectors else 1 for column in columns]
        certain = people.scaled(people.certain(people.gone + len(likeness)))
        result: NDArray[np.bool_] = (likeness >= certain) & (likeness > np.array(gone))
        return result

    def learn(self, seen: Sequence[tuple[int, Track]]) -> None:
        """Keep the looks of tracks, now and then: at their first looks, then ever more rarely.

        Args:
            seen: numbers of faces and whose they are.
        """
        if not seen:
            return
        boxes = np.stack([face.box for face in self._found])
        due = [
            (column, track)
            for column, track in seen
            if _due(track) and (overlaps(boxes, boxes[column]) > _CLEAR).sum() == 1
        ]
        vectors = self.vectors([column for column, _ in due])
        for column, track in due:
            if column in vectors:
                track.vectors.append(vectors[column])


def _due(track: Track) -> bool:
    """At looks 1, 2, 4, 8, …, or later if there were no looks to be had then."""
    kept = len(track.vectors)
    return track.number is not None and kept < _VECTORS and track.looks >= 1 << kept


def _faces(anchors: Sequence[Anchor]) -> Faces:
    boxes = np.stack([anchor.box for anchor in anchors])
    points = [
        out_of_box(anchor.parts, anchor.box) for anchor in anchors if anchor.parts is not None
    ]
    return Faces(
        boxes,
        np.array([anchor.score for anchor in anchors]),
        np.stack(points) if len(points) == len(anchors) else None,
    )
