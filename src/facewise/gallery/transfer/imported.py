"""How to import, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from os import PathLike
from typing import TYPE_CHECKING, Any

from facewise.gallery.transfer.rows import Refusal

if TYPE_CHECKING:
    from facewise.faces import SelectPolicy


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of reading a file.

    Attributes:
        path: of the file.
        format: of the file.
        people: how many are new.
        faces: how many were added.
        skipped: faces that were there already, with the same source and vector.
        normalised: faces whose vectors were not of unit length, and are now.
        faceless: pictures of shards that have no face.
        failed: pictures of shards that could not be read when they were embedded.
        refused: rows that were not taken, and why; the first 1,000 of them.
        refused_count: how many there are.
    """

    path: str
    format: str
    people: int
    faces: int
    skipped: int
    normalised: int
    faceless: int
    failed: int
    refused: tuple[Refusal, ...]
    refused_count: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, by the names of the attributes."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How to import.

    Attributes:
        format: `parquet`, `csv`, `npz`, `npy`, `h5`, `protobuf` or `shards`; None: by content and
            suffix.
        names: for `.npy` files, the file with the names.
        assume_model: the vectors are of the gallery's model, where the file does not say of which.
        select: of shards, which face counts where a picture shows several (`Faces.order`); None:
            one that is plainly larger than all others, and no face where none is.
        consent: of people for whom the file says nothing.
        retain_until: of people for whom the file says nothing.
        done: called with the number of rows that are done.
    """

    format: str | None = None
    names: str | PathLike[str] | None = None
    assume_model: bool = False
    select: SelectPolicy | None = None
    consent: str = ""
    retain_until: date | None = None
    done: Callable[[int], object] = lambda _: None
