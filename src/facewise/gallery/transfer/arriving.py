"""From a row of a file to what a store takes: checked, and of unit length."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from facewise.errors import GalleryError
from facewise.gallery.names import checked_name, checked_text, name_key
from facewise.gallery.records import UNIT, NewFace, Vectors
from facewise.gallery.transfer.rows import Row


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A face and its person, ready for a store.

    Attributes:
        key: what is equal for two names of one person (`names.name_key`).
        name: of the person.
        notes: of the person.
        consent: of the person.
        retain_until: of the person.
        created: of the person; None: now.
        face: None where the row is about a person without faces.
        was_unit: the vector had unit length before.
    """

    key: str
    name: str
    notes: str
    consent: str
    retain_until: date | None
    created: datetime | None
    face: NewFace | None
    was_unit: bool


def arrival(row: Row, dimension: int) -> Arrival:
    """What a store takes of a row.

    Args:
        row: as a file has it.
        dimension: of the gallery's vectors.

    Raises:
        GalleryError: the name cannot be one, the vector is zero, not finite or of another length,
            or another value is out of its range; says what was expected.
    """
    name = checked_name(row.name)
    face, was_unit = None, True
    if row.vector is not None:
        if row.vector.shape != (dimension,):
            raise GalleryError(f"vector: {row.vector.shape[0]} numbers, expected {dimension}")
        vector, was_unit = unit(row.vector)
        face = NewFace(
            vector,
            source=row.source,
            box=row.box,
            quality=row.quality,
            chip=row.chip,
            created=row.created,
        )
    return Arrival(
        name_key(name),
        name,
        checked_text("notes", row.notes),
        checked_text("consent", row.consent),
        row.retain_until,
        row.person_created,
        face,
        was_unit,
    )


def unit(vector: NDArray[np.floating]) -> tuple[Vectors, bool]:
    """A vector of unit length, and whether it had that before: then it stays as it is.

    Args:
        vector: (d,), of any length above 0.

    Raises:
        GalleryError: it is zero, or not finite.
    """
    wide = vector.astype(np.float64)
    largest = np.abs(wide).max(initial=0.0)
    if not np.isfinite(wide).all():
        raise GalleryError("vector: not finite (NaN or infinite), which is no face")
    if largest == 0:
        raise GalleryError("vector: all zero, which is no face")
    if largest < 1 + UNIT:
        narrow = wide.astype(np.float32)
        if abs(float(np.linalg.norm(narrow)) - 1) <= UNIT:
            return narrow, True
    wide /= largest  # or squares of very large and very small numbers are lost
    return (wide / np.linalg.norm(wide)).astype(np.float32), False
