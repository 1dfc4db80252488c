"""Detectors and embedders that are simple enough to know their answers by heart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from facewise.alignment import MarginCrop
from facewise.embedding import Embedder
from facewise.faces import Faces
from facewise.images import each
from facewise.pipeline import Pipeline
from facewise.runtime.networks import Candidate
from facewise.zoo import ModelSpec, Threshold, Weights

CELL = 20  # pixels; pictures are rows of cells


class CellDetector:
    """Finds a face in each cell of 20×20 pixels that is not black; has no landmarks."""

    def __init__(self) -> None:
        self.settings = {"cell": CELL}
        self.seen = 0

    def detect(self, images: Any) -> list[Faces]:
        found = []
        for image in each(images):
            self.seen += 1
            lit = [x for x in range(0, image.shape[1], CELL) if image[0, x].any()]
            boxes = [[x, 0, x + CELL, CELL] for x in lit]
            found.append(Faces(boxes, [0.9] * len(lit)))
        return found


def colour_embedder(weight_hash: str = "ab" * 32) -> Embedder:
    """The unit vector of a chip's mean colour, so that similarities are angles between colours."""
    spec = ModelSpec(
        id="probe.colour",
        task="embed",
        architecture="probe",
        weights=Weights(filename="none", licence="none", training_set="none"),
        input_size=8,
        embedding_size=3,
        crop=MarginCrop(8),
        thresholds=(Threshold(0.8, 1e-3, "ten colours"), Threshold(0.9, 1e-5, "ten colours")),
    )

    def mean_colour(x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3)) * 128 + 127.5

    return Embedder(
        spec,
        mean_colour,
        weight_hash=weight_hash,
        device=torch.device("cpu"),
        candidate=Candidate("torch", "float32"),
        flip=False,
        batch_size=32,
    )


def save_cells(path: Path, colours: Sequence[tuple[int, int, int]], columns: int = 0) -> Path:
    """A picture with one cell of each colour, and black up to a number of columns."""
    image = np.zeros((CELL, CELL * max(len(colours), columns), 3), np.uint8)
    for i, colour in enumerate(colours):
        image[:, CELL * i : CELL * (i + 1)] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


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
