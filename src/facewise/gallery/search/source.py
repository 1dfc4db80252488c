"""What an index needs of a store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.gallery.records import FaceChanges, VectorBlock

_AT_ONCE = 8192


class FaceSource(Protocol):
    """The part of `facewise.gallery.store.Store` that an index is made from; described there."""

    def identity(self) -> str:
        """Which store this is."""

    def version(self) -> int:
        """Grows with each change."""

    def vectors(self, after_face_id: int = 0, block: int = 8192) -> Iterator[VectorBlock]:
        """All faces, by ascending id."""

    def vectors_of(self, face_ids: NDArray[np.int64]) -> VectorBlock:
        """Some faces, as far as they exist."""

    def changes(self, since_version: int) -> FaceChanges | None:
        """What happened since a version, or None where that is not known."""


def faces_of(source: FaceSource, wanted: NDArray[np.int64]) -> Iterator[VectorBlock]:
    """The faces of some ids that (still) exist, in blocks."""
    for start in range(0, len(wanted), _AT_ONCE):
        yield source.vectors_of(wanted[start : start + _AT_ONCE])
