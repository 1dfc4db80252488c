"""The formats that models are exported to, each with what writes and what runs its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from facewise.errors import ModelError
from facewise.model_export.parts import Part, Pixels

Runner: TypeAlias = Callable[[NDArray[Any]], tuple[NDArray[np.float32], ...]]
"""A file that is loaded: one batch in, all outputs out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a network is to be written.

    Attributes:
        precision: "float32", "float16" or "int8".
        preprocess: the file takes uint8 pixels (n, h, w, 3).
        metadata: JSON that goes into it.
        calibration: for int8: real inputs in batches.
    """

    precision: str
    preprocess: bool
    metadata: str
    calibration: tuple[Pixels, ...] = ()


class Format(Protocol):
    """A module for one format.

    Attributes:
        SUFFIX: of its file.
        BESIDE: of further files with the same name that it writes.
        PRECISIONS: that it has.
    """

    SUFFIX: str
    BESIDE: tuple[str, ...]
    PRECISIONS: tuple[str, ...]

    @staticmethod
    def write(part: Part, wanted: Wanted, path: Path) -> None:
        """Write a network.

        Raises:
            ModelError: this format cannot hold it.
            ExtraMissingError: what writes it is not installed.
        """
        ...

    @staticmethod
    def opened(path: Path) -> Runner:
        """A file in its own runtime, on the CPU, computing as the file says.

        Raises:
            ExtraMissingError: the runtime is not installed.
        """
        ...

    @staticmethod
    def metadata(path: Path) -> str:
        """The JSON in a file, or an empty text."""
        ...


_MODULES: Mapping[str, str] = {
    "onnx": "onnx_file",
    "openvino": "openvino_file",
    "torchscript": "torchscript_file",
    "executorch": "executorch_file",
}
FORMATS = tuple(_MODULES)


def the_format(name: str) -> Format:
    """A format by its name.

    Raises:
        ModelError: no such format.
    """
    if name not in _MODULES:
        raise ModelError(f"format: expected one of {', '.join(FORMATS)}, got {name!r}")
    return cast("Format", import_module(f"facewise.model_export.{_MODULES[name]}"))


def format_of(path: Path) -> Format:
    """The format of a file, by how its name ends.

    Raises:
        ModelError: it is of none.
    """
    for name in FORMATS:
        found = the_format(name)
        if path.name.endswith(found.SUFFIX):
            return found
    endings = ", ".join(the_format(name).SUFFIX for name in FORMATS)
    raise ModelError(f"{path}: expected a file {endings}")
