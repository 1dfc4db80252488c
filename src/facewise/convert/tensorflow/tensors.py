"""A tensor that a file describes: its type, its shape, and where its values are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facewise.convert.wire import Field, WireError

_FLOAT, _DOUBLE, _BFLOAT16, _HALF = 1, 2, 14, 19  # of tensorflow/core/framework/types.proto
_SIZES = {_FLOAT: 4, _DOUBLE: 8, _BFLOAT16: 2, _HALF: 2}
_VALUES = {5: "<f4", 6: "<f8"}  # the fields of a TensorProto that hold numbers one by one


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a file says of a tensor; values are read when they are asked for.

    Attributes:
        dtype: number of TensorFlow's type.
        shape: as it is stated.
        size: bytes of its values, or None when they are not all there (see `read`).
        read: gives its bytes.
    """

    dtype: int
    shape: tuple[int, ...]
    size: int | None
    read: Callable[[], memoryview]

    def values(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The values, as float32.

        Args:
            shape: what they must have.

        Raises:
            WireError: they have another shape, are no floating-point numbers or not as many.
        """
        if self.shape != shape:
            raise WireError(f"expected shape {shape}, found {self.shape}")
        if self.dtype not in _SIZES:
            raise WireError(
                f"expected floating-point numbers, found TensorFlow's type {self.dtype}"
            )
        count, width = math.prod(shape), _SIZES[self.dtype]
        if self.size not in (None, count * width):
            raise WireError(
                f"expected {count * width:,} bytes for shape {shape}, found {self.size:,}"
            )
        values = _decoded(self.read(), self.dtype)
        if self.size is None and len(values):  # the last one stands for all that are left out
            missing = count - len(values)
            values = np.concatenate([values, np.full(max(missing, 0), values[-1])])
        if len(values) != count:
            raise WireError(f"expected {count:,} numbers for shape {shape}, found {len(values):,}")
        if not np.isfinite(values).all():
            raise WireError("holds infinite or undefined values")
        return values.reshape(shape)


def shape_of(field: Field) -> tuple[int, ...]:
    """A TensorShapeProto.

    Raises:
        WireError: it is damaged, or its dimensions are unknown or negative.
    """
    sizes = []
    for part in field.message():
        if part.number == 3 and part.whole:
            raise WireError("a tensor has an unknown shape")
        if part.number == 2:
            sizes.append(next((f.signed() for f in part.message() if f.number == 1), 0))
    if min(sizes, default=0) < 0:
        raise WireError(f"a tensor has the shape {tuple(sizes)}")
    return tuple(sizes)


def tensor_of(field: Field) -> Tensor:
    """A TensorProto (tensorflow/core/framework/tensor.proto).

    Raises:
        WireError: it is damaged.
    """
    dtype = 0
    shape: tuple[int, ...] = ()
    content: memoryview | None = None
    singles: list[bytes] = []
    for part in field.message():
        if part.number == 1:
            dtype = part.whole
        elif part.number == 2:
            shape = shape_of(part)
        elif part.number == 4:
            content = part.content
        elif part.number in _VALUES:
            singles.append(part.numbers(_VALUES[part.number]).tobytes())
        elif part.number == 13:  # half and bfloat16, as whole numbers
            singles.append(np.array(part.varints(), "<u2").tobytes())
    if content is not None and len(content):
        view = content
        return Tensor(dtype, shape, len(view), lambda: view)
    joined = memoryview(b"".join(singles))
    return Tensor(dtype, shape, None, lambda: joined)


def _decoded(data: memoryview, dtype: int) -> NDArray[np.float32]:
    if len(data) % _SIZES[dtype]:
        raise WireError("its bytes end inside a number")
    if dtype == _BFLOAT16:
        upper = np.frombuffer(data, "<u2").astype(np.uint32) << np.uint32(16)
        half: NDArray[np.float32] = upper.view(np.float32)
        return half
    kinds = {_FLOAT: "<f4", _DOUBLE: "<f8", _HALF: "<f2"}
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused
        numbers: NDArray[np.float32] = np.frombuffer(data, kinds[dtype]).astype(np.float32)
    return numbers
