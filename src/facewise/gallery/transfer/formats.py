"""Which formats there are, and which one a file has."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from facewise.errors import GalleryError
from facewise.gallery.transfer.arrays import DAMAGE
from facewise.gallery.transfer.leaving import Outgoing
from facewise.gallery.transfer.pickles import START, refusal, refuse_pickle
from facewise.gallery.transfer.rows import Given, Refusal, Row, Survey


class Code(Protocol):
    """What the module of a format has."""

    write: Callable[[Path, Outgoing], None]
    survey: Callable[[Given], Survey]
    read: Callable[[Given], Iterator[Row | Refusal]]


@dataclass(frozen=True, slots=True)
class Format:
    """A form of files.

    Attributes:
        name: as `--format` takes it.
        suffixes: of its files.
        module: in this room.
        start: what every such file begins with; empty: nothing of that kind.
        writes: whether galleries can be exported to it.
        faceless: whether it can hold people without faces.
        chips: whether it can hold pictures of faces.
        means: whether it can hold one mean vector a person.
    """

    name: str
    suffixes: tuple[str, ...]
    module: str
    start: bytes = b""
    writes: bool = True
    faceless: bool = False
    chips: bool = False
    means: bool = False

    @property
    def code(self) -> Code:
        """What reads and writes it."""
        return cast(Code, import_module(f"facewise.gallery.transfer.{self.module}"))


FORMATS = {
    form.name: form
    for form in (
        Format("parquet", (".parquet", ".pq"), "parquet", b"PAR1", faceless=True, chips=True),
        Format("csv", (".csv",), "csv_file", faceless=True),
        Format("npz", (".npz",), "npz", b"PK\x03\x04"),
        Format("npy", (".npy",), "npz", b"\x93NUMPY", writes=False),
        Format("h5", (".h5", ".hdf5"), "facerec_h5", b"\x89HDF\r\n\x1a\n", means=True),
        Format("protobuf", (".protobuf", ".pb"), "facerec_protobuf", means=True),
        Format("shards", (), "embedded_shards", writes=False),
    )
}
"""By name."""


def format_to_write(path: Path, name: str | None) -> Format:
    """The format of a file that is to be written.

    Args:
        path: whose suffix says which, unless
        name: says it.

    Raises:
        GalleryError: there is no such format, or nothing is written in it.
    """
    form = _named(name) if name is not None else _by_suffix(path)
    if form is None or not form.writes:
        written = ", ".join(form.name for form in FORMATS.values() if form.writes)
        raise GalleryError(
            f"{path}: in which format? Name one with --format (format=): {written}; or give the "
            "file its suffix"
        )
    return form


def format_to_read(place: str, name: str | None) -> Format:
    """The format of what is there: by its content, its name, or as it is said.

    Args:
        place: path of a file; or path or URL of a folder, which can only be one of shards.
        name: of the format, if it is said.

    Raises:
        GalleryError: it cannot be read, holds a pickle, or is in no such format.
    """
    asked = None if name is None else _named(name)
    shards, path = FORMATS["shards"], Path(place)
    if asked is shards or "://" in place or path.is_dir():
        if asked not in (None, shards):
            raise GalleryError(f"{place}: a folder or URL, expected a file of the format {name}")
        return shards
    start = _start(path)
    form = next((f for f in FORMATS.values() if f.start and start.startswith(f.start)), None)
    if form is None:
        refuse_pickle(path, start)
        form = asked or _by_suffix(path)
        if form is not None and form.start:
            raise GalleryError(f"{path}: damaged, or no file of the format {form.name}")
    if form is None:
        raise GalleryError(
            f"{path}: in which format is it? Name one with --format (format=): {', '.join(FORMATS)}"
        )
    if asked is not None and asked is not form:
        raise GalleryError(f"{path}: is of the format {form.name}, not {asked.name}")
    if form.name == "npz":
        _refuse_other_archives(path)
    return form


def _refuse_other_archives(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except DAMAGE as error:
        raise GalleryError(f"{path}: damaged, or no archive ({error!s:.200})") from None
    for member in members:
        if member.endswith((".pkl", ".pickle")):
            raise refusal(path, f"an archive with a pickle, {member:.80}")


def _start(path: Path) -> bytes:
    if not path.is_file():
        raise GalleryError(f"{path}: {'no file' if path.exists() else 'there is no such file'}")
    try:
        with path.open("rb") as file:
            return file.read(START)
    except OSError as error:
        raise GalleryError(f"{path}: cannot be read ({error.strerror})") from None


def _named(name: str) -> Format:
    try:
        return FORMATS[name]
    except KeyError:
        raise GalleryError(f"format {name!r:.40}: expected one of {', '.join(FORMATS)}") from None


def _by_suffix(path: Path) -> Format | None:
    suffix = path.suffix.lower()
    return next((form for form in FORMATS.values() if suffix in form.suffixes), None)
