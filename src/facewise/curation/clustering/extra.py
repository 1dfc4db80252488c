"""The packages of the extra `curate`, imported when they are needed and not before."""

from __future__ import annotations

import importlib
from typing import Any

from facewise.errors import ExtraMissingError


def needed(module: str, purpose: str) -> Any:
    """A module of the extra.

    Args:
        module: its name, for example `sklearn.cluster`.
        purpose: what needs it, for the message.

    Raises:
        ExtraMissingError: it is not installed; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = {"sklearn": "scikit-learn"}.get(name := module.partition(".")[0], name)
        raise ExtraMissingError(
            f"{purpose}: needs {package} ({error}); pip install 'facewise[curate]'"
        ) from error
