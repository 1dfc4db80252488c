"""The constants of a frozen graph: a GraphDef (`.pb`) whose variables were turned into them.

As tensorflow/core/framework/{graph,node_def,attr_value}.proto have it. The graph is not run, and
its operations are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from facewise.convert.tensorflow.tensors import Tensor, tensor_of
from facewise.convert.wire import BYTES, VARINT, Field, WireError, fields
from facewise.errors import ModelError

_MOST = 1 << 31  # bytes: no message of Protocol Buffers is longer


def read_graph(path: Path) -> Mapping[str, Tensor]:
    """The constants of a graph, by the name of their node.

    Raises:
        ModelError: the file is missing, or is not a GraphDef.
    """
    try:
        if path.stat().st_size >= _MOST:
            raise ModelError(f"{path}: a GraphDef has less than 2 GiB")
        found = _constants(memoryview(path.read_bytes()))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    except WireError as error:
        raise ModelError(f"{path}: not a GraphDef, or damaged: {error}") from None
    if not found:
        raise ModelError(
            f"{path}: a graph without constants; expected a frozen one, with its weights in it"
        )
    return found


def _constants(data: memoryview) -> dict[str, Tensor]:
    found = {}
    for field in fields(data):
        if field.number == 1 and field.kind == VARINT:
            raise WireError("a SavedModel; expected a frozen graph")
        if field.number == 1:
            name, kind, value = _node(field)
            if kind == "Const" and value is not None:
                found[name] = tensor_of(value)
        elif field.kind == BYTES and field.number not in (2, 4):
            raise WireError(f"unknown field {field.number}")
    return found


def _node(field: Field) -> tuple[str, str, Field | None]:
    """The name and operation of a NodeDef, and its attribute `value`."""
    name = kind = ""
    value = None
    for part in field.message():
        if part.number == 1:
            name = part.text()
        elif part.number == 2:
            kind = part.text()
        elif part.number == 5:
            key, held = "", None
            for side in part.message():
                if side.number == 1:
                    key = side.text()
                elif side.number == 2:
                    held = side
            if key == "value" and held is not None:
                value = next((f for f in held.message() if f.number == 8), None)
    return name, kind, value
