"""What a gallery searches with: its store's own search, or an index beside the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from facewise.gallery.measuring import measured_recalls
from facewise.gallery.own_search import RECALL, SearchingStore
from facewise.gallery.search import GalleryIndex, Matches
from facewise.gallery.search.grouping import best_people

if TYPE_CHECKING:
    from facewise.gallery.own_search import OwnSearchFacts
    from facewise.gallery.records import Vectors
    from facewise.gallery.search import IndexFacts
    from facewise.gallery.store import Store

OWN_EXACT_UP_TO = 20_000
"""Faces up to which a store that searches by itself needs no index: comparing with all takes it
some 10 ms for a probe of 512 numbers."""

_GROWTH = 1.5  # of the number of faces, until the recall is measured again


class Searcher(Protocol):
    """Finds the faces that are most similar to probes; see `GalleryIndex` for the methods."""

    def refresh(self) -> object:
        """Take in what has changed in the store; what was removed is gone from all files."""

    def search(self, probes: Vectors, k: int = 1, *, people: bool = False) -> Matches:
        """The k best faces, or the best face of each of the k best people; (m, k)."""

    def prepare(self) -> object:
        """Do what makes searches fast after many faces were added."""

    def rebuild(self) -> None:
        """Make everything anew."""

    def check(self) -> list[str]:
        """What is wrong."""

    def facts(self) -> IndexFacts | OwnSearchFacts | None:
        """Sizes and promises; None where a store does not tell."""

    def close(self) -> None:
        """Give the files back."""


def searcher(store: Store) -> Searcher:
    """What to search a store with, up to date.

    Raises:
        GalleryError: the store cannot be read.
        OSError: the files of the index cannot be written, and are not up to date.
    """
    dimension = store.facts().embedding_size
    own = store.own_search if isinstance(store, SearchingStore) else None
    if own is not None or store.search(np.empty((0, dimension), np.float32), 1) is not None:
        return StoreSearch(store)
    folder = index_folder(store)
    return GalleryIndex.open(store, folder, dimension=dimension, recall=RECALL, cipher=store.cipher)


def index_folder(store: Store) -> Path | None:
    """Where the index of a store lies: beside its first file; None (in memory) without files."""
    files = store.files()
    return files[0].with_name(f"{files[0].name}.index") if files else None


class StoreSearch:
    """A store's own search.

    It answers from the store as it is, and keeps nothing here: many who search a large gallery need
    no copies of its vectors.

    Args:
        store: whose `search` gives an answer.
        exact_up_to: faces up to which no index for approximate search is made.
    """

    def __init__(self, store: Store, exact_up_to: int = OWN_EXACT_UP_TO) -> None:
        self._store = store
        self._exact_up_to = exact_up_to
        self._own = store.own_search if isinstance(store, SearchingStore) else None

    def search(self, probes: Vectors, k: int = 1, *, people: bool = False) -> Matches:
        """See `GalleryIndex.search`.

        Raises:
            GalleryError: the store cannot be reached.
        """
        probes = np.atleast_2d(probes)
        if people:
            return best_people(self._faces, probes, k, self._store.counts().faces)
        return self._faces(probes, k)

    def _faces(self, probes: Vectors, k: int) -> Matches:
        found = self._store.search(probes, k)
        assert found is not None  # noqa: S101 - `searcher` asked
        return Matches(*found)

    def refresh(self) -> None:
        """Nothing to do."""

    def prepare(self) -> bool:
        """Make the store's index if it is worth it and there is none; see `GalleryIndex.prepare`.

        The store keeps it up to date. Its recall is measured, and again when there are many more
        faces.
        """
        facts = None if self._own is None else self._own.facts()
        if self._own is None or facts is None or facts.faces <= self._exact_up_to:
            return False
        if facts.has_index and facts.faces <= _GROWTH * facts.measured_with:
            return False
        if not facts.has_index and not self._own.make_index():
            return False
        self._own.keep_recalls(measured_recalls(self._own), facts.faces)
        return True

    def rebuild(self) -> None:
        """Make the store's index anew, if there is to be one."""
        if self._own is not None and self._own.facts().faces > self._exact_up_to:
            self._own.make_index()
            self.prepare()

    def check(self) -> list[str]:
        """Nothing that the store's own check does not see."""
        return []

    def facts(self) -> OwnSearchFacts | None:
        """See `Searcher.facts`."""
        return None if self._own is None else self._own.facts()

    def close(self) -> None:
        """Nothing to do."""
