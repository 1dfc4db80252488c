"""Approximate search: a graph that keeps its promise, and forgets."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from facewise.gallery.search import GalleryIndex
from facewise.gallery.search.approximate import expansion_for
from facewise.gallery.search.coding import code
from facewise.gallery.search.hnsw import Graph

D = 48


@pytest.fixture
def usearch():
    return pytest.importorskip(
        "usearch.index", reason="usearch is not installed", exc_type=ImportError
    )


@pytest.fixture
def place(tmp_path):
    return tmp_path / "people.db.index"


@pytest.fixture
def store(new_store, fill):
    return fill(new_store(), 500)


def opened(store, place, recall=0.95, exact_up_to=500):
    return GalleryIndex.open(store, place, dimension=D, recall=recall, exact_up_to=exact_up_to)


def needle(vector):
    """The bytes of a vector in the graph, which was made of the index's bfloat16."""
    kept = code(vector[None], "bfloat16").decoded().numpy()
    return bytes(code(kept, "int8").values.untyped_storage())


def found_in(place, sought):
    return any(sought in path.read_bytes() for path in place.iterdir())


def recall_of(index, store, best_of, probes, k):
    found = index.search(probes, k).faces
    faces, _, _ = best_of(store, probes, k)
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(found, faces, strict=True)])


@pytest.mark.parametrize("files", [True, False])
def test_the_stated_recall_is_kept(usearch, store, place, files, best_of, people_vectors):
    index = opened(store, place if files else None)
    assert index.facts().kind == "exact"  # opening does not take minutes
    assert index.prepare()
    facts = index.facts()
    assert (facts.kind, facts.in_graph) == ("hnsw", 2000)
    assert 0.95 <= facts.recall_at_1 <= 1
    probes = people_vectors(500, 5, seed=0)[::7]  # of the people in the gallery
    assert recall_of(index, store, best_of, probes, 1) >= 0.95
    assert recall_of(index, store, best_of, probes, 10) >= 0.93
    found = index.search(probes, 3)
    similarities = np.sort(best_of(store, probes, 3)[2], axis=1)[:, ::-1]
    assert np.abs(found.similarities - similarities).max(axis=1).min() < 1e-6  # of float32


def test_a_second_opening_maps_the_graph(usearch, store, place, best_of, people_vectors):
    opened(store, place).prepare()
    again = opened(store, place)
    assert again.facts().kind == "hnsw"
    assert not again.prepare()
    assert store.reads == 1
    probes = people_vectors(500, 5, seed=0)[::50]
    assert recall_of(again, store, best_of, probes, 1) >= 0.95
    assert again.search(probes[0]).faces.shape == (1, 1)


def test_it_is_exact_unless_less_was_asked_for(usearch, store, place, best_of, people_vectors):
    opened(store, place).prepare()
    for index in (opened(store, place, recall=1.0), opened(store, place, exact_up_to=2000)):
        assert index.facts().kind == "exact"
        assert not index.prepare()
        assert recall_of(index, store, best_of, people_vectors(100, 1, seed=4), 5) == 1
    assert expansion_for([(64, 0.9, 0.5), (128, 0.99, 0.8)], 0.9, 1) == 64
    assert expansion_for([(64, 0.9, 0.5), (128, 0.99, 0.8)], 0.8, 2) == 128
    assert expansion_for([(64, 0.9, 0.5), (128, 0.99, 0.8)], 0.9, 2) is None


def test_new_faces_are_found_before_they_are_in_the_graph(usearch, store, place, people_vectors):
    index = opened(store, place)
    index.prepare()
    new = people_vectors(30, 1, seed=77)
    ids = store.add(1, new)
    assert index.refresh() == "updated"
    assert index.facts().in_graph == 2000
    assert index.search(new).faces[:, 0].tolist() == ids
    assert not index.prepare()  # too few to be worth it
    more = people_vectors(300, 1, seed=78)
    ids = store.add(2, more)
    assert index.prepare()
    assert index.facts().in_graph == 2330
    assert (index.search(more).faces[:, 0] == ids).mean() >= 0.95
    assert index.check() == []


def test_nothing_of_forgotten_faces_is_left_in_the_graph(
    usearch, store, place, best_of, people_vectors
):
    index = opened(store, place)
    index.prepare()
    gone = np.random.default_rng(0).choice(sorted(store.kept), 300, replace=False).tolist()
    sought = [needle(store.kept[face][1]) for face in gone]
    assert all(found_in(place, one) for one in sought[:20])
    store.remove(gone)
    index.refresh()
    for one in sought:
        assert not found_in(place, one)
    assert (index.facts().kind, index.facts().in_graph) == ("hnsw", 1700)
    probes = people_vectors(500, 5, seed=0)[::7]
    assert not np.isin(index.search(probes, 20).faces, gone).any()
    assert recall_of(index, store, best_of, probes, 1) >= 0.95
    # and what comes back into the graph's file afterwards is not what was there
    store.add(1, people_vectors(400, 1, seed=78))
    assert index.prepare()
    assert not any(found_in(place, one) for one in sought)
    assert recall_of(index, store, best_of, probes, 1) >= 0.95


def test_a_worn_graph_is_made_anew(usearch, store, place):
    index = opened(store, place)
    index.prepare()
    store.remove(sorted(store.kept)[::4])
    index.refresh()
    assert index._state.manifest.graph.blanks == 500
    index = opened(store, place, exact_up_to=100)
    assert index.prepare()
    assert (index.facts().in_graph, index._state.manifest.graph.blanks) == (1500, 0)


def test_a_twin_of_a_forgotten_face_stays(usearch, store, place):
    [twin] = store.add(9999, [store.kept[9][1]])
    index = opened(store, place)
    index.prepare()
    vector = store.kept[9][1]
    store.remove([9])
    index.refresh()
    assert index.search(vector).faces.tolist() == [[twin]]
    store.remove([twin])
    index.refresh()
    assert not found_in(place, needle(vector))


@pytest.mark.parametrize("kind", ["bit", "cut", "gone"])
def test_a_damaged_graph_is_never_searched(usearch, store, place, kind):
    opened(store, place).prepare()
    [path] = place.glob("*.hnsw")
    data = bytearray(path.read_bytes())
    data[len(data) - 99] ^= 255
    path.unlink()
    if kind != "gone":
        path.write_bytes(data if kind == "bit" else data[:-8])
    index = opened(store, place)
    assert index.facts().kind == "exact"
    assert store.reads == 2
    assert index.prepare()
    assert index.facts().kind == "hnsw"


def test_changes_while_the_graph_is_made_are_not_lost(
    usearch, store, place, monkeypatch, people_vectors
):
    index = opened(store, place)
    vector = store.kept[9][1]
    new = people_vectors(3, 1, seed=77)
    whole = Graph.add

    def slowly(self, segments):
        whole(self, segments)
        monkeypatch.setattr(Graph, "add", whole)
        store.remove([9])
        store.add(4, new)
        opened(store, place)  # another process brings the files up to date

    monkeypatch.setattr(Graph, "add", slowly)
    index.prepare()
    assert index.facts().faces == 2002
    assert not found_in(place, needle(vector))
    assert index.search(new).faces[:, 0].tolist() == [2001, 2002, 2003]
    assert index.check() == []
    found = index.search(people_vectors(20, 1, seed=3), 30).faces
    assert all(len(set(row)) == 30 for row in found.tolist())


def test_without_usearch_search_is_exact(store, place, monkeypatch, usearch, best_of):
    opened(store, place).prepare()
    vector = store.kept[9][1]
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    index = opened(store, place)
    assert index.facts().kind == "exact"
    assert not index.prepare()
    assert len(list(place.glob("*.hnsw"))) == 1  # others can use it
    store.remove([9])
    index.refresh()
    assert not list(place.glob("*.hnsw"))  # it cannot forget, so it goes
    assert not found_in(place, needle(vector))
    assert index.search(store.kept[10][1]).faces.tolist() == [[10]]
