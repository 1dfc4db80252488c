"""The packages of the extra `evaluate`, imported when they are needed and not before."""

from __future__ import annotations

import importlib
from typing import Any

from facewise.errors import ExtraMissingError


def needed(module: str, purpose: str) -> Any:
    """A module of the extra.

    Args:
        module: its name.
        purpose: what needs it, for the message.

    Raises:
        ExtraMissingError: it is not installed; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0].replace("sklearn", "scikit-learn")
        raise ExtraMissingError(
            f"{purpose} need {package}; pip install 'facewise[evaluate]'"
        ) from error
