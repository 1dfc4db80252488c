"""How a row of a store holds a chip."""

from __future__ import annotations

from typing import Protocol


class ChipForm(Protocol):
    """Chips as bytes of rows, and back."""

    def encode(self, face_id: int, chip: bytes) -> bytes:
        """The bytes for the row of a new face."""

    def decode(self, face_id: int, blob: bytes) -> bytes:
        """The chip of a row.

        Raises:
            ValueError: it is not as it was stored, or not of this face.
        """


class PlainChips:
    """As they are."""

    def encode(self, face_id: int, chip: bytes) -> bytes:  # noqa: ARG002
        """See `ChipForm.encode`."""
        return chip

    def decode(self, face_id: int, blob: bytes) -> bytes:  # noqa: ARG002
        """See `ChipForm.decode`."""
        return blob
