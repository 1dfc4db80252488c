"""Vectors of invented people, for tests of clustering."""

from __future__ import annotations

import numpy as np


def invented(people, each, *, d=64, cosine=0.85, seed=0):
    """Unit vectors float32 (people * each, d), person by person, and whose they are.

    Two faces of a person have about the square of `cosine`; of two people about 0 ± 1/√d.
    """
    rng = np.random.default_rng(seed)
    whose = np.repeat(np.arange(people), each)
    return near(unit(rng.standard_normal((people, d)))[whose], cosine, rng), whose


def near(vectors, cosine, rng):
    """Unit vectors with about this cosine."""
    noise = unit(rng.standard_normal(vectors.shape))
    return unit(cosine * vectors + np.sqrt(1 - cosine**2) * noise).astype(np.float32)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
