"""Galleries as large as one likes that are like real ones: LFW's faces, perturbed into clusters.

Uniform noise would flatter exact search and slander graphs: real embeddings crowd in a part of
their space, and people who look alike stand close together.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

D = 512
FACES = 10
"""Of each person."""

_LIKE = 0.6
"""Cosine of an invented person with the real face that it is made from."""

_GENUINE = 0.8
"""Cosine of a face with its person: two faces of a person have its square, 0.64, about what two
pictures of a person have under a good embedder."""

_BLOCK = 10_000

Floats = NDArray[np.float32]


class Population:
    """Invented people around real faces.

    Args:
        shared: the data folder, with `data/lfw-aligned-112` and MobileFaceNet's weights.
        seed: the same gives the same people and faces.
    """

    def __init__(self, shared: Path, seed: int = 0) -> None:
        self._seed = seed
        real = _lfw(shared)
        turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((D, real.shape[1])))[0]
        self._real: Floats = (real @ turn.T).astype(np.float32)

    def people(self, count: int) -> Floats:
        """The centres of the first so many people, float32 (count, 512)."""
        rng = np.random.default_rng([self._seed, 1])
        centres = np.empty((count, D), np.float32)
        for start in range(0, count, _BLOCK):
            part = centres[start : start + _BLOCK]
            faces = self._real[rng.integers(len(self._real), size=len(part))]
            part[:] = _near(rng, faces, _LIKE)
        return centres

    def faces(self, centres: Floats, each: int = FACES) -> Floats:
        """So many faces of each person, person by person; float32 (n each, 512)."""
        rng = np.random.default_rng([self._seed, 2])
        faces = np.empty((len(centres) * each, D), np.float32)
        for start in range(0, len(faces), _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, len(faces))) // each
            faces[start : start + _BLOCK] = _near(rng, centres[rows], _GENUINE)
        return faces

    def probes(self, centres: Floats, count: int) -> Floats:
        """New faces of known people, float32 (count, 512)."""
        rng = np.random.default_rng([self._seed, 3])
        return _near(rng, centres[rng.integers(len(centres), size=count)], _GENUINE)


def _near(rng: np.random.Generator, vectors: Floats, cosine: float) -> Floats:
    """Unit vectors that have about this cosine with others."""
    noise = rng.standard_normal(vectors.shape, np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    moved = cosine * vectors + np.sqrt(1 - cosine**2) * noise
    unit: Floats = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _lfw(shared: Path) -> Floats:
    """The faces of `lfw-aligned-112` under MobileFaceNet, float32 (2320, 128)."""
    import facewise

    weights = shared / "weights/mobilefacenet-ms1m-128d.pt"
    embedder = facewise.load_embedder("mobilefacenet", weights)
    chips = [facewise.load_image(path) for path in sorted(shared.glob("data/lfw-aligned-112/*/*"))]
    vectors: Floats = np.asarray(embedder.embed(chips), np.float32)
    return vectors
