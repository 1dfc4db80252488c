"""For all tests, those in docstrings too: a cache folder of their own."""

from __future__ import annotations

import os
import tempfile

_CACHE = tempfile.TemporaryDirectory(prefix="facewise-tests-")


def pytest_configure() -> None:
    """Leave the user's cache alone, also in processes that tests start."""
    os.environ["FACEWISE_CACHE"] = _CACHE.name


def pytest_unconfigure() -> None:
    """Remove it again."""
    _CACHE.cleanup()
