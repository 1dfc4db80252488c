"""`GalleryIndex`: what answers "which faces of the gallery are most like these?"."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeGuard

import numpy as np

from facewise.errors import ExtraMissingError
from facewise.gallery.search import approximate, exact
from facewise.gallery.search.coding import Numbers
from facewise.gallery.search.facts import IndexFacts, facts_of
from facewise.gallery.search.grouping import best_people
from facewise.gallery.search.keeping import FolderKeeper, Keeper, MemoryKeeper, State
from facewise.gallery.search.manifest import Manifest
from facewise.gallery.search.matches import Matches
from facewise.gallery.search.remembering import Remembering
from facewise.gallery.search.sealed_files import SealedFiles
from facewise.gallery.search.source import FaceSource, faces_of
from facewise.gallery.search.updating import built, graph_lags, grown_graph, updated, with_graph

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from facewise.gallery.sealing.cipher import Cipher

EXACT_UP_TO = 200_000
"""Faces up to which a graph is not worth it: exact search takes some 8 ms for a probe of 512
numbers on two cores; and for many at a time, below 1 ms each, it is as fast as a graph."""

Outcome = Literal["current", "updated", "rebuilt"]


class GalleryIndex:
    """An index of a store's faces; see `open`. Threads may share one."""

    def __init__(
        self,
        source: FaceSource,
        keeper: Keeper,
        blank: Manifest,
        recall: float,
        exact_up_to: int,
    ) -> None:
        self._source = source
        self._keeper = keeper
        self._blank = blank
        self._recall = recall
        self._exact_up_to = exact_up_to
        self._turn = threading.Lock()
        self._state: State | None = None

    @classmethod
    def open(
        cls,
        source: FaceSource,
        folder: Path | None,
        *,
        dimension: int,
        numbers: Numbers = "bfloat16",
        recall: float = 1.0,
        exact_up_to: int = EXACT_UP_TO,
        cipher: Cipher | None = None,
    ) -> GalleryIndex:
        """The index of a store as it is now: opened, brought up to date, or made.

        Args:
            source: the store.
            folder: of the files (`people.db.index`); None keeps the index in memory.
            dimension: of the vectors.
            numbers: form of the vectors: `bfloat16` (2 bytes a number), `int8` (1 byte) or
                `float32` (4 bytes). The answers are the same.
            recall: the part of the answers, in (0, 1], that must be right. With 1 search is exact.
                With less, and more than `exact_up_to` faces, it uses a graph if there is one (see
                `prepare`) and its measured recall is enough.
            exact_up_to: faces up to which search is exact in any case.
            cipher: of a sealed gallery: its files are sealed too, and opened into memory.

        Raises:
            ValueError: an argument is outside its range.
            OSError: the files cannot be written, and are not up to date.
        """
        if not 0 < recall <= 1:
            raise ValueError(f"recall: expected more than 0 and at most 1, got {recall}")
        if dimension < 1:
            raise ValueError(f"dimension: expected at least 1, got {dimension}")
        files = None if cipher is None else SealedFiles(cipher)
        keeper = MemoryKeeper() if folder is None else FolderKeeper(folder, files)
        blank = Manifest(source.identity(), -1, dimension, numbers)
        index = cls(source, keeper, blank, recall, exact_up_to)
        index.refresh()
        return index

    def refresh(self) -> Outcome:
        """Bring the index up to date with its store; nothing to do costs next to nothing.

        Of a removed face nothing is left in the files afterwards: the segments that held it are
        written anew (131,072 faces at most, some tenths of a second each), and so is the graph
        (some seconds for a million faces). New faces cost what they are, now and then a segment.
        What is damaged, of another store or too old is made anew.

        Raises:
            OSError: the files cannot be written (or the old ones not removed).
        """
        state = self._state
        if self._is_current(state):
            return "current"
        with suppress(ValueError, OSError):  # which the writer below deals with
            state = self._keeper.load(state)
            if self._is_current(state) and not self._keeper.untidy(state):
                self._state = state
                return "current"
        with self._turn, self._keeper.lock():
            return self._updated()

    def rebuild(self) -> None:
        """Make the index anew, and its graph if there is to be one (see `prepare`)."""
        with self._turn, self._keeper.lock():
            self._built()
        self.prepare()

    def prepare(self) -> bool:
        """Make the graph for approximate search, or put into it what is new, if it is worth it.

        That takes a while (minutes for a million faces), so nothing else does it: after many faces
        were enrolled, this is to be called. Until then search is exact, and as right as ever.

        Returns:
            Whether something was done. Where usearch is missing nothing is.
        """
        with self._turn, self._keeper.lock():
            self._updated()
            state = self._now()
            entry = state.manifest.graph
            if self._recall == 1 or len(state) <= self._exact_up_to or not graph_lags(state):
                return False
            old = None
            if entry is not None and state.graph is not None:
                old = self._keeper.changeable(entry, state.graph)
        try:
            graph, faces = grown_graph(state, old)
        except ExtraMissingError:
            return False
        with self._turn, self._keeper.lock():
            self._updated()
            self._adopt(with_graph(self._now(), graph, faces, self._keeper))
        return True

    def search(self, probes: ArrayLike, k: int = 1, *, people: bool = False) -> Matches:
        """The faces that are most similar to each probe.

        Args:
            probes: unit vectors, (m, d) or (d,).
            k: faces (or people) for each probe, at least 1.
            people: the best face of each of the k best people, instead of the k best faces.

        Raises:
            ValueError: `k` or the shape of the probes is wrong, or they are not finite.
        """
        vectors = np.atleast_2d(np.asarray(probes, np.float32))
        d = self._blank.dimension
        if vectors.ndim != 2 or vectors.shape[1] != d:
            raise ValueError(f"probes: expected shape (m, {d}), got {np.shape(probes)}")
        if not np.isfinite(vectors).all():
            raise ValueError("probes: expected finite values, got NaN or infinity")
        if k < 1:
            raise ValueError(f"k: expected at least 1, got {k}")
        state = self._now()
        if not people:
            return self._faces(state, vectors, k)
        look = Remembering(state.segments)
        return best_people(partial(self._faces, state, look=look), vectors, k, len(state))

    def facts(self) -> IndexFacts:
        """Sizes, kind and stated recall."""
        state = self._now()
        return facts_of(state, self._expansion(state, 1), self._expansion(state, 10))

    def check(self) -> list[str]:
        """What is wrong: damaged files, or faces that are not the store's; empty if nothing is."""
        if isinstance(self._keeper, FolderKeeper):
            found = self._keeper.folder.problems()
            if found:
                return found
        self.refresh()
        state = self._now()
        mine = np.sort(np.concatenate([np.empty(0, np.int64), *(s.faces for s in state.segments)]))
        theirs = [block[0] for block in self._source.vectors()]
        if state.manifest.version != self._source.version():
            return []  # somebody enrols; another time
        if not np.array_equal(mine, np.concatenate([mine[:0], *theirs])):
            return ["index: its faces are not those of the store; rebuild it"]
        return []

    def close(self) -> None:
        """Give the files back."""
        self._state = None

    def _now(self) -> State:
        state = self._state
        if state is None:
            raise ValueError("index: it was closed")
        return state

    def _faces(
        self, state: State, probes: NDArray[np.float32], k: int, look: exact.Look | None = None
    ) -> Matches:
        vectors_of = self._source.vectors_of
        expansion = self._expansion(state, k)
        if expansion is None or state.graph is None:
            return exact.search(state.segments, probes, k, vectors_of, look)
        return approximate.search(state.graph, state.others(), probes, k, expansion, vectors_of)

    def _expansion(self, state: State, k: int) -> int | None:
        """The graph's width of search for k faces, or None where search is exact."""
        entry = state.manifest.graph
        if entry is None or state.graph is None or self._recall == 1 or k > approximate.MOST:
            return None
        if len(state) <= self._exact_up_to:
            return None
        return approximate.expansion_for(entry.recalls, self._recall, k)

    def _fits(self, state: State | None) -> TypeGuard[State]:
        """Whether it is an index of this store, in the form that was asked for."""
        if state is None:
            return False
        found, wanted = state.manifest, self._blank
        return (found.store, found.dimension, found.numbers) == (
            wanted.store,
            wanted.dimension,
            wanted.numbers,
        )

    def _is_current(self, state: State | None) -> TypeGuard[State]:
        return self._fits(state) and state.manifest.version == self._source.version()

    def _updated(self) -> Outcome:
        """`refresh`, for who has the lock."""
        try:
            state = self._keeper.load(self._state)
        except ValueError:
            state = None
        if not self._fits(state):
            self._built()
            return "rebuilt"
        if state.manifest.version == self._source.version():
            self._adopt(state)  # which removes what was left over
            return "current"
        changes = self._source.changes(state.manifest.version)
        if changes is None:
            self._built()
            return "rebuilt"
        # What was looked at just before may be among the changes again: it is put in anew. People
        # are not in the index: who was moved is found where it was.
        new = faces_of(self._source, changes.added)
        self._adopt(updated(state, changes, new, self._keeper))
        return "updated"

    def _built(self) -> None:
        version = self._source.version()  # before the faces: what changes meanwhile is not missed
        blank = Manifest(self._blank.store, version, self._blank.dimension, self._blank.numbers)
        self._adopt(built(self._source.vectors(), blank, self._keeper))

    def _adopt(self, state: State) -> None:
        self._keeper.commit(state)
        self._state = state
