"""What a gallery holds, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from facewise.errors import GalleryError
from facewise.gallery.model_facts import ModelFacts as ModelFacts
from facewise.gallery.names import checked_text

Ids: TypeAlias = NDArray[np.int64]
Vectors: TypeAlias = NDArray[np.float32]

UNIT = 1e-3
"""How far from 1 the length of a vector may be; an embedder's is within 1e-6."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who is known.

    Attributes:
        id: above 0, and never given to anyone else.
        name: unique in its gallery (see `gallery.names`).
        notes: any text.
        consent: what the person agreed to, any text.
        retain_until: the last day on which the person may be kept, or None: without end.
        created: when the person was added; with a time zone (UTC).
    """

    id: int
    name: str
    notes: str
    consent: str
    retain_until: date | None
    created: datetime


@dataclass(frozen=True, slots=True)
class FaceRecord:
    """One face of a person; its vector travels beside the record, never in it.

    Attributes:
        id: above 0, and never given to another face.
        person_id: whose face it is.
        source: where it came from, for people to read: a path, a URL.
        box: `(x1, y1, x2, y2)` in pixels of the source, or None.
        quality: in [0, 1] (`facewise.quality`; of faces from shards the detector's score), or None.
        created: when the face was added; with a time zone (UTC).
        has_chip: the store holds its picture.
    """

    id: int
    person_id: int
    source: str
    box: tuple[float, float, float, float] | None
    quality: float | None
    created: datetime
    has_chip: bool


@dataclass(frozen=True, slots=True, eq=False)
class NewFace:
    """A face to be added.

    Attributes:
        vector: float32 (d,), of unit length; whatever makes such an array is taken.
        source: as in `FaceRecord`; what cannot be written as UTF-8 (an undecodable file name) is
            kept as an escape.
        box: as in `FaceRecord`.
        quality: as in `FaceRecord`.
        chip: a PNG file, or None.
        created: as in `FaceRecord`, with a time zone; None: now.

    Raises:
        GalleryError: a vector that is not finite or not of unit length, or another value out of
            its range.
    """

    vector: Vectors
    source: str = ""
    box: tuple[float, float, float, float] | None = None
    quality: float | None = None
    chip: bytes | None = None
    created: datetime | None = None

    def __post_init__(self) -> None:
        vector = np.array(self.vector, np.float32)
        length = float(np.linalg.norm(vector)) if vector.ndim == 1 else float("nan")
        if not abs(length - 1) <= UNIT:  # also refuses NaN
            raise GalleryError(
                f"vector: expected shape (d,) and length 1, got {vector.shape} and {length:.4g}"
            )
        vector.setflags(write=False)
        source = self.source
        if isinstance(source, str):
            source = source.encode("utf-8", "backslashreplace").decode()
        checked_text("source", source)
        box = self.box
        if box is not None:
            box = _box(box)
        quality = self.quality
        if quality is not None:
            quality = float(quality) + 0.0  # no -0.0, which stores may give back as 0
            if not 0 <= quality <= 1:
                raise GalleryError(f"quality: expected a number in [0, 1], got {quality}")
        if self.chip is not None and not (isinstance(self.chip, bytes) and self.chip):
            raise GalleryError(f"chip: expected the bytes of a PNG file, got {self.chip!r:.40}")
        checked_time("created", self.created)
        for name, value in (("vector", vector), ("source", source), ("box", box)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "quality", quality)


class VectorBlock(NamedTuple):
    """Vectors with what they belong to, row by row.

    Attributes:
        face_ids: int64 (n,).
        person_ids: int64 (n,).
        vectors: float32 (n, d), of unit length.
    """

    face_ids: Ids
    person_ids: Ids
    vectors: Vectors


class FaceChanges(NamedTuple):
    """What happened to faces since some version; each id in at most one of the three.

    Attributes:
        added: int64, ascending: faces that are there now and may have been missing then.
        removed: int64, ascending: faces that are gone; also such as came and went in between.
        moved: int64, ascending: faces that were there and belong to another person now.
        version: of the store, which this leads to.
    """

    added: Ids
    removed: Ids
    moved: Ids
    version: int


class LastIds(NamedTuple):
    """The highest ids that were ever given to a person and a face, who may be gone; 0: none was."""

    people: int
    faces: int


class Counts(NamedTuple):
    """How much a store holds: people, faces, and faces with a chip."""

    people: int
    faces: int
    chips: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that was done; without names and face data.

    Attributes:
        id: ascending with time.
        time: with a time zone (UTC).
        action: `enrol`, `identify`, `forget`, ….
        person_id: whom it concerned, who may be gone since; None: nobody, or many.
        count: of faces.
        detail: any text, without names.
    """

    id: int
    time: datetime
    action: str
    person_id: int | None
    count: int
    detail: str


def checked_time(what: str, time: datetime | None) -> None:
    """Refuse a time without a time zone.

    Raises:
        GalleryError: it has none; calls it as `what` says.
    """
    if time is not None and (not isinstance(time, datetime) or time.utcoffset() is None):
        raise GalleryError(f"{what}: expected a time with a time zone, got {time!r:.60}")


def _box(box: Any) -> tuple[float, float, float, float]:
    try:
        x1, y1, x2, y2 = (float(side) + 0.0 for side in box)
    except (TypeError, ValueError):
        raise GalleryError(f"box: expected (x1, y1, x2, y2), got {box!r:.80}") from None
    if not (np.isfinite([x1, y1, x2, y2]).all() and x1 <= x2 and y1 <= y2):
        raise GalleryError(f"box: expected finite x1 <= x2 and y1 <= y2, got {box!r:.80}")
    return x1, y1, x2, y2
