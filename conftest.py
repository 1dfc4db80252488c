"""For all tests, those in docstrings too: a cache folder of their own, and exact networks."""

from __future__ import annotations

import os
import tempfile

_CACHE = tempfile.TemporaryDirectory(prefix="facewise-tests-")


def pytest_configure() -> None:
    """Leave the user's cache alone, also in processes that tests start; see below."""
    os.environ["FACEWISE_CACHE"] = _CACHE.name
    # Results are compared with references to the last digits. What "auto" does, and the other
    # backends, have tests of their own, which ask for them.
    os.environ["FACEWISE_BACKEND"] = "torch"
    os.environ["FACEWISE_PRECISION"] = "float32"


def pytest_unconfigure() -> None:
    """Remove it again."""
    _CACHE.cleanup()
