"""The looks of the faces of one frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.faces import Faces
from facewise.video.tracking.aside import aside
from facewise.video.tracking.boxes import out_of_box, overlaps, shown_part, sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.embedding import Embedder
    from facewise.video.frames import VideoFrame
    from facewise.video.tracking.people import People
    from facewise.video.tracking.tracks import Anchor, Track

    Floats = NDArray[np.float32]

LOOKS = 6
"""Embeddings that are kept of a track."""

_OTHER, _KNOWN = -0.3, 2
"""Likeness below which a clear face is another's, if so many embeddings of the one are known."""

_SMALLEST = 24.0
"""Side of a face, in pixels, from which on it is embedded."""

_CLEAR = 0.05
"""Overlap with another face above which a face may be hidden in part, and looks like anybody."""

_WHOLE = 0.97
"""Part of a face that must be inside the picture."""


class Glance:
    """Embeddings of the faces of one frame, made when they are asked for.

    Attributes:
        clear: which of the faces are large enough, whole, and under no other, (n,).
    """

    def __init__(
        self,
        embedder: Embedder,
        people: People,
        frame: VideoFrame,
        found: Sequence[Anchor],
        others: Sequence[Floats],
    ) -> None:
        self._embedder = embedder
        self._people = people
        self._frame = frame
        self._found = found
        self._vectors: dict[int, Floats] = {}
        self.clear = _clear(found, others, frame)

    def vectors(self, columns: Sequence[int]) -> dict[int, Floats]:
        """Of those of the faces that are large enough, by number."""
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

    def learn(self, seen: Sequence[tuple[int, Track]]) -> None:
        """Keep clear looks of tracks, now and then: at their first looks, then ever more rarely.

        Args:
            seen: numbers of faces and whose they are.
        """
        clear = [(column, track) for column, track in seen if self.clear[column]]
        due = [(column, track) for column, track in clear if _due(track) or _doubtful(track)]
        vectors = self.vectors([column for column, _ in due])
        for column, track in due:
            vector = vectors.get(column)
            if vector is None:
                continue
            if _doubtful(track):
                alike = self._people.likeness(np.stack(track.vectors), vector[None])
                track.contradicted = alike < _OTHER
                if track.contradicted:
                    continue
            track.place_here()
            if _due(track):
                track.vectors.append(vector)
        for column, track in seen:
            if not _doubtful(track) and self.clear[column]:
                track.place_here()
            track.shaken |= not self.clear[column]


def _doubtful(track: Track) -> bool:
    """Whether it should be made sure that a track still follows the same face."""
    return track.shaken and track.number is not None and len(track.vectors) >= _KNOWN


def _due(track: Track) -> bool:
    """At looks 1, 2, 4, 8, …, or later if there were no looks to be had then.

    One who waits for a number is looked at every time.
    """
    kept = len(track.vectors)
    if kept >= LOOKS:
        return False
    return track.number is None or track.looks >= 1 << kept


def _clear(
    found: Sequence[Anchor], others: Sequence[Floats], frame: VideoFrame
) -> NDArray[np.bool_]:
    """Which faces of a frame are large enough, whole, and under no other."""
    if not found:
        return np.zeros(0, bool)
    boxes = np.stack([face.box for face in found])
    there = np.stack([*boxes, *others])
    clear = (overlaps(boxes[:, None], there[None]) > _CLEAR).sum(axis=1) == 1
    clear &= shown_part(boxes, frame.width, frame.height) >= _WHOLE
    return np.asarray(clear & (sizes(boxes) >= _SMALLEST), bool)


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
