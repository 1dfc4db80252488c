"""A face with its person, on the way between a store and a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facewise.errors import GalleryError
from facewise.gallery.records import ModelFacts

if TYPE_CHECKING:
    from facewise.faces import SelectPolicy

BATCH = 512
"""Rows that are in memory at a time."""

MOST_NUMBERS = 65_536
"""Numbers of the longest vector that is looked at; what is longer is no embedding."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Row:
    """A face as a file has it, and what is known of its person.

    Attributes:
        place: where in the file, for messages: "row 17".
        name: of the person, unchecked.
        vector: (d,) of any floating type and any length; None: a person without faces.
        source: as in `FaceRecord`.
        box: as in `FaceRecord`.
        quality: as in `FaceRecord`.
        created: when the face was added; None: not known.
        chip: a PNG file.
        notes: of the person.
        consent: of the person.
        retain_until: of the person.
        person_created: when the person was added; None: not known.
        person_id: in the store that it comes from.
        face_id: in the store that it comes from.
    """

    place: str
    name: str
    vector: NDArray[np.floating] | None
    source: str = ""
    box: tuple[float, float, float, float] | None = None
    quality: float | None = None
    created: datetime | None = None
    chip: bytes | None = None
    notes: str = ""
    consent: str = ""
    retain_until: date | None = None
    person_created: datetime | None = None
    person_id: int | None = None
    face_id: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken.

    Attributes:
        place: where in the file.
        name: of the person, as far as it could be read.
        text: why, in words.
    """

    place: str
    name: str
    text: str

    def __str__(self) -> str:
        who = f" ({self.name:.80})" if self.name else ""
        return f"{self.place}{who}: {self.text}"


class Survey(NamedTuple):
    """What a look at a file has shown, before anything is written.

    Attributes:
        rows: how many there are.
        facts: what made the vectors, or None where the file does not say.
        faceless: pictures of shards that have no face, and so no row.
        failed: pictures of shards that could not be read.
    """

    rows: int
    facts: ModelFacts | None = None
    faceless: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Given:
    """A file that is to be read, or a folder of shards.

    Attributes:
        place: as it was given: a path, or of shards perhaps a URL.
        dimension: numbers of a vector of the gallery.
        names: a second file with the names, for formats whose file has none.
        select: of shards, which face of a picture counts; see `subject_of`.
    """

    place: str
    dimension: int
    names: Path | None = None
    select: SelectPolicy | None = None

    @property
    def path(self) -> Path:
        """Of the file."""
        return Path(self.place)

    def other_length(self, place: str, length: int) -> GalleryError:
        """The error for vectors that are not as long as the gallery's.

        Args:
            place: which they are: the file, and perhaps where in it.
            length: how many numbers they have.
        """
        return GalleryError(
            f"{place}: {length} numbers, the vectors of this gallery have {self.dimension}; "
            "nothing was imported"
        )
