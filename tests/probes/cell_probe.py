"""Detectors and embedders that are simple enough to know their answers by heart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from facewise.alignment import MarginCrop
from facewise.embedding import Embedder
from facewise.faces import Faces
from facewise.images import each
from facewise.runtime.networks import Candidate
from facewise.zoo import ModelSpec, Threshold, Weights

CELL = 20
"""Pixels; pictures are rows of cells."""

CHIP = 8
"""Pixels of a chip."""


class CellDetector:
    """Finds a face in each cell of 20×20 pixels that is not black; has no landmarks.

    Attributes:
        seen: pictures that were looked at.
    """

    def __init__(self, score: float = 0.9) -> None:
        self.settings = {"cell": CELL}
        self.score = score
        self.seen = 0

    def detect(self, images: Any) -> list[Faces]:
        found = []
        for image in each(images):
            self.seen += 1
            lit = [x for x in range(0, image.shape[1], CELL) if image[0, x].any()]
            boxes = [[x, 0, x + CELL, CELL] for x in lit]
            found.append(Faces(boxes, [self.score] * len(lit)))
        return found


def probe_embedder(
    model: str,
    network: Callable[[torch.Tensor], torch.Tensor],
    size: int,
    thresholds: Sequence[tuple[float, float]] = (),
    weight_hash: str = "ab" * 32,
) -> Embedder:
    """An embedder whose network is any function of chips, float32 (n, 3, CHIP, CHIP) in [-1, 1]."""
    spec = ModelSpec(
        id=model,
        task="embed",
        architecture="probe",
        weights=Weights(filename="none", licence="none", training_set="none"),
        input_size=CHIP,
        embedding_size=size,
        crop=MarginCrop(CHIP),
        thresholds=tuple(Threshold(value, far, "ten colours") for value, far in thresholds),
    )
    return Embedder(
        spec,
        network,
        weight_hash=weight_hash,
        device=torch.device("cpu"),
        candidate=Candidate("torch", "float32"),
        flip=False,
        batch_size=32,
    )


def colour_embedder(
    weight_hash: str = "ab" * 32, *, fars: tuple[float, float] = (1e-3, 1e-5)
) -> Embedder:
    """The unit vector of a chip's mean colour, so that similarities are angles between colours.

    The thresholds for the two rates are 0.8 and 0.9.
    """

    def mean_colour(x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3)) * 128 + 127.5

    thresholds = list(zip((0.8, 0.9), fars, strict=True))
    return probe_embedder("probe.colour", mean_colour, 3, thresholds, weight_hash)


def save_cells(path: Path, colours: Sequence[tuple[int, int, int]], columns: int = 0) -> Path:
    """A picture with one cell of each colour, and black up to a number of columns."""
    image = np.zeros((CELL, CELL * max(len(colours), columns), 3), np.uint8)
    for i, colour in enumerate(colours):
        image[:, CELL * i : CELL * (i + 1)] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path
