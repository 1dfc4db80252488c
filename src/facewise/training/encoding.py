"""Nested state, such as an optimiser's, as JSON and named tensors: nothing is pickled.

What JSON has no word for is an object with one key that begins with `$`: a tensor, an array, a
tuple, or a dictionary whose keys are not all texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def encode(state: Any, name: str = "state") -> tuple[Any, dict[str, torch.Tensor]]:
    """State in two parts.

    Args:
        state: dictionaries, lists, tuples, tensors, arrays, numbers, texts, None.
        name: begins the names of tensors.

    Returns:
        What `json.dumps` takes; and the tensors, on the CPU, contiguous, sharing no memory.

    Raises:
        TypeError: something else is in it; names its place.
    """
    tensors: dict[str, torch.Tensor] = {}
    return _encoded(state, name, tensors), tensors


def decode(content: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """The state that `encode` was given; numbers of numpy come back as Python's."""
    if isinstance(content, list):
        return [decode(each, tensors) for each in content]
    if not isinstance(content, dict):
        return content
    if len(content) == 1:
        [(kind, value)] = content.items()
        if kind == "$tensor":
            return tensors[value]
        if kind == "$array":
            return tensors[value["tensor"]].numpy().astype(value["dtype"])
        if kind == "$tuple":
            return tuple(decode(each, tensors) for each in value)
        if kind == "$items":
            return {decode(key, tensors): decode(each, tensors) for key, each in value}
    return {key: decode(each, tensors) for key, each in content.items()}


def _encoded(state: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    if state is None or isinstance(state, (bool, int, float, str)):
        return state.item() if isinstance(state, np.generic) else state
    if isinstance(state, np.generic):
        return state.item()
    if isinstance(state, torch.Tensor):
        tensors[name] = state.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"$tensor": name}
    if isinstance(state, np.ndarray):
        # Random states are uint32, which safetensors knew late: as whole numbers of 64 bits.
        wide = state.astype(np.int64) if state.dtype.kind in "ui" else state
        tensors[name] = torch.from_numpy(wide.copy())
        return {"$array": {"tensor": name, "dtype": state.dtype.str}}
    if isinstance(state, tuple):
        return {"$tuple": [_encoded(v, f"{name}.{i}", tensors) for i, v in enumerate(state)]}
    if isinstance(state, list):
        return [_encoded(v, f"{name}.{i}", tensors) for i, v in enumerate(state)]
    if isinstance(state, Mapping):
        inner = {key: _encoded(v, f"{name}.{key}", tensors) for key, v in state.items()}
        if all(isinstance(key, str) and not key.startswith("$") for key in inner):
            return inner
        return {"$items": [[_encoded(key, name, tensors), v] for key, v in inner.items()]}
    raise TypeError(f"{name}: a {type(state).__name__} cannot be kept in a checkpoint")
