"""psycopg, which is not there without the extra `postgres`."""

from __future__ import annotations

import importlib

from facewise.errors import ExtraMissingError


def check_driver() -> None:
    """Look whether psycopg can be imported; the other files here take it for granted.

    Raises:
        ExtraMissingError: it cannot; says what to install.
    """
    try:
        importlib.import_module("psycopg")
    except ImportError as error:
        reason = str(error).strip().splitlines()[0]
        raise ExtraMissingError(
            f"galleries in PostgreSQL: need psycopg ({reason}); pip install 'facewise[postgres]'"
        ) from error
