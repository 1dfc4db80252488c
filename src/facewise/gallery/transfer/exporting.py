"""Write a gallery into a file of another format."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facewise.errors import GalleryError
from facewise.gallery.searching import index_folder
from facewise.gallery.transfer.formats import FORMATS, format_to_write
from facewise.gallery.transfer.leaving import Leaving, steady
from facewise.gallery.transfer.target import draft

if TYPE_CHECKING:
    from facewise.gallery.store import Store


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: of the file.
        format: of the file.
        people: how many were written.
        faces: how many were written; with `means` those that the means are of.
        chips: how many were written.
        bytes: of the file.
    """

    path: str
    format: str
    people: int
    faces: int
    chips: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, by the names of the attributes."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """How to export.

    Attributes:
        format: `parquet`, `csv`, `npz`, `h5` or `protobuf`; None: by the suffix.
        chips: with the pictures of the faces (Parquet).
        means: one vector for each person, the mean of all (h5, protobuf).
        force: replace a file that is there.
        done: called with the number of faces that are done.
    """

    format: str | None = None
    chips: bool = False
    means: bool = False
    force: bool = False
    done: Callable[[int], object] = lambda _: None


def export(store: Store, path: str | PathLike[str], options: ExportOptions) -> Exported:
    """Write all people and faces of a store into a file; see `Gallery.export`.

    Raises:
        GalleryError: there is no such format, it cannot hold what is asked for, the file is there
            already, or the store is damaged, busy or cannot be reached.
        ExtraMissingError: a package is missing; says which.
        OSError: the file cannot be written.
    """
    target = Path(path)
    form = format_to_write(target, options.format)
    for what in ("chips", "means"):
        if getattr(options, what) and not getattr(form, what):
            can = " or ".join(name for name, each in FORMATS.items() if getattr(each, what))
            raise GalleryError(f"{target}: the format {form.name} has no {what}; take {can}")
    _keep_off(store, target)
    leaving = Leaving(store=store, chips=options.chips, means=options.means, done=options.done)
    with draft(target, force=options.force) as part:
        steady(store, lambda: form.code.write(part, leaving))
        size = part.stat().st_size
        with store.change() as change:  # before anyone can have the file
            change.note("export", None, leaving.faces, form.name)
    people = leaving.people - (0 if form.faceless else leaving.faceless)
    return Exported(str(target), form.name, people, leaving.faces, leaving.chips_given, size)


def _keep_off(store: Store, target: Path) -> None:
    """Refuse to write over the gallery itself."""
    place = Path(os.path.realpath(target))
    folder = index_folder(store)
    taken = [Path(os.path.realpath(file)) for file in store.files()]
    if place in taken or (folder and place.is_relative_to(os.path.realpath(folder))):
        raise GalleryError(f"{target}: is part of the gallery itself; choose another file")
