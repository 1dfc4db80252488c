"""Ways of searching a gallery, each in a process of its own that holds nothing else.

Each is a generator: its first value is what the process holds once it can search (bytes beyond
what its libraries took); each further one the ten best faces of the next probes of a schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.memory import resident

if TYPE_CHECKING:
    from facewise.gallery.search import GalleryIndex
    from facewise.gallery.store import Store

K = 10
_CHUNK = 65_536

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Schedule = Sequence[tuple[int, int]]
"""From which row of the probes to which, one entry a call."""


def numpy_flat(work: Path, schedule: Schedule) -> Iterator[Any]:
    """A product with the whole matrix in float32, part by part, and the largest of each."""
    before = resident(largest=False)
    faces: Floats = np.load(work / "faces.npy")
    yield resident(largest=False) - before
    for probes in _scheduled(work, schedule):
        yield best_rows(faces, probes) + 1


def best_rows(faces: Floats, probes: Floats, k: int = K) -> Ids:
    """The rows of the k largest products of each probe, the largest first."""
    values = np.empty((len(probes), 0), np.float32)
    rows = np.empty((len(probes), 0), np.int64)
    for start in range(0, len(faces), _CHUNK):
        found = probes @ faces[start : start + _CHUNK].T
        top = np.argpartition(found, -k, axis=1)[:, -k:] if found.shape[1] > k else _all(found)
        values = np.concatenate([values, np.take_along_axis(found, top, 1)], 1)
        rows = np.concatenate([rows, top + start], 1)
    order = np.argsort(-values, axis=1)[:, :k]
    best: Ids = np.take_along_axis(rows, order, 1)
    return best


def _all(found: Floats) -> Ids:
    return np.broadcast_to(np.arange(found.shape[1]), found.shape)


def faiss_flat(work: Path, schedule: Schedule) -> Iterator[Any]:
    """faiss' exact index."""
    import faiss

    before = resident(largest=False)
    faces = np.load(work / "faces.npy", mmap_mode="r")
    index = faiss.IndexFlatIP(faces.shape[1])
    for start in range(0, len(faces), _CHUNK):
        index.add(np.array(faces[start : start + _CHUNK]))
    del faces
    yield resident(largest=False) - before
    for probes in _scheduled(work, schedule):
        yield index.search(probes, K)[1] + 1


def h5_loop(work: Path, schedule: Schedule) -> Iterator[Any]:
    """As facerec does: open the file, and compare with one person after another."""
    import h5py

    yield 0
    for probes in _scheduled(work, schedule):
        best: list[list[tuple[float, int]]] = [[] for _ in probes]
        with h5py.File(work / "faces.h5") as file:
            first = 1
            for person in file.values():
                faces = person["embedding"][:]
                for row, found in enumerate((probes @ faces.T).tolist()):
                    best[row] += zip(found, range(first, first + len(faces)), strict=True)
                    best[row] = sorted(best[row], reverse=True)[:K]
                first += len(faces)
        yield np.array([[face for _, face in row] for row in best])


def facewise_index(work: Path, schedule: Schedule, url: str, mode: str) -> Iterator[Any]:
    """facewise: a store and its index, as `Gallery` opens them."""
    from facewise.gallery import open_store

    _warm()
    before = resident(largest=False)
    with open_store(url) as store:
        index = open_index(store, mode)
        d = store.facts().embedding_size
        index.search(np.eye(1, d, dtype=np.float32), K)  # maps the files
        yield resident(largest=False) - before
        for probes in _scheduled(work, schedule):
            index.refresh()
            yield index.search(probes, K).faces


def open_index(store: Store, mode: str) -> GalleryIndex:
    """An index with a form of numbers that is exact, or with the mode `graph` a gallery's own."""
    from facewise.gallery.search import GalleryIndex
    from facewise.gallery.searching import RECALL

    graph = mode == "graph"
    return GalleryIndex.open(
        store,
        index_folder(store, mode),
        dimension=store.facts().embedding_size,
        numbers="bfloat16" if graph else mode,
        recall=RECALL if graph else 1.0,
        exact_up_to=0,
    )


def index_folder(store: Store, mode: str) -> Path:
    """Where an index lies."""
    file = store.files()[0]
    return file.with_name(f"{file.name}.index" if mode == "graph" else f"{file.name}.{mode}.index")


def store_search(work: Path, schedule: Schedule, url: str) -> Iterator[Any]:
    """facewise: a store that searches by itself."""
    from facewise.gallery import open_store
    from facewise.gallery.searching import searcher

    _warm()
    before = resident(largest=False)
    with open_store(url) as store:
        index = searcher(store)
        index.search(np.eye(1, store.facts().embedding_size, dtype=np.float32), K)
        yield resident(largest=False) - before
        for probes in _scheduled(work, schedule):
            index.refresh()
            yield index.search(probes, K).faces


def facewise_identify(work: Path, schedule: Schedule, url: str) -> Iterator[Any]:
    """facewise: from vectors to named people, as `facewise gallery identify` does."""
    from facewise.gallery import open_store
    from facewise.gallery.candidates import candidates_of
    from facewise.gallery.searching import searcher
    from facewise.gallery.templates import DEFAULT_TEMPLATE

    _warm()
    before = resident(largest=False)
    with open_store(url) as store:
        index = searcher(store)
        candidates_of(store, index, _probes(work)[:1], template=DEFAULT_TEMPLATE)
        yield resident(largest=False) - before
        for probes in _scheduled(work, schedule):
            found = candidates_of(store, index, probes, template=DEFAULT_TEMPLATE)
            yield np.array([[row[0].face_id if row else -1] for row in found])


def _warm() -> None:
    """Load the libraries, which are not the gallery."""
    import torch

    import facewise.gallery  # noqa: F401

    torch.ones(256, 256, dtype=torch.bfloat16) @ torch.ones(256, 256, dtype=torch.bfloat16)


def _probes(work: Path) -> Floats:
    probes: Floats = np.load(work / "probes.npy")
    return probes


def _scheduled(work: Path, schedule: Schedule) -> Iterator[Floats]:
    probes = _probes(work)
    for start, stop in schedule:
        yield probes[start:stop]


Work = Callable[..., Iterator[Any]]
