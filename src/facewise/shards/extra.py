"""The packages of the extras `shards` and `ray`, imported when they are needed and not before."""

from __future__ import annotations

import importlib
from typing import Any

from facewise.errors import ExtraMissingError


def needed(module: str, purpose: str, extra: str = "shards") -> Any:
    """A module of an extra.

    Args:
        module: its name, for example `pyarrow.parquet`.
        purpose: what needs it, for the message: "shards", "s3://bucket".
        extra: which extra has it.

    Raises:
        ExtraMissingError: it is not installed; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ExtraMissingError(
            f"{purpose}: needs {package}; pip install 'facewise[{extra}]'"
        ) from error
