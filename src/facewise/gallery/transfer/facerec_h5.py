"""HDF5 files of egcode/facerec, in the two layouts that its programs write and read.

- Of faces (`export_dataset_embeddings.py`, `cluster_clean_dataset.py`): a group for each person
  with an attribute `label` (its number), in it a group for each image, named after its file, with a
  dataset `embedding` (float32 (d,), of unit length) and an attribute `file_path` (bytes).
- Of people (`app/export_embeddings.py`, `app/face_recognition_on_image.py`, facerec-cpp): a group
  for each person with a dataset `embedding`, float64 (d,): the plain mean of unit vectors, not of
  unit length itself.

Written are both, the second with `means`. What facerec does not know is in attributes that it does
not look at: `facewise.model` of the file, `name` of a person whose name HDF5 cannot take, `sha256`
of an image. Read are also (n, d) datasets of a person, and `file_path` as a dataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facewise.errors import GalleryError
from facewise.gallery.digests import digest_in, name_in, source_text
from facewise.gallery.records import ModelFacts
from facewise.gallery.transfer.extra import needed
from facewise.gallery.transfer.facerec_h5_parts import (
    DAMAGE,
    dataset,
    group,
    is_dataset,
    keep_small,
    text,
    text_or_none,
)
from facewise.gallery.transfer.rows import BATCH, Given, Refusal, Row, Survey

if TYPE_CHECKING:
    from facewise.gallery.transfer.leaving import Outgoing

_VECTOR, _PATH, _LABEL, _NAME, _DIGEST = "embedding", "file_path", "label", "name", "sha256"
_MODEL = "facewise.model"
_LONGEST = 60_000  # bytes of an attribute; HDF5 takes 64 KB with all that is around them


def write(path: Path, leaving: Outgoing) -> None:
    """Write all faces, or with `leaving.means` the mean of each person's.

    Raises:
        GalleryError: HDF5 cannot take something.
        OSError: the file cannot be written.
    """
    h5py = needed("h5py", "HDF5 files")
    try:
        with h5py.File(path, "w") as file:
            keep_small(file)
            file.attrs[_MODEL] = np.bytes_(leaving.facts.to_json().encode())
            people = groupby(leaving.rows(), lambda row: row.person_id)
            for label, (_, rows) in enumerate(people):
                _write_person(file, label, rows, leaving.means)
    except OSError as error:
        raise OSError(error.errno, str(error), str(path)) from error
    except (RuntimeError, LookupError, TypeError, ValueError) as error:  # of h5py
        raise GalleryError(f"{path}: cannot be written as HDF5 ({error!s:.200})") from error


def survey(given: Given) -> Survey:
    """Look at the shapes of all datasets.

    Raises:
        GalleryError: it is damaged, not of one of the layouts, has links to other places, or
            vectors of another length.
    """
    with _opened(given) as file:
        count = sum(vectors.shape[0] for _, _, vectors, _ in _datasets(file, given))
        found = text_or_none(file.attrs, _MODEL, str(given.path))
        try:
            return Survey(count, None if found is None else ModelFacts.from_json(found))
        except GalleryError as error:
            raise GalleryError(f"{given.path}: damaged: {error}") from None


def read(given: Given) -> Iterator[Row | Refusal]:
    """A row for each vector.

    Raises:
        GalleryError: the file is damaged.
    """
    with _opened(given) as file:
        for place, name, vectors, image in _datasets(file, given):
            source = "" if image is None else _source(image, str(given.path), place)
            number = 0
            for block in vectors.blocks():
                for vector in block:
                    number += 1
                    where = place if vectors.shape[0] == 1 else f"{place}, vector {number}"
                    yield Row(place=where, name=name, vector=vector, source=source)


class _Vectors:
    """A dataset of one vector or several.

    Attributes:
        shape: (n, d).
    """

    def __init__(self, found: Any, place: str, given: Given) -> None:
        self._dataset = found
        self._place = f"{given.path}: {place}"
        self._single = len(found.shape) == 1
        if found.dtype.kind != "f" or len(found.shape) not in (1, 2):
            raise GalleryError(
                f"{self._place}: expected floating-point numbers of shape ({given.dimension},), "
                f"got {found.dtype} of shape {found.shape}"
            )
        self.shape: tuple[int, int] = (1, *found.shape) if self._single else found.shape
        if self.shape[1] != given.dimension:
            raise given.other_length(self._place, self.shape[1])

    def blocks(self) -> Iterator[NDArray[np.float64]]:
        """The vectors, some at a time.

        Raises:
            GalleryError: they are damaged.
        """
        try:
            if self._single:
                yield np.asarray(self._dataset[()], np.float64)[None]
                return
            for start in range(0, self.shape[0], BATCH):
                yield np.asarray(self._dataset[start : start + BATCH], np.float64)
        except DAMAGE as error:
            raise GalleryError(f"{self._place}: damaged ({error!s:.200})") from None


def _datasets(file: Any, given: Given) -> Iterator[tuple[str, str, _Vectors, Any]]:
    """Place, name of the person, vectors and image of every dataset, in either layout.

    The image is None where there is none.
    """
    path = str(given.path)
    for key in file:
        person = group(file, key, path, repr(key))
        named = text_or_none(person.attrs, _NAME, path)
        name = key if named is None else named
        if is_dataset(person, _VECTOR, path, repr(key)):
            found = dataset(person, _VECTOR, path, repr(key))
            yield repr(key), name, _Vectors(found, repr(key), given), None
            continue
        for image in person:
            place = f"'{key}/{image}'"
            inner = group(person, image, path, place)
            found = dataset(inner, _VECTOR, path, place)
            yield place, name, _Vectors(found, place, given), inner


def _source(image: Any, path: str, place: str) -> str:
    """Where an image came from: its `file_path`, or else what its group is called."""
    source = text_or_none(image.attrs, _PATH, f"{path}: {place}")
    if source is None and _PATH in image:
        source = text(dataset(image, _PATH, path, place), f"{path}: {place}")
    digest = text_or_none(image.attrs, _DIGEST, f"{path}: {place}")
    if source is None:
        source = str(PurePosixPath(image.name).name)
    marked = source if digest is None else source_text(source, digest)
    return marked if digest is None or digest_in(marked) else source


def _write_person(file: Any, label: int, rows: Iterator[Row], means: bool) -> None:
    person, count = None, 0
    total: NDArray[np.float64] | float = 0.0
    for row in rows:
        if row.vector is None:
            continue
        if person is None:
            key = _key(row.name)
            # What shows nobody comes in several parts (of an export), a person in one.
            person = file.create_group(key) if row.name else file.require_group(key)
            if key != row.name:
                person.attrs[_NAME] = np.bytes_(row.name.encode()) if row.name else ""
            if not means and _LABEL not in person.attrs:
                person.attrs[_LABEL] = label
        if means:
            total, count = total + row.vector.astype(np.float64), count + 1
        else:
            _write_image(person, row)
    if person is not None and means:
        person.create_dataset(_VECTOR, data=total / count)


def _write_image(person: Any, row: Row) -> None:
    name = name_in(row.source)
    key = PurePosixPath(name.replace("\\", "/")).name[:200]
    key = _key(key) if key else f"face {row.face_id}"
    while key in person:
        key = f"{key} ({row.face_id})"
    image = person.create_group(key)
    image.create_dataset(_VECTOR, data=row.vector)
    source = name.encode()
    if len(source) > _LONGEST:
        image.create_dataset(_PATH, data=np.bytes_(source))
    else:  # also an empty one, or else the group's name would be taken for it
        image.attrs[_PATH] = np.bytes_(source) if source else ""
    digest = digest_in(row.source)
    if digest is not None:
        image.attrs[_DIGEST] = np.bytes_(digest.encode())


def _key(name: str) -> str:
    """A name that HDF5 takes for one step of a path; no two names have the same."""
    key = name.replace("%", "%25").replace("/", "%2F")
    return f"%{key}" if key in ("", ".", "..", _VECTOR) else key


@contextmanager
def _opened(given: Given) -> Iterator[Any]:
    h5py = needed("h5py", "HDF5 files")
    try:
        with h5py.File(given.path, "r") as file:
            keep_small(file)
            yield file
    except DAMAGE as error:
        raise GalleryError(f"{given.path}: damaged, or no HDF5 file ({error!s:.200})") from None
