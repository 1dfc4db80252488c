"""Read the layers of a `.caffemodel`: a NetParameter of Caffe's `caffe.proto`.

Layers stand in field 100, or in field 2 as Caffe wrote them until 2015. OpenCV, which once read
such files, has not done so since its version 5.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facewise.convert.wire import Field, WireError, fields
from facewise.errors import ModelError

_MOST = 1 << 28  # bytes; ONet has 1.6 million
_FIELDS = {100: (1, 7), 2: (4, 6)}
"""Of the two kinds of layers: the fields of name and arrays."""


def read_caffemodel(path: Path) -> dict[str, list[NDArray[np.float32]]]:
    """The layers that have arrays, by name, each with its arrays.

    Raises:
        ModelError: the file is missing, or not such a file.
    """
    try:
        if path.stat().st_size > _MOST:
            raise ModelError(f"{path}: expected a network of MTCNN, which has less than 256 MiB")
        data = memoryview(path.read_bytes())
        layers = dict(_layers(data))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    except WireError as error:
        raise ModelError(f"{path}: not a model of Caffe, or damaged: {error}") from None
    if not layers:
        raise ModelError(f"{path}: a model of Caffe without weights")
    return layers


def _layers(data: memoryview) -> Iterator[tuple[str, list[NDArray[np.float32]]]]:
    for field in fields(data):
        if field.number not in _FIELDS:
            continue
        name_field, blob_field = _FIELDS[field.number]
        name, arrays = "", []
        for part in field.message():
            if part.number == name_field:
                name = part.text()
            elif part.number == blob_field:
                arrays.append(_blob(part))
        if arrays:
            yield name, arrays


def _blob(field: Field) -> NDArray[np.float32]:
    """A BlobProto: its shape, or four sizes as of old, and its numbers."""
    old = {1: 1, 2: 1, 3: 1, 4: 1}
    shape: tuple[int, ...] | None = None
    numbers: list[NDArray[np.generic]] = []
    for part in field.message():
        if part.number in old:
            old[part.number] = part.signed()
        elif part.number == 7:
            shape = tuple(n for f in part.message() if f.number == 1 for n in f.varints())
        elif part.number in (5, 8):
            numbers.append(part.numbers("<f4" if part.number == 5 else "<f8"))
    if shape is None:
        shape = tuple(old.values())
        if shape[:3] == (1, 1, 1):  # a bias
            shape = shape[3:]
    values = np.concatenate([np.empty(0, np.float32), *numbers]).astype(np.float32)
    if min(shape, default=0) < 0 or math.prod(shape) != len(values):
        raise WireError(f"an array of shape {shape} with {len(values):,} numbers")
    return values.reshape(shape)
