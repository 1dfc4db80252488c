"""The packages of the extra `files`, imported when they are needed and not before."""

from __future__ import annotations

import importlib
from typing import Any

from facewise.errors import ExtraMissingError


def needed(module: str, purpose: str) -> Any:
    """A module of the extra.

    Args:
        module: its name: `h5py`, `pyarrow.parquet`, `google.protobuf.proto`.
        purpose: what needs it, for the message: "Parquet files".

    Raises:
        ExtraMissingError: it is not installed; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = "protobuf" if module.startswith("google.") else module.partition(".")[0]
        raise ExtraMissingError(
            f"{purpose}: need {package}; pip install 'facewise[files]'"
        ) from error
