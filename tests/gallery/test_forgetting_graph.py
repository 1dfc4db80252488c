"""The graph of the index holds vectors too, as int8; nothing of who was forgotten stays in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byte_search import forms, pieces_in
from facewise import Gallery
from facewise.gallery import ModelFacts, NewFace, open_store
from facewise.gallery.search import GalleryIndex
from facewise.gallery.searching import index_folder

D = 96
usearch = pytest.importorskip(
    "usearch.index", reason="usearch is not installed", exc_type=ImportError
)


@pytest.fixture
def vectors(rng: np.random.Generator) -> Any:
    rows = rng.standard_normal((600, D)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def gallery(tmp_path: Path, vectors: Any) -> Iterator[Gallery]:
    """Three hundred people with two faces each, who are many enough for a graph."""
    facts = ModelFacts({"model": "probe.graph"}, D)
    with Gallery(open_store(tmp_path / "people.db", create=facts)) as made:
        with made.store.change() as change:
            for i in range(300):
                person = change.add_person(f"person {i:03}")
                change.add_faces(person, [NewFace(vector) for vector in vectors[2 * i : 2 * i + 2]])
        made._index = GalleryIndex.open(
            made.store, index_folder(made.store), dimension=D, recall=0.9, exact_up_to=100
        )
        made.index.prepare()
        yield made


def graph_holds(gallery: Gallery, vectors: Any) -> set[str]:
    """Which rows the file of the graph has in the form that the graph has."""
    folder = index_folder(gallery.store)
    assert folder is not None
    [file] = folder.glob("*.hnsw")
    sought = {str(i): forms(vector)["int8 of bfloat16"] for i, vector in enumerate(vectors)}
    return pieces_in([file], sought)


def test_who_is_forgotten_is_gone_from_the_graphs_file(gallery: Gallery, vectors: Any) -> None:
    facts = gallery.index.facts()
    assert facts is not None
    assert facts.kind == "hnsw"
    assert len(graph_holds(gallery, vectors)) == 600  # the search of bytes finds what is there
    for i in (7, 8, 250):
        gallery.forget(f"person {i:03}")
    gallery.forget(faces=[1])
    gone = {*(str(row) for i in (7, 8, 250) for row in (2 * i, 2 * i + 1)), "0"}
    assert graph_holds(gallery, vectors) == {str(i) for i in range(600)} - gone
    facts = gallery.index.facts()
    assert facts is not None
    assert (facts.kind, facts.in_graph) == ("hnsw", 593)  # it is still the graph that searches
    found = gallery.index.search(vectors, 1).faces[:, 0]
    kept = np.array([i for i in range(600) if str(i) not in gone])
    assert (found[kept] == kept + 1).mean() > 0.9
    assert gallery.check() == []


def test_who_is_forgotten_by_another_process_is_gone_as_soon_as_this_one_looks(
    gallery: Gallery, vectors: Any, tmp_path: Path
) -> None:
    with open_store(tmp_path / "people.db") as other, other.change() as change:
        change.remove_person(8)
    assert {"14", "15"} <= graph_holds(gallery, vectors)  # what it would be about
    gallery.candidates(vectors[:1])
    assert len(graph_holds(gallery, vectors)) == 598


def test_usearch_itself_leaves_the_vectors_that_it_removes(tmp_path: Path, vectors: Any) -> None:
    """Why `Graph.remove` puts blanks into their places. If this fails, it need not any more."""
    index = usearch.Index(ndim=D, metric="cos", dtype="i8")
    coded = np.stack([np.frombuffer(forms(v)["int8 of bfloat16"], np.int8) for v in vectors])
    index.add(np.arange(600, dtype=np.uint64), coded)
    index.remove(np.arange(10, dtype=np.uint64))
    index.save(str(tmp_path / "graph"))
    sought = {str(i): coded[i].tobytes() for i in range(10)}
    assert pieces_in([tmp_path / "graph"], sought) == set(sought)
