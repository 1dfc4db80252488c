"""Vectors and chips as a sealed gallery holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facewise.gallery.vector_form import PlainForm

if TYPE_CHECKING:
    from facewise.gallery.records import Vectors
    from facewise.gallery.sealing.cipher import Cipher


class SealedForm:
    """The plain form, sealed for its face; see `VectorForm`.

    Args:
        dimension: d.
        cipher: of the gallery.
    """

    def __init__(self, dimension: int, cipher: Cipher) -> None:
        self._plain = PlainForm(dimension)
        self._cipher = cipher

    def encode(self, face_ids: Sequence[int], vectors: Vectors) -> list[bytes]:
        """See `VectorForm.encode`."""
        return self._cipher.seal_all("vector", face_ids, self._plain.encode(face_ids, vectors))

    def decode(self, face_ids: Sequence[int], blobs: Sequence[bytes]) -> tuple[Vectors, list[int]]:
        """See `VectorForm.decode`."""
        values = self._cipher.open_all("vector", face_ids, blobs)
        # What does not open is empty, and so is bad in the plain form too.
        return self._plain.decode(face_ids, [value or b"" for value in values])


class SealedChips:
    """Chips, each sealed for its face; see `ChipForm`.

    Args:
        cipher: of the gallery.
    """

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def encode(self, face_id: int, chip: bytes) -> bytes:
        """See `ChipForm.encode`."""
        return self._cipher.seal("chip", face_id, chip)

    def decode(self, face_id: int, blob: bytes) -> bytes:
        """See `ChipForm.decode`."""
        return self._cipher.open("chip", face_id, blob)
