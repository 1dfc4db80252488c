"""Segments and graphs as files of a sealed gallery."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.gallery.sealing.cipher import GROWTH
from facewise.gallery.search.coding import Numbers
from facewise.gallery.search.hnsw import Graph
from facewise.gallery.search.segment import Segment, parts_of, segment_in

if TYPE_CHECKING:
    from facewise.gallery.sealing.cipher import Cipher

_PIECE = 16_777_216
"""Bytes that are sealed at once."""


class SealedFiles:
    """`IndexFiles` that are opened into memory, by each process for itself.

    A file is sealed in pieces. Each belongs to its file (by name), its place, and whether it is the
    last: pieces that are swapped, missing or of another file do not open.

    Args:
        cipher: of the gallery.
    """

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def write_segment(self, path: Path, segment: Segment) -> None:
        """See `IndexFiles.write_segment`."""
        self._write(path, b"".join(part.data for part in parts_of(segment)))

    def read_segment(self, path: Path, n: int, d: int, numbers: Numbers, error: float) -> Segment:
        """See `IndexFiles.read_segment`."""
        whole = np.frombuffer(self._read(path), np.uint8)
        try:
            return segment_in(whole, n, d, numbers, error)
        except ValueError as problem:
            raise ValueError(f"{path}: {problem}") from None

    def write_graph(self, path: Path, graph: Graph) -> None:
        """See `IndexFiles.write_graph`."""
        self._write(path, graph.to_bytes())

    def read_graph(self, path: Path, blanks: int, *, changeable: bool) -> Graph:
        """See `IndexFiles.read_graph`."""
        return Graph.load(self._read(path), blanks, view=not changeable)

    def _write(self, path: Path, content: bytes | bytearray) -> None:
        kind, view = _kind(path), memoryview(content)
        places = list(_places(len(content), _PIECE))
        with path.open("wb") as file:
            for number, start, end in places:
                file.write(self._cipher.seal(kind, number, view[start:end]))

    def _read(self, path: Path) -> bytearray:
        """The content of a file.

        Raises:
            ValueError: it does not open.
            OSError: it cannot be read.
        """
        kind = _kind(path)
        places = list(_places(path.stat().st_size, _PIECE + GROWTH))
        content = bytearray(sum(max(end - start - GROWTH, 0) for _, start, end in places))
        filled = 0
        with path.open("rb") as file:
            for number, start, end in places:
                try:
                    piece = self._cipher.open(kind, number, file.read(end - start))
                except ValueError as problem:
                    raise ValueError(f"{path}: {problem}") from None
                content[filled : filled + len(piece)] = piece
                filled += len(piece)
        return content


def _kind(path: Path) -> str:
    return f"index {path.name}"


def _places(size: int, piece: int) -> Iterable[tuple[int, int, int]]:
    """Number, start and end of each piece; the number is odd for the last."""
    starts = range(0, max(size, 1), piece)
    for i, start in enumerate(starts):
        yield 2 * i + (i == len(starts) - 1), start, min(start + piece, size)
