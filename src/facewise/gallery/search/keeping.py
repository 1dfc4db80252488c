"""Where an index is kept: in files, or in memory."""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from facewise.errors import ExtraMissingError
from facewise.gallery.search.hnsw import Graph
from facewise.gallery.search.index_files import IndexFiles, PlainFiles
from facewise.gallery.search.manifest import (
    GraphEntry,
    IndexFolder,
    Manifest,
    SegmentEntry,
    fingerprint,
)
from facewise.gallery.search.segment import Segment


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """An index as it is at one version of its store; never changed, only replaced.

    Attributes:
        manifest: the list.
        segments: in its order.
        graph: None where there is none, or where usearch is missing.
    """

    manifest: Manifest
    segments: tuple[Segment, ...]
    graph: Graph | None = None

    def __len__(self) -> int:
        return sum(map(len, self.segments))

    def others(self) -> tuple[Segment, ...]:
        """The segments whose faces are not in the graph."""
        pairs = zip(self.manifest.segments, self.segments, strict=True)
        return tuple(segment for entry, segment in pairs if not entry.in_graph)


class Keeper(Protocol):
    """Where an index is kept. What is kept is in force from `commit` on."""

    def lock(self) -> AbstractContextManager[object]:
        """The turn of one writer."""

    def load(self, current: State | None) -> State | None:
        """What is in force; None if nothing.

        Raises:
            ValueError: what there is is damaged; says what.
        """

    def keep_segment(self, segment: Segment, in_graph: bool) -> tuple[SegmentEntry, Segment]:
        """Keep a segment; returns it as it is kept."""

    def keep_graph(
        self, graph: Graph, recalls: tuple[tuple[int, float, float], ...]
    ) -> tuple[GraphEntry, Graph]:
        """Keep a graph; returns it as it is kept."""

    def changeable(self, entry: GraphEntry, graph: Graph) -> Graph:
        """A copy in memory of a graph that is kept."""

    def untidy(self, state: State) -> bool:
        """Whether there may be something that a state does not need, as a killed process leaves."""

    def commit(self, state: State) -> None:
        """Put a state in force, and let nothing of an older one stay."""


class MemoryKeeper:
    """Keeps an index for as long as it is used."""

    def __init__(self) -> None:
        self._state: State | None = None

    def lock(self) -> AbstractContextManager[object]:
        """Nobody else writes."""
        return nullcontext()

    def load(self, current: State | None) -> State | None:  # noqa: ARG002 - of the protocol
        """What was committed."""
        return self._state

    def keep_segment(self, segment: Segment, in_graph: bool) -> tuple[SegmentEntry, Segment]:
        """The segment itself."""
        return _entry("", segment, in_graph, ""), segment

    def keep_graph(
        self, graph: Graph, recalls: tuple[tuple[int, float, float], ...]
    ) -> tuple[GraphEntry, Graph]:
        """The graph itself."""
        return GraphEntry("", len(graph), graph.blanks, recalls, ""), graph

    def changeable(self, entry: GraphEntry, graph: Graph) -> Graph:  # noqa: ARG002
        """A copy of it."""
        return graph.copy()

    def untidy(self, state: State) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def commit(self, state: State) -> None:
        """Remember it."""
        self._state = state


class FolderKeeper:
    """Keeps an index in a folder, for all processes.

    Args:
        path: of the folder.
        files: how its files are written and read.
    """

    def __init__(self, path: Path, files: IndexFiles | None = None) -> None:
        self.folder = IndexFolder(path)
        self._files = files or PlainFiles()

    def lock(self) -> AbstractContextManager[object]:
        """The turn of one writer among all processes."""
        return self.folder.lock()

    def load(self, current: State | None) -> State | None:
        """What is in force, after its checksums were found right."""
        while True:
            manifest = self.folder.read()
            if manifest is None or (current is not None and current.manifest == manifest):
                return None if manifest is None else current
            try:
                return self._read(manifest, current)
            except (ValueError, OSError) as error:
                if self.folder.read() == manifest:  # else it was replaced meanwhile
                    raise ValueError(str(error)) from error

    def keep_segment(self, segment: Segment, in_graph: bool) -> tuple[SegmentEntry, Segment]:
        """Write a segment, and read it."""
        path = self._new("segment")
        self._files.write_segment(path, segment)
        entry = _entry(path.name, segment, in_graph, fingerprint(path))
        coded = segment.coded
        d = coded.values.shape[1]
        return entry, self._files.read_segment(path, len(segment), d, coded.numbers, coded.error)

    def keep_graph(
        self, graph: Graph, recalls: tuple[tuple[int, float, float], ...]
    ) -> tuple[GraphEntry, Graph]:
        """Write a graph, and read it."""
        path = self._new("hnsw")
        self._files.write_graph(path, graph)
        entry = GraphEntry(path.name, len(graph), graph.blanks, recalls, fingerprint(path))
        return entry, self._files.read_graph(path, graph.blanks, changeable=False)

    def changeable(self, entry: GraphEntry, graph: Graph) -> Graph:  # noqa: ARG002
        """Its file, read."""
        return self._files.read_graph(self.folder.path / entry.file, entry.blanks, changeable=True)

    def untidy(self, state: State) -> bool:
        """Whether the folder has files that the list does not name."""
        return bool(self.folder.left_over(state.manifest))

    def commit(self, state: State) -> None:
        """Replace the list, then remove the files that it does not name."""
        self.folder.replace(state.manifest)
        self.folder.sweep(state.manifest)

    def _new(self, kind: str) -> Path:
        return self.folder.path / f"{secrets.token_hex(8)}.{kind}"

    def _read(self, manifest: Manifest, current: State | None) -> State:
        """The files of a list; those that `current` has already are not looked at again."""
        known: dict[str, Segment] = {}
        if current is not None:
            pairs = zip(current.manifest.segments, current.segments, strict=True)
            known = {entry.file: segment for entry, segment in pairs}
        segments = tuple(
            known.get(entry.file) or self._segment(entry, manifest) for entry in manifest.segments
        )
        graph = None
        if current is not None and manifest.graph == current.manifest.graph:
            graph = current.graph
        if graph is None and manifest.graph is not None:
            path = self._checked(manifest.graph.file, manifest.graph.sha256)
            with suppress(ExtraMissingError):  # exact search does without
                graph = self._files.read_graph(path, manifest.graph.blanks, changeable=False)
        return State(manifest, segments, graph)

    def _segment(self, entry: SegmentEntry, manifest: Manifest) -> Segment:
        path = self._checked(entry.file, entry.sha256)
        d, numbers = manifest.dimension, manifest.numbers
        return self._files.read_segment(path, entry.faces, d, numbers, entry.error)

    def _checked(self, name: str, sha256: str) -> Path:
        path = self.folder.path / name
        if fingerprint(path) != sha256:
            raise ValueError(f"{path}: damaged (its checksum is another one)")
        return path


def _entry(name: str, segment: Segment, in_graph: bool, sha256: str) -> SegmentEntry:
    return SegmentEntry(name, len(segment), segment.coded.error, in_graph, sha256)
