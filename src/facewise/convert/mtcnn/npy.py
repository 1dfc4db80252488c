"""Read `det1.npy` to `det3.npy`: a pickled dictionary of arrays, taken apart without running it.

`numpy.load(allow_pickle=True)` would run whatever program is in the file. Here the pickle machine
runs with nothing to call but the decoders of this module: text, numbers, dictionaries and arrays of
numbers come out, and everything else is refused by name. The machine is Python's own in Python,
without the one instruction that reserves memory which a file merely asks for.
"""

from __future__ import annotations

import ast
import io
import math
import pickle  # only its machine
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facewise.errors import ModelError

_MAGIC = b"\x93NUMPY"
_MOST = 1 << 26  # bytes; det3.npy has 1.6 million
_ORDER = ("weights", "biases", "alpha")  # of a layer's parameters
_KINDS = {"f2", "f4", "f8"}


def read_npy(path: Path) -> dict[str, list[NDArray[np.float32]]]:
    """The layers of a file, each with its arrays: weights and biases, or slopes.

    Raises:
        ModelError: the file is missing, damaged, holds something else, or would execute code,
            which is named.
    """
    try:
        if path.stat().st_size > _MOST:
            raise ModelError(f"{path}: expected a network of MTCNN, which has less than 64 MiB")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        content = _Machine(io.BytesIO(data[_start(data) :])).load()
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    except Exception as error:  # the machine raises whatever a damaged file makes it trip over
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise ModelError(f"{path}: a damaged file of NumPy ({reason})") from None
    if isinstance(content, _Array):
        content = content.value
    if not isinstance(content, Mapping):
        raise ModelError(f"{path}: expected a dictionary of layers, got {type(content).__name__}")
    return {str(name): _layer(path, str(name), value) for name, value in content.items()}


def _layer(path: Path, name: str, parameters: object) -> list[NDArray[np.float32]]:
    if not isinstance(parameters, Mapping):
        raise ModelError(f"{path}: {name}: expected a dictionary of arrays")
    unknown = [key for key in parameters if key not in _ORDER]
    arrays = [parameters[key] for key in _ORDER if key in parameters]
    for value in arrays:
        if not isinstance(value, _Array) or not isinstance(value.value, np.ndarray):
            raise ModelError(f"{path}: {name}: expected an array of numbers")
    if unknown:
        raise ModelError(f"{path}: {name}: expected {', '.join(_ORDER)}, found {unknown[0]!r}")
    return [value.value for value in arrays]


def _start(data: bytes) -> int:
    """Where the pickle of a `.npy` file begins."""
    if not data.startswith(_MAGIC) or len(data) < 12:
        raise ModelError("not a file of NumPy")
    size = 2 if data[6] == 1 else 4
    start = 8 + size + int.from_bytes(data[8 : 8 + size], "little")
    header = ast.literal_eval(data[8 + size : start].decode("latin1"))
    if "O" not in str(header["descr"]) or header["shape"] != ():
        raise ModelError(
            f"an array {header['descr']} {header['shape']}; expected a dictionary of layers"
        )
    return start


class _Type:
    """Stands for `numpy.dtype`."""

    def __init__(self, name: str, *_: object) -> None:
        if name not in _KINDS | {"O8", "O4", "O"}:
            raise ModelError(f"holds an array of type {name!r}; expected floating-point numbers")
        self.kind, self.order = name, "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] not in ("<", ">", "=", "|"):
            raise ModelError(f"holds numbers in the byte order {state[1]!r}")
        self.order = {"=": "<", "|": "<"}.get(state[1], state[1])


class _Array:
    """Stands for `numpy.ndarray`: the numbers, or what a dictionary without shape holds."""

    def __init__(self, *_: object) -> None:
        self.value: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, transposed, content = state
        if not isinstance(kind, _Type) or not isinstance(shape, tuple):
            raise ModelError("holds an array without type or shape")
        if kind.kind not in _KINDS:
            (self.value,) = content
            return
        # Python 2's bytes come as text, one character each.
        raw = content.encode("latin1") if isinstance(content, str) else content
        width = int(kind.kind[1])
        if min(shape, default=0) < 0 or math.prod(shape) * width != len(raw):
            raise ModelError(f"holds an array of shape {shape} in {len(raw)} bytes")
        values = np.frombuffer(raw, kind.order + kind.kind).astype(np.float32)
        self.value = values.reshape(shape, order="F" if transposed else "C")


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    """Stands for `_codecs.encode`, by which old pickles write bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise ModelError(f"holds text in {encoding!r}")
    return text.encode("latin1")


class _Machine(pickle._Unpickler):
    dispatch = {  # noqa: RUF012 - as the base has it
        code: load
        for code, load in pickle._Unpickler.dispatch.items()
        if code not in pickle.BYTEARRAY8 + pickle.NEXT_BUFFER + pickle.READONLY_BUFFER
    }

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="latin1")

    def find_class(self, module: str, name: str) -> Any:
        """A decoder, for the few names that arrays are written with."""
        multiarray = module in ("numpy.core.multiarray", "numpy._core.multiarray")
        found = {
            (module if multiarray else "", "_reconstruct"): _Array,
            ("numpy", "ndarray"): _Array,
            ("numpy", "dtype"): _Type,
            ("_codecs", "encode"): _encoded,
        }.get((module, name))
        if found is None:
            raise ModelError(f"refused: to read it, {module}.{name} would have to be executed")
        return found
