"""What a gallery searches with: its store's own search, or an index beside the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from facewise.gallery.search import GalleryIndex, Matches
from facewise.gallery.search.grouping import best_people

if TYPE_CHECKING:
    from facewise.gallery.records import Vectors
    from facewise.gallery.search import IndexFacts
    from facewise.gallery.store import Store

RECALL = 0.99
"""The part of answers that must be right where a gallery is so large that search is approximate."""


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

    def facts(self) -> IndexFacts | None:
        """Sizes and promises; None where they are the store's own affair."""

    def close(self) -> None:
        """Give the files back."""


def searcher(store: Store) -> Searcher:
    """What to search a store with, up to date.

    Raises:
        GalleryError: the store cannot be read.
        OSError: the files of the index cannot be written, and are not up to date.
    """
    dimension = store.facts().embedding_size
    if store.search(np.eye(1, dimension, dtype=np.float32), 1) is not None:
        return StoreSearch(store)
    return GalleryIndex.open(store, index_folder(store), dimension=dimension, recall=RECALL)


def index_folder(store: Store) -> Path | None:
    """Where the index of a store lies: beside its first file; None (in memory) without files."""
    files = store.files()
    return files[0].with_name(f"{files[0].name}.index") if files else None


class StoreSearch:
    """A store's own search.

    Args:
        store: whose `search` gives an answer.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

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

    def prepare(self) -> None:
        """Nothing to do."""

    def rebuild(self) -> None:
        """Nothing to do."""

    def check(self) -> list[str]:
        """Nothing that the store's own check does not see."""
        return []

    def facts(self) -> None:
        """The store's own affair."""
        return

    def close(self) -> None:
        """Nothing to do."""
