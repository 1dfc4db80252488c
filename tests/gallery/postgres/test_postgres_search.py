"""Search by pgvector: exactly, by its index, and what is said of the recall."""

from __future__ import annotations

import numpy as np
import pytest

import postgres_server
from facewise.errors import GalleryError
from facewise.gallery import ModelFacts, NewFace, open_store
from facewise.gallery.own_search import WidthRecall
from facewise.gallery.search import GalleryIndex
from facewise.gallery.searching import StoreSearch, searcher

FULL = [WidthRecall(400, 1.0, 1.0)]


def exact(vectors, probes, k):
    """Face ids from 1 on, and similarities."""
    flat = vectors.reshape(-1, vectors.shape[-1])
    similarities = probes @ flat.T
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return order + 1, np.take_along_axis(similarities, order, axis=1)


@pytest.mark.parametrize("m", [1, 5, 40])
def test_without_an_index_search_is_exact(store, crowd, enrol, m):
    """One by one, and (many) with all vectors read once."""
    people = crowd(60)
    enrol(store, people)
    probes = crowd(m, 1)[:, 0]
    for k in (1, 7, 180, 500):
        faces, owners, similarities = store.search(probes, k)
        expected, best = exact(people, probes, min(k, 180))
        assert faces.dtype == owners.dtype == np.int64
        assert similarities.dtype == np.float32
        np.testing.assert_array_equal(faces, expected)
        np.testing.assert_array_equal(owners, (expected - 1) // 3 + 1)
        np.testing.assert_allclose(similarities, best, atol=1e-6)
    assert store.own_search.facts().kind == "exact"


def test_an_empty_gallery_finds_nothing(store, crowd):
    for m in (1, 40):
        found = store.search(crowd(m, 1)[:, 0], 3)
        assert [part.shape for part in found] == [(m, 0)] * 3
    assert store.search(np.empty((0, 64), np.float32), 3)[0].shape[0] == 0


def test_with_an_index_search_is_by_it_and_as_good_as_was_measured(store, crowd, enrol, sql):
    people = crowd(1000)
    enrol(store, people[:900])
    search = StoreSearch(store, exact_up_to=100)
    assert search.prepare()
    assert not search.prepare()  # once is enough
    facts = search.facts()
    assert (facts.kind, facts.has_index, facts.faces) == ("hnsw", True, 2700)
    assert (facts.by, facts.measured_with) == ("pgvector", 2700)
    assert min(facts.recall_at_1, facts.recall_at_10) >= 0.99
    enrol(store, people[900:], "later")  # which the index takes in by itself
    probes = people[::7, 0] * 0.9 + crowd(1, 1)[0] * 0.1
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    scans = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'search_hnsw'"
    faces, _, similarities = store.search(probes, 10)
    expected, best = exact(people, probes, 10)
    assert (faces[:, 0] == expected[:, 0]).mean() >= 0.98
    assert (similarities >= best - 1e-5).mean() >= 0.98
    store.close()  # the server counts when a connection ends
    assert sql(scans).fetchone()[0] >= len(probes)


def test_more_faces_than_the_index_gives_are_found_exactly(store, crowd, enrol):
    people = crowd(400)
    enrol(store, people)
    store.own_search.make_index()
    store.own_search.keep_recalls(FULL, 1200)
    probes = crowd(3, 1)[:, 0]
    for k in (1, 480, 1100, 1200):
        faces, _, _ = store.search(probes, k)
        expected, _ = exact(people, probes, k)
        assert faces.shape == (3, k)
        assert (np.sort(faces) == np.sort(expected)).mean() > 0.99


def test_removed_faces_in_the_index_do_not_hide_others(store, crowd, enrol):
    """Before they are erased: all that is near a probe may be gone."""
    people = crowd(300)
    enrol(store, people)
    with store.change() as change:
        near = change.add_person("many")
        probe = people[0, 0]
        faces = change.add_faces(near, [NewFace(probe + 0) for _ in range(1)])
    copies = np.tile(probe, (150, 1)) + 0.01 * crowd(1, 150)[0]
    copies /= np.linalg.norm(copies, axis=1, keepdims=True)
    with store.change() as change:
        change.add_faces(near, [NewFace(vector) for vector in copies])
    store.own_search.make_index()
    store.own_search.keep_recalls([WidthRecall(64, 1.0, 1.0)], 1051)
    assert (store.search(probe[None], 10)[1] == near).mean() >= 0.9
    with store.change() as change:
        assert change.remove_person(near) == len(faces) + 150
    found, owners, _ = store.search(probe[None], 10)
    np.testing.assert_array_equal(found, exact(people, probe[None], 10)[0])
    assert not (owners == near).any()
    store.erase()
    assert store.check() == []
    np.testing.assert_array_equal(store.search(probe[None], 1)[0], [[1]])


def test_a_count_that_is_wrong_is_told(store, crowd, enrol, sql):
    enrol(store, crowd(10))
    sql("UPDATE sizes SET rows = 31 WHERE name = 'faces'")
    for m in (1, 20):
        assert store.search(crowd(m, 1)[:, 0], 30)[0].shape == (m, 30)
        with pytest.raises(GalleryError, match="damaged"):
            store.search(crowd(m, 1)[:, 0], 31)
    sql("DELETE FROM sizes WHERE name = 'faces'")
    probes = crowd(1, 1)[:, 0]
    for call in (
        *(store.counts, store.own_search.facts, lambda: store.search(probes, 1)),
        lambda: store.change().__enter__(),
    ):
        with pytest.raises(GalleryError, match="damaged"):
            call()
    assert store.check() == ["sizes: nothing of faces"]


def test_people_who_move_are_found_where_they_are(store, crowd, enrol):
    people = crowd(50)
    ids, faces = enrol(store, people)
    store.own_search.make_index()
    store.own_search.keep_recalls(FULL, 150)
    with store.change() as change:
        change.move_faces(faces[0], ids[1])
    found = store.search(people[0, :1], 1)
    assert [part.tolist() for part in found[:2]] == [[[faces[0][0]]], [[ids[1]]]]


def test_an_index_that_others_dropped_or_that_is_not_whole(store, crowd, enrol, sql):
    people = crowd(100)
    enrol(store, people)
    search = StoreSearch(store, exact_up_to=10)
    search.prepare()
    probes = crowd(4, 1)[:, 0]
    sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'search_hnsw'::regclass")
    assert "not whole" in "".join(store.check())
    np.testing.assert_array_equal(store.search(probes, 5)[0], exact(people, probes, 5)[0])
    assert search.facts().kind == "exact"
    sql("DROP INDEX search_hnsw")
    assert store.check() == ["index: it is missing; rebuild it"]
    np.testing.assert_array_equal(store.search(probes, 5)[0], exact(people, probes, 5)[0])
    search.rebuild()
    assert store.check() == []
    assert search.facts().kind == "hnsw"


def test_a_recall_that_is_not_enough_means_exact_search(store, crowd, enrol):
    people = crowd(100)
    enrol(store, people)
    store.own_search.make_index()
    store.own_search.keep_recalls([WidthRecall(64, 0.995, 0.9), WidthRecall(128, 0.999, 0.98)], 300)
    facts = store.own_search.facts()
    assert (facts.kind, facts.recall_at_1, facts.recall_at_10) == ("hnsw", 0.995, 1.0)
    probes = crowd(4, 1)[:, 0]
    np.testing.assert_array_equal(store.search(probes, 5)[0], exact(people, probes, 5)[0])


def test_small_galleries_get_no_index(store, crowd, enrol):
    enrol(store, crowd(20))
    search = StoreSearch(store)
    assert not search.prepare()
    search.rebuild()
    assert not search.facts().has_index


def test_the_recall_is_measured_again_after_much_has_come(store, crowd, enrol):
    enrol(store, crowd(100))
    search = StoreSearch(store, exact_up_to=10)
    assert search.prepare()
    enrol(store, crowd(40), "q")
    assert not search.prepare()
    enrol(store, crowd(40), "r")
    assert search.prepare()
    assert search.facts().measured_with == 540


def test_a_gallery_is_searched_by_its_store(store, crowd, enrol):
    people = crowd(30)
    ids, faces = enrol(store, people)
    search = searcher(store)
    assert isinstance(search, StoreSearch)
    found = search.search(people[4], 3, people=True)
    assert (found.people[0, 0], found.faces[0, 0]) == (ids[4], faces[4][0])
    assert len(set(found.people[0].tolist())) == 3
    assert search.check() == []


def test_what_the_server_cannot_read_is_searched_here(url, crowd, enrol):
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    key = bytes(range(32))
    with open_store(url, create=ModelFacts({"model": "probe"}, 64), key=key) as store:
        people = crowd(30)
        ids, _ = enrol(store, people)
        assert store.search(people[0], 1) is None
        search = searcher(store)
        assert isinstance(search, GalleryIndex)
        assert search.search(people[7, :1], 1).people.tolist() == [[ids[7]]]


@pytest.mark.parametrize(
    ("d", "indexed"), [(1900, True), (2500, True), (4000, True), (4500, False)]
)
def test_vectors_of_many_numbers(d, indexed, rng):
    """In a page or beside it; and up to 4000 numbers there can be an index."""
    url = postgres_server.gallery_url()
    vectors = rng.standard_normal((40, d)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with open_store(url, create=ModelFacts({"model": "probe"}, d)) as store:
        with store.change() as change:
            change.add_faces(change.add_person("Ann"), [NewFace(vector) for vector in vectors])
        assert StoreSearch(store, exact_up_to=10).prepare() == indexed
        assert store.own_search.facts().kind == ("hnsw" if indexed else "exact")
        assert store.search(vectors[[3, 9]], 1)[0].tolist() == [[4], [10]]
        np.testing.assert_array_equal(np.concatenate([b.vectors for b in store.vectors()]), vectors)
        assert store.check() == []


def test_one_process_makes_the_index_and_others_do_without(url, store, crowd, enrol, sql):
    """Nobody's enrolment fails because it is made elsewhere, or may only be made by the owner."""
    from facewise.gallery.stores.postgres.address import parsed

    enrol(store, crowd(50))
    search = StoreSearch(store, exact_up_to=10)
    lock = parsed(url).lock("index")
    sql("SELECT pg_advisory_lock(%s)", (lock,))
    assert not search.prepare()
    sql("SELECT pg_advisory_unlock(%s)", (lock,))
    name = url.rpartition("=")[2]
    sql(f"CREATE ROLE {name} LOGIN PASSWORD 'clerk'")
    sql(f"GRANT USAGE ON SCHEMA {name} TO {name}")
    sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO {name}")
    place = url.partition("@")[2]
    with open_store(f"postgresql://{name}:clerk@{place}") as other:
        enrol(other, crowd(5), "clerk's")
        theirs = StoreSearch(other, exact_up_to=10)
        assert not theirs.prepare()
        assert search.prepare()
        assert not theirs.prepare()
        theirs.rebuild()
        assert theirs.facts() == search.facts()
        assert theirs.facts().kind == "hnsw"
        assert other.check() == []
