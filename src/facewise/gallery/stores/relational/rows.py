"""Records and vectors as rows of tables, and back, with checksums."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import date, datetime, timezone

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.chip_form import ChipForm
from facewise.gallery.records import AuditEntry, FaceRecord, Person, VectorBlock
from facewise.gallery.stores.relational.database import Row
from facewise.gallery.vector_form import VectorForm

PERSON = "id, name, notes, consent, retain_until, created, checksum"
FACE = (
    "id, person_id, source, x1, y1, x2, y2, quality, created, checksum, "
    "EXISTS (SELECT 1 FROM chips WHERE face_id = faces.id)"
)
CHIP = "face_id, png, checksum"
AUDIT = "id, time, action, person_id, count, detail, checksum"
VECTOR = "id, person_id, vector_checksum, vector"


def now() -> str:
    """The present time as the tables have it."""
    return time_text(datetime.now(timezone.utc))


def time_text(time: datetime) -> str:
    """A time with a time zone as the tables have it: ISO 8601, in UTC, to the microsecond."""
    return time.astimezone(timezone.utc).isoformat(timespec="microseconds")


def checksum(*values: str | int | float | None) -> int:
    """The checksum of the other values of a row; floats as a database gives them back (no -0.0)."""
    return zlib.crc32(json.dumps(values, default=repr).encode())


def vector_checksum(face_id: int, person_id: int, vector: bytes) -> int:
    """The checksum of a vector and whose it is."""
    return zlib.crc32(vector, (face_id * 31 + person_id) & 0xFFFFFFFF)


def person(row: Row) -> Person:
    """The person of a row of the columns `PERSON`.

    Raises:
        GalleryError: the row is damaged.
    """
    person_id, name, notes, consent, retain_until, created, stated = row
    try:
        if checksum(*row[:-1]) != stated:
            raise ValueError("its checksum is another")
        day = None if retain_until is None else date.fromisoformat(retain_until)
        return Person(person_id, name, notes, consent, day, datetime.fromisoformat(created))
    except (TypeError, ValueError) as error:
        raise GalleryError(f"damaged: person {person_id} ({error})") from None


def face(row: Row) -> FaceRecord:
    """The face of a row of the columns `FACE`.

    Raises:
        GalleryError: the row is damaged.
    """
    face_id, person_id, source, x1, y1, x2, y2, quality, created, stated, has_chip = row
    box = None if x1 is None else (x1, y1, x2, y2)
    try:
        if checksum(face_id, *row[2:-2]) != stated:  # the person's id is in the vector's checksum
            raise ValueError("its checksum is another")
        time = datetime.fromisoformat(created)
    except (TypeError, ValueError) as error:
        raise GalleryError(f"damaged: face {face_id} ({error})") from None
    return FaceRecord(face_id, person_id, source, box, quality, time, bool(has_chip))


def audit_entry(row: Row) -> AuditEntry:
    """The entry of a row of the columns `AUDIT`.

    Raises:
        GalleryError: the row is damaged.
    """
    entry_id, time, action, person_id, count, detail, stated = row
    try:
        if checksum(*row[:-1]) != stated:
            raise ValueError("its checksum is another")
        moment = datetime.fromisoformat(time)
    except (TypeError, ValueError) as error:
        raise GalleryError(f"damaged: entry {entry_id} of the audit log ({error})") from None
    return AuditEntry(entry_id, moment, action, person_id, count, detail)


def chip(row: Row, form: ChipForm) -> bytes:
    """The picture of a row of the columns `CHIP`.

    Raises:
        GalleryError: the row is damaged.
    """
    face_id, blob, stated = row
    try:
        if zlib.crc32(blob) != stated:
            raise ValueError("its checksum is another")
        return form.decode(face_id, blob)
    except (TypeError, ValueError):  # TypeError: no bytes
        raise GalleryError(f"damaged: the chip of face {face_id}") from None


def vectors(rows: Sequence[Row], form: VectorForm) -> tuple[VectorBlock, list[int]]:
    """The vectors of rows of the columns `VECTOR`.

    Returns:
        Those that are as they were stored, and the ids of the faces whose are damaged.
    """
    whole = [row for row in rows if _is_whole(row)]
    found, wrong = form.decode([row[0] for row in whole], [row[3] for row in whole])
    if wrong:
        refused = set(wrong)
        whole = [row for row in whole if row[0] not in refused]
    block = VectorBlock(
        np.array([row[0] for row in whole], np.int64),
        np.array([row[1] for row in whole], np.int64),
        found,
    )
    if len(whole) == len(rows):
        return block, []
    good = {row[0] for row in whole}
    return block, [row[0] for row in rows if row[0] not in good]


def _is_whole(row: Row) -> bool:
    face_id, person_id, stated, vector = row
    try:
        return bool(vector_checksum(face_id, person_id, vector) == stated)
    except TypeError:  # a value that is missing
        return False
