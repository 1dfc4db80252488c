"""How a row of a store holds a vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from facewise.gallery.records import ModelFacts, Vectors


class VectorForm(Protocol):
    """Vectors as bytes of rows, and back.

    A store has a checksum of these bytes, with the face's and the person's number; so what is
    damaged by accident does not come here. A face keeps its bytes when it is given to another
    person.
    """

    def encode(self, face_ids: Sequence[int], vectors: Vectors) -> list[bytes]:
        """The bytes for each row.

        Args:
            face_ids: n, each new.
            vectors: float32 (n, d).

        Raises:
            GalleryError: they cannot be kept.
        """

    def decode(self, face_ids: Sequence[int], blobs: Sequence[bytes]) -> tuple[Vectors, list[int]]:
        """The vectors of rows.

        Args:
            face_ids: n, in any order, each once.
            blobs: n, the bytes of their rows.

        Returns:
            Vectors, float32 (m, d), writable, of those that are as they were stored, in the same
            order; and the ids of the other n - m.

        Raises:
            GalleryError: none can be had (not: some are damaged).
        """


MakeForm: TypeAlias = "Callable[[str, ModelFacts], VectorForm]"
"""Makes the form of a store, given its identity and facts, when it is opened."""


class PlainForm:
    """float32, little-endian.

    Args:
        dimension: d.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension

    def encode(self, face_ids: Sequence[int], vectors: Vectors) -> list[bytes]:  # noqa: ARG002
        """See `VectorForm.encode`."""
        return [vector.tobytes() for vector in vectors.astype("<f4")]

    def decode(self, face_ids: Sequence[int], blobs: Sequence[bytes]) -> tuple[Vectors, list[int]]:
        """See `VectorForm.decode`."""
        size = 4 * self._dimension
        pairs = list(zip(face_ids, blobs, strict=True))
        bad = [face_id for face_id, blob in pairs if len(blob) != size]
        whole = b"".join(blob for blob in blobs if len(blob) == size)
        vectors = np.frombuffer(whole, "<f4").reshape(-1, self._dimension)
        return vectors.astype(np.float32), bad  # a copy: the buffer cannot be written


def plain(identity: str, facts: ModelFacts) -> VectorForm:  # noqa: ARG001
    """The plain form for any store."""
    return PlainForm(facts.embedding_size)
