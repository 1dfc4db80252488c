"""Approximate search: a graph of neighbours (HNSW, by usearch) over int8 vectors.

Yu. A. Malkov, D. A. Yashunin: Efficient and robust approximate nearest neighbor search using
Hierarchical Navigable Small World graphs, 2016.
"""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.errors import ExtraMissingError
from facewise.gallery.search.coding import Coded, code
from facewise.gallery.search.segment import Segment
from facewise.runtime.threads import threads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

CONNECTIVITY = 32
"""Neighbours of a node on the upper levels; twice as many on the ground. With 16 the files are a
sixth smaller, and a search that finds as much takes longer."""

_EXPANSION = 128
"""Candidates for neighbours as a node is put in."""

_BLANK = 1 << 62
"""From this key on a node has no face."""

_BLOCK = 8192


def usearch() -> Any:
    """The module `usearch.index`.

    Raises:
        ExtraMissingError: it is not installed; says what to install.
    """
    try:
        return importlib.import_module("usearch.index")
    except ImportError as error:
        raise ExtraMissingError(
            f"approximate search: needs usearch ({error}); pip install 'facewise[gallery]'"
        ) from error


class Graph:
    """A graph of faces, in memory or mapped.

    Args:
        index: of usearch.
        blanks: nodes of it that have no face.
        content: the memory that it looks into, if any.
    """

    def __init__(self, index: Any, blanks: int = 0, content: object = None) -> None:
        self._index = index
        self._content = content  # is kept for as long as the index
        self.blanks = blanks
        # The width of the search is a property of the index, not of a call.
        self._turn = threading.Lock()

    @classmethod
    def empty(cls, dimension: int) -> Graph:
        """A graph without faces, in memory.

        Raises:
            ExtraMissingError: usearch is not installed.
        """
        index = usearch().Index(
            ndim=dimension,
            metric="cos",  # which does not depend on the scale that each int8 vector has
            dtype="i8",
            connectivity=CONNECTIVITY,
            expansion_add=_EXPANSION,
        )
        return cls(index)

    @classmethod
    def load(cls, source: Path | bytearray, blanks: int, *, view: bool) -> Graph:
        """A graph's file, or its content; with `view` not copied, and then not to be changed.

        It must be known to be whole: usearch trusts it.

        Raises:
            ExtraMissingError: usearch is not installed.
            ValueError: it is no such file.
        """
        place = str(source) if isinstance(source, Path) else source
        index = usearch().Index.restore(place, view=view, expansion_add=_EXPANSION)
        if index is None:
            raise ValueError(f"{place!r:.200}: not a graph of usearch")
        return cls(index, blanks, place if view else None)

    def __len__(self) -> int:
        return len(self._index) - self.blanks

    def copy(self) -> Graph:
        """Another one with the same faces, in memory."""
        return Graph(self._index.copy(), self.blanks)

    def save(self, path: Path) -> None:
        """Write it."""
        self._index.save(str(path))

    def to_bytes(self) -> bytearray:
        """What `save` would write."""
        content: bytearray = self._index.save()
        return content

    def add(self, segments: Iterable[Segment]) -> None:
        """Put faces in that are not in it."""
        for segment in segments:
            for start in range(0, len(segment), _BLOCK):
                part = slice(start, start + _BLOCK)
                values = _int8(segment.coded.rows(part))
                self._index.add(segment.faces[part].astype(np.uint64), values, threads=threads())

    def remove(self, faces: NDArray[np.int64]) -> int:
        """Take faces out, and their vectors, of which nothing is left; the number that was in it.

        usearch only marks a node as free, with its vector in it, until a new one takes its place.
        So blank nodes take the places at once.
        """
        keys = faces.astype(np.uint64)
        keys = keys[np.asarray(self._index.contains(keys), bool).reshape(-1)]
        if not len(keys):
            return 0
        self._index.remove(keys, threads=threads())
        blanks = np.arange(len(keys), dtype=np.uint64) + np.uint64(_BLANK + self.blanks)
        nothing = np.zeros((len(keys), self._index.ndim), np.int8)
        self._index.add(blanks, nothing, threads=threads())
        self.blanks += len(keys)
        return len(keys)

    def search(self, probes: NDArray[np.float32], count: int, expansion: int) -> NDArray[np.int64]:
        """Faces that are near each probe, int64 (m, count), in no certain order; -1 for none.

        Args:
            probes: float32 (m, d).
            count: of faces for each.
            expansion: width of the search: nodes that are kept in view, at least `count`.
        """
        m = len(probes)
        values = _int8(code(probes, "int8"))
        with self._turn:
            self._index.expansion_search = max(count, expansion)
            found = self._index.search(values, count, threads=1 if m == 1 else threads())
        keys = np.asarray(found.keys).reshape(m, -1)
        faces = np.full((m, count), -1, np.int64)
        known = keys < _BLANK
        if m > 1:  # rows that are not full end with what was in memory
            known &= np.arange(keys.shape[1]) < np.asarray(found.counts)[:, None]
        faces[:, : keys.shape[1]] = np.where(known, keys.astype(np.int64), -1)
        return faces


def _int8(coded: Coded) -> NDArray[np.int8]:
    if coded.numbers != "int8":
        coded = code(coded.decoded().numpy(), "int8")
    return np.ascontiguousarray(coded.values.numpy())
