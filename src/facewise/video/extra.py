"""The packages of the extra `video`, imported when they are needed and not before."""

from __future__ import annotations

import importlib
from typing import Any

from facewise.errors import ExtraMissingError


def needed(module: str, purpose: str) -> Any:
    """A module of the extra.

    Args:
        module: its name, for example `av` or `scipy.optimize`.
        purpose: what needs it, for the message: "reading a video".

    Raises:
        ExtraMissingError: it is not installed; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ExtraMissingError(
            f"{purpose}: needs {package}; pip install 'facewise[video]'"
        ) from error
