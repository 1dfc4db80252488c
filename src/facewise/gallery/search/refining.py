"""Candidates of a rough search, judged by the similarities of float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from facewise.gallery.records import VectorBlock
from facewise.gallery.search.matches import Matches
from facewise.gallery.search.segment import Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

VectorsOf: TypeAlias = "Callable[[NDArray[np.int64]], VectorBlock]"
"""What gives the faces of some ids, in any order, without those that exist no more."""

_AT_ONCE = 16_384
"""Vectors of candidates in memory at a time."""


def refined(
    probes: NDArray[np.float32], candidates: NDArray[np.int64], k: int, vectors_of: VectorsOf
) -> Matches:
    """The k best of each probe's candidates.

    Args:
        probes: float32 (m, d), unit vectors.
        candidates: int64 (m, c), face ids; -1 where there is none. No id twice in a row.
        k: columns of the result.
        vectors_of: of faces; one that it does not give is left out.
    """
    best = Matches.none(len(probes), k)
    step = max(1, _AT_ONCE // max(1, candidates.shape[1]))
    for start in range(0, len(probes), step):
        rows = np.arange(start, min(start + step, len(probes)))
        best.put(rows, _refined(probes[rows], candidates[rows], k, vectors_of))
    return best


def _refined(
    probes: NDArray[np.float32], candidates: NDArray[np.int64], k: int, vectors_of: VectorsOf
) -> Matches:
    wanted = np.unique(candidates)
    faces, people, vectors = vectors_of(wanted[wanted >= 0])
    if not len(faces):
        return Matches.none(len(probes), 0)
    order = np.argsort(faces)
    faces, people, vectors = faces[order], people[order], vectors[order]
    places = np.searchsorted(faces, candidates).clip(max=len(faces) - 1)
    known = faces[places] == candidates
    similarities = np.matmul(vectors[places], probes[:, :, None])[:, :, 0].clip(-1, 1)
    similarities[~known] = -np.inf
    # Equal similarities go by id, so that the answer does not hang on the order of a scan.
    ranked = np.lexsort((candidates, -similarities))[:, :k]
    chosen = np.take_along_axis(places, ranked, 1)
    here = np.take_along_axis(known, ranked, 1)
    return Matches(
        np.where(here, faces[chosen], -1),
        np.where(here, people[chosen], -1),
        np.take_along_axis(similarities, ranked, 1).astype(np.float32),
    )


def coded_vectors_of(segments: Sequence[Segment]) -> VectorsOf:
    """The vectors as segments hold them, which know no people (-1)."""
    import torch

    def vectors_of(wanted: NDArray[np.int64]) -> VectorBlock:
        faces = [np.empty(0, np.int64)]
        vectors = []
        for segment in segments:
            rows = np.flatnonzero(np.isin(segment.faces, wanted))
            faces.append(segment.faces[rows])
            vectors.append(segment.coded.rows(torch.from_numpy(rows)).decoded().numpy())
        found = np.concatenate(faces)
        return VectorBlock(found, np.full(len(found), -1), np.concatenate(vectors))

    return vectors_of
