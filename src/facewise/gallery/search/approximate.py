"""Approximate search: the graph's candidates and all faces that are not in it, judged in float32.

What it may miss is measured when the graph is made, and stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.gallery.search import exact
from facewise.gallery.search.hnsw import Graph
from facewise.gallery.search.matches import Matches
from facewise.gallery.search.refining import VectorsOf, coded_vectors_of, refined
from facewise.gallery.search.segment import Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 512
"""Faces for a probe that a graph is asked for at most; for more, exact search is no slower."""

EXPANSIONS = (64, 128, 256, 384, 512, 768, 1024, 1536, 2048)
"""Widths of the search that are measured, up to one that finds (nearly) everything."""

GENUINE = 0.6
"""Cosine of the probes of a measurement with the face they are made from: two pictures of a person
under a good embedder."""

_PROBES = 256
_EVERYTHING = 0.999


def search(
    graph: Graph,
    others: Sequence[Segment],
    probes: NDArray[np.float32],
    k: int,
    expansion: int,
    vectors_of: VectorsOf,
) -> Matches:
    """The k most similar faces of each probe, or nearly.

    Args:
        graph: of the faces.
        others: faces that are not in it.
        probes: float32 (m, d), unit vectors.
        k: 1 to `MOST`.
        expansion: width of the search.
        vectors_of: see `exact.search`.
    """
    found = Matches.none(len(probes), k)
    count = k + max(k, 32)
    rest = sum(map(len, others))
    for start in range(0, len(probes), _PROBES):
        rows = np.arange(start, min(start + _PROBES, len(probes)))
        near = graph.search(probes[rows], count, expansion)
        if rest:
            faces, _, _ = exact.candidates(others, probes[rows], min(count, rest))
            near = np.concatenate([near, faces], axis=1)
        found.put(rows, refined(probes[rows], near, k, vectors_of))
    return found


def measured_recalls(
    graph: Graph, segments: Sequence[Segment], seed: int = 0
) -> tuple[tuple[int, float, float], ...]:
    """What a graph of all faces of some segments finds of what exact search finds.

    The probes are faces of the gallery, moved to a cosine of `GENUINE` in the directions in which
    the gallery itself spreads (a random sum of its vectors).

    Returns:
        For each width: it; how often the best face was found; and which part of the ten best.
    """
    rng = np.random.default_rng(seed)
    probes = _probes(segments, rng)
    vectors_of = coded_vectors_of(segments)
    best = exact.search(segments, probes, 10, vectors_of)
    results = []
    for expansion in EXPANSIONS:
        found = search(graph, (), probes, 10, expansion, vectors_of)
        one = float((found.faces[:, 0] == best.faces[:, 0]).mean())
        # Of equal faces any will do.
        known = np.isfinite(best.similarities)
        enough = found.similarities >= best.similarities
        results.append((expansion, one, float(enough[known].mean())))
        if min(results[-1][1:]) >= _EVERYTHING:
            break
    return tuple(results)


def expansion_for(recalls: Sequence[tuple[int, float, float]], recall: float, k: int) -> int | None:
    """The least width that has a recall, at 1 or for larger k at 10; None where none has it."""
    return next((e for e, one, ten in recalls if (one if k == 1 else ten) >= recall), None)


def _probes(segments: Sequence[Segment], rng: np.random.Generator) -> NDArray[np.float32]:
    faces = np.concatenate([segment.faces for segment in segments])
    chosen = np.sort(rng.choice(faces, min(_PROBES, len(faces)), replace=False))
    _, _, vectors = coded_vectors_of(segments)(chosen)
    return moved(vectors, rng)


def moved(vectors: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Probes for a measurement, made of faces of a gallery, (n, d); see `measured_recalls`."""
    noise = rng.standard_normal((len(vectors), len(vectors)), np.float32) @ vectors
    noise -= (noise * vectors).sum(axis=1, keepdims=True) * vectors
    noise /= np.linalg.norm(noise, axis=1, keepdims=True).clip(min=1e-12)
    probes = GENUINE * vectors + np.sqrt(1 - GENUINE**2) * noise
    unit: NDArray[np.float32] = probes / np.linalg.norm(probes, axis=1, keepdims=True)
    return unit.astype(np.float32)
