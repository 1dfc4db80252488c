"""People with pictures, for a detector and an embedder that take no time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from byte_search import forms
from cell_probe import CELL, CHIP, CellDetector, probe_embedder
from facewise import Gallery
from facewise.embedding import Embedder
from facewise.gallery import NewFace
from facewise.gallery.judging import _chip
from facewise.gallery.portraits import Portrait
from facewise.gallery.search import GalleryIndex
from facewise.gallery.searching import index_folder
from facewise.images import load
from facewise.pipeline import Pipeline

D = 3 * CHIP * CHIP


def embedder() -> Embedder:
    """The pixels of a chip as a vector."""
    return probe_embedder("probe.pixels", torch.nn.Flatten(), D)


def detector() -> CellDetector:
    return CellDetector(0.99)


def opened(url: str, *, exact_up_to: int | None = None) -> Gallery:
    """A gallery that is there; with its index as if a few faces were many, if that is asked for."""
    gallery = Gallery.open(url, embedder(), detector=detector())
    if exact_up_to is not None:
        gallery._index = index_of(gallery, 0.9, exact_up_to)
    return gallery


def index_of(gallery: Gallery, recall: float = 1.0, exact_up_to: int = 0) -> GalleryIndex:
    """The index of a gallery, opened once more."""
    return GalleryIndex.open(
        gallery.store,
        index_folder(gallery.store),
        dimension=D,
        recall=recall,
        exact_up_to=exact_up_to,
    )


def token(text: str) -> str:
    """16 digits that no other text has."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Picture:
    """A picture of a person, and what a gallery keeps of it.

    Attributes:
        place: what records call it; says nothing of the person.
        vector: float32 (D,).
        path: its file, or None for one whose vector fell from the sky.
        chip: a PNG file, if there is a file.
    """

    place: str
    vector: NDArray[np.float32]
    path: Path | None = None
    chip: bytes = b""

    def texts(self) -> dict[str, bytes]:
        """What a byte search looks for, by what it is."""
        found = {f"{self.place} as {form}": text for form, text in forms(self.vector).items()}
        found[f"{self.place} as place"] = self.place.encode()
        if self.path is not None:
            digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
            found[f"{self.place} as digest"] = digest.encode()
            found[f"{self.place} as chip"] = self.chip[48:]  # from behind what all PNG files share
        return found


class World:
    """People whose names and faces follow from their numbers.

    Args:
        folder: of the pictures, which are made when they are missing.
        people: who have one to four pictures each.
        fillers: who have a vector and no picture.

    Attributes:
        paths: of the pictures, by name.
        fillers: names of the others.
    """

    def __init__(self, folder: Path, people: int, fillers: int = 0) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        names = [token(f"person {i}") for i in range(people)]
        self.paths = {name: _painted(folder, name) for name in names}
        self.fillers = [token(f"filler {i}") for i in range(fillers)]

    @cached_property
    def pictures(self) -> dict[str, list[Picture]]:
        """Of everybody, by name."""
        pipeline = Pipeline(detector(), embedder())
        found = {
            name: [_looked_at(path, pipeline) for path in paths]
            for name, paths in self.paths.items()
        }
        for name in self.fillers:
            vector = np.random.default_rng(int(name, 16)).standard_normal(D, np.float32)
            found[name] = [Picture(f"{token(name)}.png", vector / np.linalg.norm(vector))]
        return found

    def portraits(self, names: list[str]) -> list[Portrait]:
        """The pictures of some people, to enrol."""
        return [Portrait(name, str(path), path.name) for name in names for path in self.paths[name]]

    def fill(self, gallery: Gallery) -> None:
        """Add the fillers."""
        with gallery.store.change() as change:
            for name in self.fillers:
                [picture] = self.pictures[name]
                face = NewFace(picture.vector, picture.place)
                change.add_faces(change.add_person(name), [face])


def _painted(folder: Path, name: str) -> list[Path]:
    paths = [folder / f"{token(f'{name} {k}')}.png" for k in range(1 + int(name, 16) % 4)]
    for path in paths:
        if not path.exists():
            _paint(path)
    return paths


def _paint(path: Path) -> None:
    rng = np.random.default_rng(int(path.stem, 16))
    blocks = rng.integers(1, 256, (5, 5, 3), np.uint8)
    cell = np.repeat(np.repeat(blocks, CELL // 5, axis=0), CELL // 5, axis=1)
    Image.fromarray(cell).save(path)


def _looked_at(path: Path, pipeline: Pipeline) -> Picture:
    found = pipeline.run(path)
    chip = _chip(load(path), found.faces, pipeline.embedder.spec)
    return Picture(path.name, found.embeddings[0], path, chip)
