"""Fixtures of every room."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("FACEWISE_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """The path of something in the data folder beside the repository, or a skip with its reason."""

    def find(relative: str) -> Path:
        path = SHARED / relative
        if not path.exists():
            pytest.skip(f"{relative}: not in the shared data folder (set FACEWISE_SHARED)")
        return path

    return find


@pytest.fixture(scope="session")
def examples() -> Path:
    """The example pictures of the repository."""
    return ROOT / "examples"


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20261122)
