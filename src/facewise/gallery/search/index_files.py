"""Segments and graphs as files."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from facewise.gallery.search.coding import Numbers
from facewise.gallery.search.hnsw import Graph
from facewise.gallery.search.segment import Segment, parts_of, segment_in


class IndexFiles(Protocol):
    """Writes and reads files of an index; a file is written once."""

    def write_segment(self, path: Path, segment: Segment) -> None:
        """Write a segment."""

    def read_segment(self, path: Path, n: int, d: int, numbers: Numbers, error: float) -> Segment:
        """The segment of n vectors of d numbers; see `segment_in`.

        Raises:
            ValueError: the file has no such segment.
            OSError: it cannot be read.
        """

    def write_graph(self, path: Path, graph: Graph) -> None:
        """Write a graph."""

    def read_graph(self, path: Path, blanks: int, *, changeable: bool) -> Graph:
        """The graph of a file that is known to be whole, to be searched or to be changed.

        Raises:
            ExtraMissingError: usearch is not installed.
            ValueError: it is no such file.
            OSError: it cannot be read.
        """


class PlainFiles:
    """Files that are mapped: processes share their memory."""

    def write_segment(self, path: Path, segment: Segment) -> None:
        """See `IndexFiles.write_segment`."""
        with path.open("wb") as file:
            for part in parts_of(segment):
                part.tofile(file)

    def read_segment(self, path: Path, n: int, d: int, numbers: Numbers, error: float) -> Segment:
        """See `IndexFiles.read_segment`."""
        if not path.stat().st_size:  # which cannot be mapped
            raise ValueError(f"{path}: an empty file")
        whole = np.asarray(np.memmap(path, np.uint8, "c"))  # copy-on-write
        try:
            return segment_in(whole, n, d, numbers, error)
        except ValueError as problem:
            raise ValueError(f"{path}: {problem}") from None

    def write_graph(self, path: Path, graph: Graph) -> None:
        """See `IndexFiles.write_graph`."""
        graph.save(path)

    def read_graph(self, path: Path, blanks: int, *, changeable: bool) -> Graph:
        """See `IndexFiles.read_graph`."""
        return Graph.load(path, blanks, view=not changeable)
