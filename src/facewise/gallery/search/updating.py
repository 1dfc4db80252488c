"""An index made of a store's faces, and brought from one version of the store to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from facewise.gallery.search.approximate import measured_recalls
from facewise.gallery.search.coding import Numbers, code
from facewise.gallery.search.hnsw import Graph
from facewise.gallery.search.keeping import Keeper, State
from facewise.gallery.search.manifest import GraphEntry, Manifest, SegmentEntry
from facewise.gallery.search.segment import ROWS, Segment, merged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.gallery.records import FaceChanges, VectorBlock

_SMALL = 4096
"""Faces of a segment that is never worth a file of its own."""

_WORN = 0.2
"""Blank nodes for each face of a graph, from which it is made anew."""

_LAG = 0.1
"""Faces that are not in the graph for each that there is, from which they are put in."""

Kept = tuple[SegmentEntry, Segment]


def built(blocks: Iterable[VectorBlock], manifest: Manifest, keeper: Keeper) -> State:
    """An index of all faces.

    Args:
        blocks: of faces, by ascending id.
        manifest: store, version, dimension and numbers.
        keeper: of the files; nothing is committed.
    """
    return _state(manifest, _written(blocks, manifest.numbers, keeper, []))


def updated(
    state: State, changes: FaceChanges, blocks: Iterable[VectorBlock], keeper: Keeper
) -> State:
    """An index without some faces and with others; what holds the first is written anew.

    Args:
        state: as it was.
        changes: since its version. Of those added some may be in it already: they are put in anew.
        blocks: the faces that were added, as far as they (still) exist.
        keeper: of the files; nothing is committed.
    """
    gone = np.union1d(changes.removed, changes.added)
    kept: list[Kept] = []
    for entry, segment in zip(state.manifest.segments, state.segments, strict=True):
        if not np.isin(segment.faces, gone).any():
            kept.append((entry, segment))
            continue
        left = segment.without(gone)
        if len(left):
            kept.append(keeper.keep_segment(left, entry.in_graph))
    taken = _taken_in(kept, len(changes.added))
    kept += _written(blocks, state.manifest.numbers, keeper, taken)
    graph = _graph_without(state, gone, keeper)
    if graph is None:
        kept = [(replace(entry, in_graph=False), segment) for entry, segment in kept]
    return _state(replace(state.manifest, version=changes.version), kept, graph)


def with_graph(state: State, graph: Graph, faces: NDArray[np.int64], keeper: Keeper) -> State:
    """An index with a graph in memory, which was made of some faces.

    What is not (any more) in segments of only such faces is taken out of the graph.
    """
    pairs = zip(state.manifest.segments, state.segments, strict=True)
    kept = [(replace(e, in_graph=bool(np.isin(s.faces, faces).all())), s) for e, s in pairs]
    inside = [segment for entry, segment in kept if entry.in_graph]
    graph.remove(np.setdiff1d(faces, np.concatenate([faces[:0], *(s.faces for s in inside)])))
    recalls = measured_recalls(graph, inside) if inside else ()
    return _state(state.manifest, kept, keeper.keep_graph(graph, recalls))


def grown_graph(state: State, graph: Graph | None) -> tuple[Graph, NDArray[np.int64]]:
    """A graph of all faces, in memory, and their ids; this takes minutes for a million.

    Args:
        state: the index.
        graph: a copy of its graph in memory, which takes the faces that are not in it; or None.

    Raises:
        ExtraMissingError: usearch is not installed.
    """
    if graph is None or graph.blanks > _WORN * len(graph):
        graph = Graph.empty(state.manifest.dimension)
        graph.add(state.segments)
    else:
        graph.add(state.others())
    return graph, np.concatenate([segment.faces for segment in state.segments])


def graph_lags(state: State) -> bool:
    """Whether there is no graph, or one that has become too small or too worn."""
    entry = state.manifest.graph
    if entry is None:
        return True
    return len(state) - entry.faces > _LAG * len(state) or entry.blanks > _WORN * entry.faces


def _segment(block: VectorBlock, numbers: Numbers) -> Segment:
    faces, _, vectors = block
    order = np.argsort(faces, kind="stable")
    return Segment(
        np.asarray(faces, np.int64)[order],
        code(np.asarray(vectors, np.float32)[order], numbers),
    )


def _split(segment: Segment, rows: int) -> tuple[Segment, Segment]:
    parts = (slice(rows), slice(rows, None))
    first, rest = (Segment(segment.faces[part], segment.coded.rows(part)) for part in parts)
    return first, rest


def _written(
    blocks: Iterable[VectorBlock], numbers: Numbers, keeper: Keeper, waiting: list[Segment]
) -> list[Kept]:
    """Faces as segments, each written when it is full; those that wait come first."""
    kept: list[Kept] = []
    for block in blocks:
        waiting.append(_segment(block, numbers))
        while sum(map(len, waiting)) >= ROWS:
            full, rest = _split(merged(waiting), ROWS)
            kept.append(keeper.keep_segment(full, in_graph=False))
            waiting = [rest]
    if any(map(len, waiting)):
        kept.append(keeper.keep_segment(merged(waiting), in_graph=False))
    return kept


def _taken_in(kept: list[Kept], new: int) -> list[Segment]:
    """The last of the segments, taken out while they are not much larger than what is new.

    So there are few small segments, and a face is written a few times, not with every other one.
    """
    taken: list[Segment] = []
    size = new
    while new and kept and not kept[-1][0].in_graph:
        last = kept[-1][1]
        if len(last) > max(2 * size, _SMALL) or size + len(last) > ROWS:
            break
        taken.insert(0, kept.pop()[1])
        size += len(last)
    return taken


def _graph_without(
    state: State, gone: NDArray[np.int64], keeper: Keeper
) -> tuple[GraphEntry, Graph | None] | None:
    entry, graph = state.manifest.graph, state.graph
    if entry is None:
        return None
    pairs = zip(state.manifest.segments, state.segments, strict=True)
    inside = [s.faces[np.isin(s.faces, gone)] for e, s in pairs if e.in_graph]
    if not any(map(len, inside)):
        return entry, graph
    if graph is None:  # no usearch to change it with
        return None
    changed = keeper.changeable(entry, graph)
    changed.remove(np.concatenate(inside))
    return keeper.keep_graph(changed, entry.recalls) if len(changed) else None


def _state(
    manifest: Manifest, kept: list[Kept], graph: tuple[GraphEntry, Graph | None] | None = None
) -> State:
    entry, loaded = (None, None) if graph is None else graph
    manifest = replace(manifest, segments=tuple(entry for entry, _ in kept), graph=entry)
    return State(manifest, tuple(segment for _, segment in kept), loaded)
