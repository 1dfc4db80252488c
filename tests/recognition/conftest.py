"""Pictures, a detector and an embedder whose answers are known by heart; see `cell_probe`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cell_probe import CellDetector, colour_embedder, save_cells
from facewise.pipeline import Pipeline


@pytest.fixture
def cells() -> Any:
    return save_cells


@pytest.fixture
def make_embedder() -> Any:
    return colour_embedder


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(CellDetector(), colour_embedder())


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FACEWISE_CACHE", str(folder))
    return folder
