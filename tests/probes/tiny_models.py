"""A detector and an embedder that take no time, for tests of what is done with their results."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image

from facewise.alignment import MarginCrop
from facewise.embedding import Embedder
from facewise.faces import Faces
from facewise.runtime.networks import Candidate
from facewise.shards.models import Loaded
from facewise.zoo import ModelSpec, Weights

SIDE, LENGTH = 16, 8


class TinyDetector:
    """Finds as many faces as the first pixel's red says, 16 pixels wide; the largest is the last.

    Faces are one pixel further down for each picture that is looked at together with theirs, so
    that a run that groups pictures otherwise does not cut the same chips.
    """

    settings = MappingProxyType({"tiny": 1})
    together = 4

    def __init__(self) -> None:
        self.seen = 0

    def detect(self, images: Sequence[np.ndarray]) -> list[Faces]:
        self.seen += len(images)
        return [self._one(image, len(images)) for image in images]

    def _one(self, image: np.ndarray, together: int) -> Faces:
        count = min(int(image[0, 0, 0]), 3)
        boxes = [[4 + 9 * i, together, 20 + 9 * i, 17 + together + i] for i in range(count)]
        return Faces(boxes, [0.99 - 0.1 * i for i in range(count)]) if count else Faces.empty()


def tiny_embedder(flip: bool = False, tag: str = "one") -> Embedder:
    """Vectors of 8 numbers, by a fixed random projection of the chip's pixels."""
    matrix = np.random.default_rng(5).standard_normal((3 * SIDE * SIDE, LENGTH))
    weights = torch.from_numpy(matrix).float()
    spec = ModelSpec(
        id=f"tiny.{tag}",
        task="embed",
        architecture="tiny",
        weights=Weights("tiny", "none", "none"),
        input_size=SIDE,
        embedding_size=LENGTH,
        crop=MarginCrop(SIDE, 0),
        flip=flip,
    )
    return Embedder(
        spec,
        lambda pixels: pixels.flatten(1) @ weights,
        weight_hash=hashlib.sha256(tag.encode()).hexdigest(),
        device=torch.device("cpu"),
        candidate=Candidate("torch", "float32"),
        flip=flip,
        batch_size=8,
    )


def tiny_loaded(aligned: bool = False, **options: object) -> Loaded:
    """Both; without the detector for chips."""
    return Loaded(tiny_embedder(**options), None if aligned else TinyDetector())


def photo(path: Path, seed: int, faces: int = 1, width: int = 60, height: int = 40) -> Path:
    """Write a picture of noise in which so many faces are found."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    pixels[0, 0] = faces
    Image.fromarray(pixels).save(path, lossless=True, quality=95, format="PNG")
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, also hidden ones, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
