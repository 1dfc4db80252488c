"""egcode/facerec's protobuf `DatasetObject`: names and vectors, nothing else.

As its `face_dataset.proto` (proto2, package `dataset_faces`) has it: `DatasetObject` has
`repeated FaceObject faceobjects = 1`, `FaceObject` has `required string name = 1` and
`repeated double embeddings = 2 [packed]`. facerec writes an object for each person, from its HDF5
file of means; its reader takes the most similar object, so that one for each face works too.

The messages are read and written one face at a time: a message that is longer than memory is the
same bytes as its faces one after another.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.transfer.extra import needed
from facewise.gallery.transfer.rows import MOST_NUMBERS, Given, Refusal, Row, Survey

if TYPE_CHECKING:
    from facewise.gallery.transfer.leaving import Outgoing

_FACE = b"\x0a"  # field 1, with a length and so many bytes (wire type 2)
_LONGEST = 8 * MOST_NUMBERS + 4096  # bytes of a face


def write(path: Path, leaving: Outgoing) -> None:
    """Write all faces, or with `leaving.means` the mean of each person's."""
    dataset, _ = _messages()
    with path.open("wb") as file:
        for name, vector in _vectors(leaving):
            message = dataset()
            message.faceobjects.add(name=name, embeddings=vector)
            file.write(message.SerializeToString())


def survey(given: Given) -> Survey:
    """Look at all faces.

    Raises:
        GalleryError: it is damaged, no `DatasetObject`, or of vectors of another length.
    """
    count = 0
    for face in _faces(given.path):
        count += 1
        if len(face.embeddings) != given.dimension:
            place = f"{given.path}: face {count} ({face.name:.80})"
            raise given.other_length(place, len(face.embeddings))
    return Survey(count)


def read(given: Given) -> Iterator[Row | Refusal]:
    """A row for each face.

    Raises:
        GalleryError: the file is damaged.
    """
    for number, face in enumerate(_faces(given.path), 1):
        vector = np.array(face.embeddings, np.float64)
        yield Row(place=f"face {number}", name=face.name, vector=vector)


def _vectors(leaving: Outgoing) -> Iterator[tuple[str, list[float]]]:
    for _, rows in groupby(leaving.rows(), lambda row: row.person_id):
        total, count, name = np.zeros(leaving.facts.embedding_size), 0, ""
        for row in rows:
            if row.vector is None:
                continue
            if leaving.means:
                total, count, name = total + row.vector, count + 1, row.name
            else:
                yield row.name, row.vector.tolist()
        if count:
            yield name, (total / count).tolist()


def _faces(path: Path) -> Iterator[Any]:
    """The faces of a file, one after another."""
    proto = needed("google.protobuf.proto", "protobuf files")
    errors = (needed("google.protobuf.message", "protobuf files").DecodeError, ValueError)
    _, face = _messages()
    number = 0
    with _opened(path) as file:
        while tag := file.read(1):
            number += 1
            try:
                if tag != _FACE:
                    raise ValueError(f"field {tag[0] >> 3}")
                found = proto.parse_length_prefixed(face, _Bounded(file))
                if found is None or not found.IsInitialized():
                    raise ValueError("no name" if found is not None else "it ends too early")
            except errors as error:
                raise GalleryError(
                    f"{path}: face {number}: damaged, or no DatasetObject of facerec "
                    f"({error!s:.200})"
                ) from None
            yield found


class _Bounded:
    """A file from which no part that is too long is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        if size > _LONGEST:
            raise ValueError(f"a face of {size:,} bytes")
        content = self._file.read(size)
        if len(content) < size:
            raise ValueError("it ends too early")
        return content


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise GalleryError(f"{path}: cannot be read ({error.strerror})") from None
    with file:
        yield file


@cache
def _messages() -> tuple[Any, Any]:
    """The classes `DatasetObject` and `FaceObject`."""
    purpose = "protobuf files"
    descriptors = needed("google.protobuf.descriptor_pb2", purpose)
    pool = needed("google.protobuf.descriptor_pool", purpose).DescriptorPool()
    factory = needed("google.protobuf.message_factory", purpose)
    file = descriptors.FileDescriptorProto(
        name="face_dataset.proto", package="dataset_faces", syntax="proto2"
    )
    kinds = descriptors.FieldDescriptorProto
    face = file.message_type.add(name="FaceObject")
    face.field.add(name="name", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_REQUIRED)
    numbers = face.field.add(
        name="embeddings", number=2, type=kinds.TYPE_DOUBLE, label=kinds.LABEL_REPEATED
    )
    numbers.options.packed = True
    faces = file.message_type.add(name="DatasetObject")
    faces.field.add(
        name="faceobjects",
        number=1,
        type=kinds.TYPE_MESSAGE,
        type_name=".dataset_faces.FaceObject",
        label=kinds.LABEL_REPEATED,
    )
    pool.Add(file)
    found = (
        factory.GetMessageClass(pool.FindMessageTypeByName(f"dataset_faces.{name}"))
        for name in ("DatasetObject", "FaceObject")
    )
    dataset, one = found
    return dataset, one
