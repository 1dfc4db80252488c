"""numpy's `.npz` and `.npy`: an array of vectors, one of names, one of sources; never a pickle.

Written is `.npz` with `vectors` float32 (n, d), `names` and `sources` (text, n), and `model`, the
facts of the model as JSON. Read are also `.npz` files whose arrays are called `embeddings` or
`encodings`, `labels` or `people`, `paths`; and `.npy` with the names in a second file: a name on
each line, or an `.npy` array of texts.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from facewise.errors import GalleryError
from facewise.gallery.records import ModelFacts
from facewise.gallery.transfer.arrays import (
    DAMAGE,
    ArrayFile,
    check_texts,
    check_vectors,
    rows_of,
    texts,
)
from facewise.gallery.transfer.npy import Arrays, arrays_of
from facewise.gallery.transfer.rows import BATCH, Given, Refusal, Row, Survey

if TYPE_CHECKING:
    from facewise.gallery.transfer.leaving import Outgoing

_NAMES = {
    "vectors": ("vectors", "embeddings", "encodings"),
    "names": ("names", "labels", "people", "name"),
    "sources": ("sources", "paths"),
}
_MOST_TEXT = 1 << 32  # bytes of an array of texts; each takes as much as the longest
_FACTS = 1 << 16  # characters of the model's facts


def write(path: Path, leaving: Outgoing) -> None:
    """Write all faces; people without faces are left out.

    Raises:
        GalleryError: the names or sources are so long that numpy's arrays of them are too large.
    """
    count, name, source = 0, 1, 1
    for named, found in leaving.labels():
        count += 1
        name, source = max(name, len(named)), max(source, len(found))
    for what, longest in (("names", name), ("sources", source)):
        if 4 * longest * count > _MOST_TEXT:
            raise GalleryError(
                f"{path}: {count:,} {what} of up to {longest:,} characters are too much for "
                "numpy's arrays of texts; export to Parquet"
            )
    facts = leaving.facts
    columns = {
        "vectors": (np.dtype("<f4"), (count, facts.embedding_size)),
        "names": (np.dtype(f"<U{name}"), (count,)),
        "sources": (np.dtype(f"<U{source}"), (count,)),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for column, (dtype, shape) in columns.items():
            packed = zipfile.ZIP_STORED if column == "vectors" else zipfile.ZIP_DEFLATED
            info = zipfile.ZipInfo(f"{column}.npy")
            info.compress_type = packed
            with archive.open(info, "w", force_zip64=True) as member:
                about = {"descr": dtype.str, "fortran_order": False, "shape": shape}
                npy.write_array_header_1_0(member, about)
                for values in _column(leaving, column):
                    member.write(np.array(values, dtype).tobytes())
        content = io.BytesIO()
        npy.write_array(content, np.array(facts.to_json()), allow_pickle=False)
        archive.writestr(zipfile.ZipInfo("model.npy"), content.getvalue())


def _column(leaving: Outgoing, column: str) -> Iterator[list[object]]:
    """Values of one column, some at a time."""
    if column == "vectors":
        values: Iterable[object] = (row.vector for row in leaving.rows() if row.vector is not None)
    else:
        values = (label[column == "sources"] for label in leaving.labels())
    found = iter(values)
    while block := list(islice(found, BATCH)):
        yield block


def survey(given: Given) -> Survey:
    """Look at the headers of the arrays, and go through them once.

    An archive has a checksum of each array, which is looked at where the array ends: what is wrong
    has to be found before anything is written.

    Raises:
        GalleryError: an array is missing, damaged, a pickle, or of another shape than expected.
    """
    with _opened(given) as arrays:
        for _ in rows_of(arrays.vectors, arrays.names, arrays.sources):
            pass
        return Survey(arrays.vectors.count, arrays.facts)


def read(given: Given) -> Iterator[Row | Refusal]:
    """The rows, some at a time.

    Raises:
        GalleryError: the file is damaged.
    """
    with _opened(given) as arrays:
        yield from rows_of(arrays.vectors, arrays.names, arrays.sources)


@contextmanager
def _opened(given: Given) -> Iterator[Arrays]:
    with ExitStack() as stack:
        if given.path.suffix.lower() == ".npy" or not zipfile.is_zipfile(given.path):
            yield arrays_of(given, stack)
            return
        try:
            archive = stack.enter_context(zipfile.ZipFile(given.path))
        except DAMAGE as error:
            raise GalleryError(f"{given.path}: damaged, or no archive ({error!s:.200})") from None
        yield _archived(given, archive, stack)


def _archived(given: Given, archive: zipfile.ZipFile, stack: ExitStack) -> Arrays:
    def member(what: str, names: Iterable[str]) -> tuple[ArrayFile, str] | None:
        for name in names:
            if f"{name}.npy" in archive.namelist():
                place = f"{given.path}: array {name!r}"
                try:
                    stream = stack.enter_context(archive.open(f"{name}.npy"))
                except DAMAGE as error:
                    raise GalleryError(f"{place}: damaged ({error})") from None
                return ArrayFile(stream, place), place
        if what in ("sources", "model"):
            return None
        has = ", ".join(archive.namelist()[:20])
        raise GalleryError(f"{given.path}: no array {what!r}; it has: {has:.400}")

    found = member("vectors", _NAMES["vectors"])
    names = member("names", _NAMES["names"])
    sources = member("sources", _NAMES["sources"])
    assert found is not None  # noqa: S101 - or an error
    assert names is not None  # noqa: S101 - or an error
    check_vectors(*found, given)
    for each in (names, sources):
        if each is not None:
            check_texts(*each, found[0].count)
    return Arrays(
        found[0],
        texts(*names),
        None if sources is None else texts(*sources),
        _facts(member("model", ["model"])),
    )


def _facts(found: tuple[ArrayFile, str] | None) -> ModelFacts | None:
    if found is None:
        return None
    array, place = found
    if array.shape != () or array.dtype.kind != "U" or array.dtype.itemsize > 4 * _FACTS:
        raise GalleryError(f"{place}: expected one text, got {array.dtype} of shape {array.shape}")
    try:
        return ModelFacts.from_json(str(array.single()))
    except GalleryError as error:
        raise GalleryError(f"{place}: {error}") from None
