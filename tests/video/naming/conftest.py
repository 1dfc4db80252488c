"""Videos without pictures of faces: a face is a field whose colour says whose it is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from facewise.alignment import MarginCrop
from facewise.faces import Faces
from facewise.recognition import People
from facewise.video import VideoFrame
from facewise.video.naming import Judge, KnownPeople, Namer
from facewise.video.tracking import TrackedFrame
from facewise.zoo import Threshold

RATES = ((1e-6, 0.9), (1e-5, 0.85), (1e-4, 0.8), (1e-3, 0.75), (1e-2, 0.7), (1e-1, 0.6))
SIZE = 64


class Colours:
    """An embedder that tells people by their colour: person p has the red value 10 p."""

    flip = False
    device = "cpu"
    batch_size = 32

    def __init__(self, noise: float = 0.0) -> None:
        self.spec = SimpleNamespace(
            id="colours",
            crop=MarginCrop(16),
            embedding_size=64,
            thresholds=tuple(Threshold(value, far, "made up") for far, value in RATES),
            threshold=self.threshold,
        )
        self.noise = noise
        self.chips = 0
        self.calls = 0
        self._rng = np.random.default_rng(3)

    def threshold(self, far):
        from facewise.zoo import get_spec

        real = get_spec("dlib_resnet29.dlib")
        return type(real).threshold(self.spec, far)

    @staticmethod
    def vector(person: int) -> np.ndarray:
        vector = np.random.default_rng(1000 + person).normal(size=64).astype(np.float32)
        return vector / np.linalg.norm(vector)

    def embed(self, chips: np.ndarray, *, flip: bool = False) -> np.ndarray:
        self.chips += len(chips)
        self.calls += 1
        people = np.rint(chips[..., 0].mean(axis=(1, 2)) / 10).astype(int)
        vectors = np.stack([self.vector(person) for person in people])
        vectors += self._rng.normal(size=vectors.shape).astype(np.float32) * self.noise / 8
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class World:
    """Makes tracked frames, and what names them."""

    rate = 10

    def __init__(self, noise: float = 0.0) -> None:
        self.embedder = Colours(noise)
        self.judge = Judge(self.embedder.spec)

    def people(self, **names: int) -> KnownPeople:
        vectors = np.stack([self.embedder.vector(person) for person in names.values()])
        return KnownPeople(People(tuple(names), vectors, {}, ()))

    def namer(self, known=None, **options) -> Namer:
        return Namer(self.embedder, self.judge, known, **options)

    def frame(self, index, faces, *, looked=True, rate=None):
        """A frame; `faces` has for each track its person, or `(person, place)`."""
        image = np.full((SIZE, 10 * SIZE, 3), 128, np.uint8)
        boxes = []
        for column, (_, person) in enumerate(sorted(faces.items())):
            place = column
            if isinstance(person, tuple):
                person, place = person
            x = round(place * SIZE)
            # A pattern in the green makes it sharp.
            image[:, x : x + SIZE, 0] = 10 * person
            image[::2, x : x + SIZE : 2, 1] = 255
            boxes.append([x, 0, x + SIZE, SIZE])
        n = len(faces)
        found = Faces(boxes, np.full(n, 0.99)) if n else Faces.empty(landmarks=False)
        found = found.with_data(
            track=np.array(sorted(faces), np.int64), detected=np.full(n, looked, bool)
        )
        time = index / (rate or self.rate)
        return TrackedFrame(index, time, VideoFrame(index, time, image), found)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make_world() -> type[World]:
    return World
