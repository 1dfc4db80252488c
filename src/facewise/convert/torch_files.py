"""Read checkpoints that other projects saved with PyTorch, without running anything in them.

A `.pth` file is a pickle, and a pickle is a program. `torch.load(weights_only=True)` runs none: it
knows tensors and plain containers, and refuses the rest. One more thing stands in training
checkpoints, numbers of NumPy (`numpy.mean` of some thresholds, say). They are decoded here, from
their bytes; NumPy's own functions stay out of the reader's reach.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from facewise.errors import ModelError
from facewise.runtime.weights import require_stored, why_unreadable

_STATE_KEYS = ("model_state_dict", "state_dict")
_PARALLEL = "module."  # what `torch.nn.DataParallel` puts before every name
_NUMBERS = {"f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i"}  # NumPy's names, struct's
_ORDERS = {"<": "<", ">": ">", "=": "=", "|": "="}
_NEEDED = (2, 6)  # of PyTorch, to be given the decoders


def read_checkpoint(path: Path) -> Any:
    """The content of a PyTorch file: tensors (on the CPU), numbers, text, containers of these.

    Args:
        path: a file of `torch.save`, of the form since PyTorch 1.6 or the one before.

    Raises:
        ModelError: there is no such file; it is cut short or another kind of file; or reading it
            would execute code, which is named.
    """
    if not path.is_file():
        raise ModelError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    if _is_program(path):
        raise ModelError(
            f"{path}: a TorchScript program; expected a state_dict or a training checkpoint"
        )
    require_stored(path)
    try:
        if tuple(map(int, torch.__version__.split(".")[:2])) < _NEEDED:
            return torch.load(path, map_location="cpu", weights_only=True)
        with torch.serialization.safe_globals(_decoders()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # torch.load raises whatever a damaged file makes it trip over
        raise ModelError(f"{path}: {why_unreadable(path, error)}") from error


def state_dict_of(content: Any, path: Path) -> dict[str, torch.Tensor]:
    """The weights in a checkpoint, by name.

    Args:
        content: of `read_checkpoint`: a state_dict, or a dictionary with one under
            `model_state_dict` or `state_dict`.
        path: of the file, for errors.

    Returns:
        The tensors; the prefix `module.` of `DataParallel` is taken off.

    Raises:
        ModelError: there is no state_dict, or it holds anything but named tensors.
    """
    state = content
    if isinstance(content, Mapping):
        key = next((key for key in _STATE_KEYS if key in content), None)
        state = content if key is None else content[key]
    if not isinstance(state, Mapping) or not state:
        raise ModelError(f"{path}: expected a state_dict, got {_described(state)}")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise ModelError(
                f"{path}: expected a state_dict, named tensors; got {name!r}: {_described(value)}"
            )
    named = dict(state)
    while all(name.startswith(_PARALLEL) for name in named):
        named = {name.removeprefix(_PARALLEL): value for name, value in named.items()}
    return named


def _is_program(path: Path) -> bool:
    """Whether `torch.jit.save` wrote the file; `torch.load` would warn before it refuses."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _described(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a dictionary with the keys {', '.join(map(repr, list(value)[:5])) or '(none)'}"
    return f"{type(value).__name__}"


class _Dtype:
    """Stands for `numpy.dtype` in a pickle: the name and the byte order, nothing else."""

    def __init__(self, name: str, *_: object) -> None:
        if name not in _NUMBERS:
            raise ModelError(f"holds a NumPy value of type {name!r}; expected a number")
        self.code = _NUMBERS[name]
        self.order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = _ORDERS[state[1]]


def _number(dtype: _Dtype, data: bytes) -> float | int:
    """Stands for NumPy's `scalar` in a pickle."""
    value: float | int
    (value,) = struct.unpack(dtype.order + dtype.code, data)
    return value


def _decoders() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """The stand-ins by the names that NumPy 1 and 2 write."""
    scalars = [(_number, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    return [(_Dtype, "numpy.dtype"), *scalars]
