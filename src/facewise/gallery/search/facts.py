"""`IndexFacts`: how large an index is, and what it promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from facewise.gallery.search.coding import SIZES, Numbers
from facewise.gallery.search.keeping import State


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """Sizes and promises of an index.

    Attributes:
        kind: how the next search is done.
        version: of the store, as the index knows it.
        faces: in the index.
        numbers: form of the vectors.
        vector_bytes: of all vectors, which exact search reads.
        segments: files (or arrays) with them.
        in_graph: faces in the graph; the others are always compared.
        recall_at_1: of the search that `kind` says, as it was measured when the graph was made: how
            often the best face is found. 1 where it is exact.
        recall_at_10: the part of the ten best faces that is found.
    """

    kind: Literal["exact", "hnsw"]
    version: int
    faces: int
    numbers: Numbers
    vector_bytes: int
    segments: int
    in_graph: int
    recall_at_1: float
    recall_at_10: float


def facts_of(state: State, width_at_1: int | None, width_at_10: int | None) -> IndexFacts:
    """The facts of an index whose graph is searched with these widths (None: exact search)."""
    manifest = state.manifest
    recalls = {} if manifest.graph is None else {e: r for e, *r in manifest.graph.recalls}
    return IndexFacts(
        kind="exact" if width_at_1 is None else "hnsw",
        version=manifest.version,
        faces=len(state),
        numbers=manifest.numbers,
        vector_bytes=len(state) * manifest.dimension * SIZES[manifest.numbers],
        segments=len(state.segments),
        in_graph=0 if manifest.graph is None else manifest.graph.faces,
        recall_at_1=1.0 if width_at_1 is None else recalls[width_at_1][0],
        recall_at_10=1.0 if width_at_10 is None else recalls[width_at_10][1],
    )
