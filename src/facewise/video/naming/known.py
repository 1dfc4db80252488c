"""The people whom tracks are compared with: of a folder, of a gallery, or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.gallery import Gallery
    from facewise.gallery.templates import Template
    from facewise.recognition import People

    Vectors = NDArray[np.float32]

TOP = 3
"""People who are found for each track, at most."""


class Likeness(NamedTuple):
    """Somebody whom a track may show.

    Attributes:
        name: of a known person.
        similarity: cosine of the templates, in [-1, 1].
    """

    name: str
    similarity: float


class Known(Protocol):
    """People whom tracks may show."""

    @property
    def count(self) -> int:
        """How many they are, now."""
        ...

    def search(self, vectors: Vectors) -> Sequence[tuple[Likeness, ...]]:
        """For each vector (m, d) of unit length up to `TOP` people, the most similar first."""
        ...

    def note(self, tracks: int, named: int) -> None:
        """So many tracks were compared, and so many got a name; for a log, where there is one."""
        ...


class Nobody:
    """Nobody is known."""

    count = 0

    def search(self, vectors: Vectors) -> Sequence[tuple[Likeness, ...]]:
        """See `Known`."""
        return [()] * len(vectors)

    def note(self, tracks: int, named: int) -> None:
        """See `Known`."""


class KnownPeople:
    """People who were loaded from a folder.

    Attributes:
        people: may be replaced by others at any time.
    """

    def __init__(self, people: People) -> None:
        self.people = people

    @property
    def count(self) -> int:
        """See `Known`."""
        return len(self.people.names)

    def search(self, vectors: Vectors) -> Sequence[tuple[Likeness, ...]]:
        """See `Known`."""
        people = self.people
        similarities = np.clip(vectors @ people.templates.T, -1, 1)
        order = np.argsort(-similarities, axis=1, kind="stable")[:, :TOP]
        return [
            tuple(Likeness(people.names[j], float(similarities[i, j])) for j in row)
            for i, row in enumerate(order.tolist())
        ]

    def note(self, tracks: int, named: int) -> None:
        """See `Known`."""


class KnownGallery:
    """People of a gallery; who is enrolled or forgotten meanwhile is found, or not any more."""

    def __init__(self, gallery: Gallery, template: Template | None = None) -> None:
        self._gallery = gallery
        self._template = template

    @property
    def count(self) -> int:
        """See `Known`."""
        return self._gallery.store.counts().people

    def search(self, vectors: Vectors) -> Sequence[tuple[Likeness, ...]]:
        """See `Known`."""
        found = self._gallery.candidates(vectors, TOP, template=self._template)
        return [tuple(Likeness(c.name, c.similarity) for c in some) for some in found]

    def note(self, tracks: int, named: int) -> None:
        """An entry in the gallery's audit log."""
        with self._gallery.store.change() as change:
            detail = f"video: tracks: {tracks}, with a name: {named}"
            change.note("identify", count=tracks, detail=detail)
