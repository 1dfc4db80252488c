"""After erasing, no table or index of the database holds what was removed."""

from __future__ import annotations

import json

import numpy as np
import psycopg
import pytest

import postgres_server
from byte_search import pieces_in
from facewise.errors import GalleryError
from facewise.gallery import NewFace, open_store
from facewise.gallery.own_search import WidthRecall

D = 64


@pytest.fixture
def url():
    """In a database of its own, whose files are searched."""
    return postgres_server.of_gallery(postgres_server.database_url(), "people")


@pytest.fixture
def held(url):
    """Which of some texts are in the files of the database."""

    def look(sought):
        files = postgres_server.files_of(url)
        if not files:
            pytest.skip("the server's files are not on this machine")
        return pieces_in(files, sought)

    return look


def traces(name, faces):
    """What may be left of a person: everything, in each form that the server has it in."""
    found = {f"{name}: name": name.encode(), f"{name}: key": name.casefold().encode()}
    found |= {f"{name}: {what}": f"{name} {what}".encode() for what in ("notes", "consent")}
    for i, face in enumerate(faces):
        found[f"{name}: {i} vector"] = face.vector.astype("<f4").tobytes()
        found[f"{name}: {i} index"] = face.vector.astype("<f2").tobytes()
        found[f"{name}: {i} source"] = face.source.encode()
        found[f"{name}: {i} chip"] = face.chip
    return found


def add(store, rng, name, count=3):
    vectors = rng.standard_normal((count, D)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    faces = [NewFace(v, f"{rng.bytes(9).hex()}.jpg", chip=rng.bytes(300)) for v in vectors]
    with store.change() as change:
        person = change.add_person(name, f"{name} notes", f"{name} consent")
        ids = change.add_faces(person, faces)
    return person, ids, faces


def indexed(store):
    """With an index, though there are few faces."""
    store.own_search.make_index()
    store.own_search.keep_recalls([WidthRecall(400, 1.0, 1.0)], store.counts().faces)


def test_nothing_is_left_of_people_names_and_faces(store, rng, held, sql):
    """Among others that come, go and stay; and of what the planner had sampled."""
    live, gone = {}, {}
    for step in range(60):
        name = f"Q{rng.bytes(8).hex()}"
        person, ids, faces = add(store, rng, name)
        live[person] = name, ids, faces
        if step == 20:
            indexed(store)
        if step == 40:
            sql("ANALYZE")  # as the server does by itself, now and then
        if step % 3 == 0:
            person = int(rng.choice(list(live)))
            name, _, faces = live.pop(person)
            gone |= traces(name, faces)
            with store.change() as change:
                change.remove_person(person)
        elif step % 3 == 1:
            person = int(rng.choice(list(live)))
            old, ids, faces = live[person]
            new = f"R{rng.bytes(8 + int(rng.integers(20))).hex()}"
            gone |= traces(old, faces[:1])
            with store.change() as change:
                change.update_person(
                    person, name=new, notes=f"{new} notes", consent=f"{new} consent"
                )
                change.remove_faces(ids[:1])
            live[person] = new, ids[1:], faces[1:]
            if len(ids) == 1:
                del live[person]
    kept = {k: v for name, _, faces in live.values() for k, v in traces(name, faces).items()}
    assert {k for k in kept if "index" not in k} <= held(kept)  # the search finds what is there
    assert any("index" in k for k in held(kept))
    store.erase()
    assert held(gone) == set()
    assert {k for k in kept if "index" not in k} <= held(kept)
    assert store.check() == []
    probe = live[person][2][-1].vector
    assert store.search(probe[None], 1)[1].tolist() == [[person]]
    assert store.own_search.facts().kind == "hnsw"


def test_who_looks_at_an_old_state_elsewhere_keeps_nothing_alive(url, store, rng, held):
    """VACUUM FULL would copy rows for a transaction that is open in the same database."""
    person, _, faces = add(store, rng, "Quentin Quince")
    add(store, rng, "Ann")
    with psycopg.connect(postgres_server.plain(url)) as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT count(*) FROM pg_class")
        with store.change() as change:
            change.remove_person(person)
        store.erase()
        assert held(traces("Quentin Quince", faces)) == set()
        assert store.check() == []


def test_an_index_waits_for_who_looks_at_an_old_state(url, store, rng, held):
    person, _, faces = add(store, rng, "Quentin Quince")
    add(store, rng, "Ann")
    indexed(store)
    from facewise.gallery.stores.postgres import open_store as open_postgres

    with (
        psycopg.connect(postgres_server.plain(url)) as other,
        open_postgres(url, wait=0.3) as impatient,
    ):
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT count(*) FROM pg_class")
        with store.change() as change:
            change.remove_person(person)
        with pytest.raises(GalleryError, match="in use by others"):
            impatient.erase()
        assert "not erased" in store.check()[0]
        other.rollback()
        impatient.erase()
        assert held(traces("Quentin Quince", faces)) == set()
        assert store.check() == []


@pytest.mark.slow
def test_an_index_is_cleaned_after_many_came_at_once(store, rng, held):
    """PostgreSQL gives a table more pages than it needs then; those stay empty."""
    add(store, rng, "Ann")
    indexed(store)
    person, _, faces = add(store, rng, "Quentin Quince", 4000)
    assert "Quentin Quince: 7 index" in held(traces("Quentin Quince", faces))
    with store.change() as change:
        change.remove_person(person)
    store.erase()
    assert held(traces("Quentin Quince", faces)) == set()
    assert store.check() == []


def test_others_do_not_notice_that_tables_are_written_anew(url, store, rng):
    """Who reads on while it happens, and whose statements are prepared, finds all that is there."""
    names = {add(store, rng, f"p{i}")[0]: f"p{i}" for i in range(20)}
    with open_store(url) as other:
        for _ in range(8):
            assert {person.id: person.name for person in other.people()} == names
            for person in names:
                assert len(other.faces(person)) == 3
            with store.change() as change:
                gone, _ = names.popitem()
                change.remove_person(gone)
            store.erase()
        assert other.check() == []


def test_erasing_takes_away_what_an_old_key_opens(url, rng, held, sql):
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    old, new = rng.bytes(32), rng.bytes(32)
    from facewise.gallery import ModelFacts

    with open_store(url, create=ModelFacts({"model": "probe"}, D), key=old) as store:
        add(store, rng, "Ann")
        (sealing,) = sql("SELECT sealing FROM state").fetchone()
        wrapped = {"old": json.loads(sealing)["key"].encode()}
        assert held(wrapped) == {"old"}
        store.change_key(new)
        assert held(wrapped) == set()
        assert store.check() == []
