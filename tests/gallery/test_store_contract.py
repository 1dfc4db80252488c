"""What every store has to pass; see `facewise.gallery.store` and `facewise.gallery.change`."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from uuid import uuid4

import numpy as np
import pytest

from byte_search import pieces_in
from facewise.errors import FacewiseError, GalleryError, ModelMismatchError
from facewise.gallery import ModelFacts, NewFace
from facewise.gallery import open_store as open_any_store
from facewise.gallery.names import checked_name, name_key
from milvus_server import contents, server_port
from postgres_server import gallery_url

D = 64
FACTS = ModelFacts({"model": "probe.colour", "weights": "ab" * 32, "flip": True}, D)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40

KEY, NEW_KEY = bytes(range(32)), bytes(range(32, 64))


class SealedUrl(str):
    """Of a gallery that is sealed with `KEY`."""


def open_store(url, create=None):
    return open_any_store(url, create, KEY if isinstance(url, SealedUrl) else None)


STORES = {
    "sqlite": lambda folder: f"sqlite:///{folder}/people.db",
    "sqlite-sealed": lambda folder: SealedUrl(f"sqlite:///{folder}/people.db"),
    "postgres": lambda _: gallery_url(),
    "postgres-sealed": lambda _: SealedUrl(gallery_url()),
    "milvus": lambda folder: f"milvus:///{folder}/people",
    "milvus-server": lambda folder: (
        f"milvus://127.0.0.1:{server_port()}/p{uuid4().hex}?records={folder}/records.db"
    ),
    "milvus-postgres": lambda _: (
        f"milvus://127.0.0.1:{server_port()}/p{uuid4().hex}?records={gallery_url()}"
    ),
}
"""For each store a new URL, given an empty folder."""


@pytest.fixture(params=sorted(STORES))
def url(request, tmp_path):
    if request.param.endswith("-sealed"):
        pytest.importorskip("cryptography", reason="cryptography is not installed")
    if request.param.startswith("milvus"):
        pytest.importorskip("pymilvus", reason="pymilvus is not installed")
        pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(url):
    with open_store(url, create=FACTS) as store:
        yield store


@pytest.fixture
def unit(rng):
    """Makes a vector of unit length, or rows of them."""

    def make(n=None):
        vectors = rng.standard_normal((n or 1, D)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors if n else vectors[0]

    return make


def all_vectors(store, **options):
    blocks = list(store.vectors(**options))
    if not blocks:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, D), np.float32)
    return tuple(np.concatenate(parts) for parts in zip(*blocks, strict=True))


def picture(store):
    """Everything that can be read, for comparison."""
    people = store.people()
    faces = [face for person in people for face in store.faces(person.id)]
    ids, persons, vectors = all_vectors(store)
    return (
        *(people, faces, ids.tolist(), persons.tolist(), vectors.tobytes(), store.counts()),
        *(store.version(), [store.chip(face.id) for face in faces], store.audit()),
    )


def add(store, name, vectors, **fields):
    with store.change() as change:
        person = change.add_person(name, **fields)
        return person, change.add_faces(person, [NewFace(v) for v in vectors])


# --- opening


def test_a_new_store_is_empty(store):
    assert store.facts() == FACTS
    assert store.counts() == (0, 0, 0)
    assert (store.people(), store.audit(), list(store.vectors())) == ([], [], [])
    assert store.person(1) is store.face(1) is store.chip(1) is None
    assert store.faces(1) == store.find_people("ann") == store.check() == []
    none = store.vectors_of([1, 2])
    assert none.vectors.shape == (0, D)
    assert none.face_ids.dtype == none.person_ids.dtype == np.int64
    store.erase()


def test_vectors_of_people(store, unit):
    ann, anns = add(store, "Ann", unit(2))
    _, bobs = add(store, "Bob", unit(1))
    with store.change() as change:
        anns += change.add_faces(ann, [NewFace(unit())])
        cleo = change.add_person("Cleo")
    every = {
        face: vector
        for ids, _, vectors in store.vectors()
        for face, vector in zip(ids.tolist(), vectors, strict=True)
    }
    found = store.vectors_of_people([cleo, ann, ann, 77])
    assert found.face_ids.tolist() == anns
    assert found.person_ids.tolist() == [ann] * 3
    np.testing.assert_array_equal(found.vectors, [every[face] for face in anns])
    assert store.vectors_of_people([]).vectors.shape == (0, D)
    assert store.vectors_of_people(range(5000)).face_ids.tolist() == sorted(anns + bobs)


def test_all_stays_when_a_store_is_opened_again(url, unit):
    with open_store(url, create=FACTS) as store:
        person, (face,) = add(store, "Ann", [unit()], notes="n", consent="c")
        with store.change() as change:
            change.note("enrol", person, 1, "one picture")
        before = picture(store), store.identity()
    with open_store(url) as store:
        assert (picture(store), store.identity()) == before
        assert store.facts() == FACTS
        assert store.face(face).person_id == person


def test_the_key(url, unit):
    """Of a sealed gallery it can be changed and is needed; a plain one takes none."""
    with open_store(url, create=FACTS) as store:
        person, faces = add(store, "Ann", [unit()])
        with store.change() as change:
            faces += change.add_faces(person, [NewFace(unit(), chip=PNG)])
        before = all_vectors(store)
        if store.cipher is None:
            with pytest.raises(GalleryError, match="is not sealed"):
                store.change_key(KEY)
        else:
            store.change_key(NEW_KEY)
            assert store.audit()[0].action == "change-key"
    if not isinstance(url, SealedUrl):
        with pytest.raises(GalleryError, match="sealed"):
            open_any_store(url, key=KEY)
        return
    for key, match in ((None, "is sealed; give its key"), (KEY, "another key")):
        with pytest.raises(GalleryError, match=match):
            open_any_store(url, key=key)
    with open_any_store(url, key=NEW_KEY) as store:
        for mine, theirs in zip(all_vectors(store), before, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert store.chip(faces[1]) == PNG
        assert store.check() == []


def test_a_new_store_takes_no_others_place(url, unit):
    with open_store(url, create=FACTS) as store:
        add(store, "Ann", [unit()])
        before = picture(store)
        with pytest.raises(GalleryError, match="exists already"):
            open_store(url, create=FACTS)
        assert picture(store) == before


def test_what_is_not_there_is_not_made(url):
    for _ in range(2):
        with pytest.raises(GalleryError, match="no such gallery"):
            open_store(url)


def test_identities_differ(tmp_path, store):
    with open_store(tmp_path / "other.db", create=FACTS) as other:
        assert other.identity() != store.identity()


def test_a_closed_store(url, unit):
    store = open_store(url, create=FACTS)
    store.close()
    store.close()
    with pytest.raises(GalleryError, match="closed"):
        store.people()
    with pytest.raises(GalleryError, match="closed"):
        list(store.vectors())
    with pytest.raises(GalleryError, match="closed"), store.change():
        pass
    with pytest.raises(GalleryError, match="closed"):
        store.check()


@pytest.mark.parametrize("bad", ["", "gopher://x", "sqlite://", "sqlite:///", "sqlite://people.db"])
def test_urls_that_no_store_has(bad):
    with pytest.raises(GalleryError, match="gallery"):
        open_store(bad)


def test_facts_tell_what_differs():
    other = ModelFacts({**FACTS.settings, "weights": "cd" * 32}, D + 1)
    FACTS.require(ModelFacts.from_json(FACTS.to_json()))
    with pytest.raises(ModelMismatchError, match=r"weights abab.*weights cdcd.*size 65"):
        FACTS.require(other)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"settings": {}, "embedding_size": 3}', "[" * 9999]
)
def test_facts_that_are_none(text):
    with pytest.raises(GalleryError):
        ModelFacts.from_json(text)


# --- people


def test_people(store):
    before = datetime.now(timezone.utc)
    with store.change() as change:
        ann = change.add_person(" Ann\t", "notes\nof two lines", "consent", date(2030, 2, 28))
        ben = change.add_person("Ben")
    found = store.person(ann)
    assert (found.name, found.notes, found.consent) == ("Ann", "notes\nof two lines", "consent")
    assert found.retain_until == date(2030, 2, 28)
    assert before <= found.created <= datetime.now(timezone.utc)
    assert 0 < ann < ben
    assert store.person(ben).retain_until is None
    assert [p.id for p in store.people()] == [ann, ben]
    assert store.people(limit=1) == [found]
    assert store.people(after=ann) == [store.person(ben)]
    assert store.people(after=ben) == store.people(limit=0) == []


def test_a_time_that_was_given_is_kept(store, unit):
    then = datetime(2001, 2, 3, 4, 5, 6, 789, timezone(timedelta(hours=3)))
    with store.change() as change:
        ann = change.add_person("Ann", created=then)
        (face,) = change.add_faces(ann, [NewFace(unit(), created=then)])
        with pytest.raises(GalleryError, match="time zone"):
            change.add_person("Ben", created=datetime(2001, 2, 3))
    assert store.person(ann).created == store.face(face).created == then


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("Ann", "aNN"),
        ("Zoe\u0308", "ZO\u00cb"),
        ("Straße", "STRASSE"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("ann", "\u2003ann\n"),
        ("o'; DROP TABLE people; --", "O'; drop table people; --"),
        ("山田 太郎", "山田 太郎"),
        ("100%_", "100%_"),
    ],
)
def test_one_name_is_one_person(store, name, same):
    ann, _ = add(store, name, [])
    assert [p.id for p in store.find_people(same)] == [ann]
    with pytest.raises(GalleryError, match=f"number {ann}"), store.change() as change:
        change.add_person(same)
    assert [p.id for p in store.people()] == [ann]
    assert store.find_people(f"{name}x") == store.find_people(name[:-1]) == []


@pytest.mark.parametrize(
    "bad",
    ["", " \t", "x" * 501, "a\0b", "a\nb", "a\x85b", "a\u2028b", "\ud800", "Unknown", None, 3],
)
def test_names_that_are_none(store, bad):
    before = picture(store)
    with pytest.raises(GalleryError, match="name"), store.change() as change:
        change.add_person(bad)
    ann, _ = add(store, "Ann", [])
    with pytest.raises(GalleryError, match="name"), store.change() as change:
        change.update_person(ann, name=bad)
    with store.change() as change:
        change.remove_person(ann)
    assert picture(store)[:6] == before[:6]
    if isinstance(bad, str):
        assert store.find_people(bad) == []


def test_the_name_of_strangers():
    from facewise.recognition import UNKNOWN

    with pytest.raises(GalleryError, match="strangers"):
        checked_name(UNKNOWN)


def test_names_of_all_characters_are_kept(store, rng):
    """Whatever is taken as a name is found by it, and comes back as it was."""
    taken = {}
    with store.change() as change:
        for code in rng.choice(0x110000, 400, replace=False):
            with suppress(GalleryError):
                name = checked_name(f"{chr(code)}é{code}")
                taken[change.add_person(name)] = name
    assert len(taken) > 300
    for person, name in taken.items():
        assert store.person(person).name == name == checked_name(name)
        for form in (name, name.upper(), name.casefold()):
            if name_key(form) == name_key(name):  # not so for a few characters
                assert [p.id for p in store.find_people(form)] == [person]


@pytest.mark.parametrize("field", ["notes", "consent"])
def test_texts(store, field):
    for text in ("", "x" * 100_000, "a\tb\n\u2028'\";--\U0001f600"):
        with store.change() as change:
            person = change.add_person(f"p{len(text)}", **{field: text})
        assert getattr(store.person(person), field) == text
    for bad in ("a\0b", "\udcff", "x" * 100_001, None, b"x"):
        with pytest.raises(GalleryError, match=field), store.change() as change:
            change.add_person("bad", **{field: bad})


def test_a_person_changes(store, unit):
    ann, faces = add(store, "Ann", unit(2), notes="n", consent="c", retain_until=date(2030, 1, 1))
    known = store.person(ann)
    with store.change() as change:
        change.update_person(ann, name="ANN ")
    assert store.person(ann) == replace(known, name="ANN")
    with store.change() as change:
        change.update_person(ann, name="Zoë", retain_until=None)
        change.update_person(ann, consent="", notes="m")
        assert change.person(ann).name == "Zoë"
    changed = replace(known, name="Zoë", retain_until=None, consent="", notes="m")
    assert store.person(ann) == changed
    assert store.find_people("ann") == []
    assert store.find_people("zoë") == [changed]
    assert [f.id for f in store.faces(ann)] == faces
    assert store.check() != [] or not store.files()  # the old name is not erased yet
    store.erase()
    assert store.check() == []


def test_a_change_of_a_person_that_cannot_be(store):
    ann, _ = add(store, "Ann", [])
    add(store, "Ben", [])
    for fields in (
        *({"name": "BEN"}, {"colour": "red"}, {"id": 7}, {"notes": None}),
        *({"retain_until": "2030-01-01"}, {"retain_until": datetime.now(timezone.utc)}),
    ):
        before = picture(store)
        with pytest.raises(GalleryError), store.change() as change:
            change.update_person(ann, **fields)
        assert picture(store) == before


# --- faces


def test_faces(store, unit):
    vectors = unit(3)
    ann, _ = add(store, "Ann", [])
    news = [
        NewFace(vectors[0], "photos/é.jpg", (-1.5, 2, 30, 40.25), 0.75, PNG),
        NewFace(vectors[1].tolist(), "b\udcff.jpg", quality=1),
        NewFace(vectors[2], chip=b"x"),
    ]
    before = datetime.now(timezone.utc)
    with store.change() as change:
        ids = change.add_faces(ann, news)
        assert change.add_faces(ann, []) == []
    first, second, third = store.faces(ann)
    assert [first.id, second.id, third.id] == ids == sorted(ids)
    assert (first.source, first.box) == ("photos/é.jpg", (-1.5, 2.0, 30.0, 40.25))
    assert (first.quality, first.has_chip, first.person_id) == (0.75, True, ann)
    assert (second.source, second.box, second.quality) == ("b\\udcff.jpg", None, 1.0)
    assert (third.source, third.quality, second.has_chip, third.has_chip) == ("", None, False, True)
    assert before <= first.created <= datetime.now(timezone.utc)
    assert store.face(ids[1]) == second
    assert [store.chip(face) for face in ids] == [PNG, None, b"x"]
    assert store.counts() == (1, 3, 2)
    block = store.vectors_of([ids[2], ids[0], ids[2], 999_999])
    assert block.face_ids.tolist() == [ids[0], ids[2]]
    assert block.person_ids.tolist() == [ann, ann]
    assert block.vectors.dtype == np.float32
    assert block.vectors.flags.writeable
    np.testing.assert_array_equal(block.vectors, vectors[[0, 2]])
    assert store.check() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"vector": np.zeros(D)},
        {"vector": np.full(D, np.nan)},
        {"vector": np.full(D, np.inf)},
        {"vector": np.full(D, 1.01 / D**0.5)},
        {"vector": np.full((1, D), 1 / D**0.5)},
        {"vector": 1.0},
        {"quality": 1.01},
        {"quality": float("nan")},
        {"box": (0, 0, 1)},
        {"box": (5, 0, 1, 1)},
        {"box": (0, 0, 1, float("inf"))},
        {"box": "abcd"},
        {"chip": b""},
        {"chip": "text"},
        {"source": None},
        {"source": "a\0b"},
        {"created": datetime(2020, 1, 1)},
    ],
)
def test_faces_that_are_none(fields):
    with pytest.raises(GalleryError):
        NewFace(**{"vector": np.full(D, 1 / D**0.5), **fields})


def test_a_vector_of_another_length(store, unit):
    ann, _ = add(store, "Ann", [unit()])
    before = picture(store)
    longer = np.append(unit(), np.float32(0))
    with pytest.raises(GalleryError, match=f"expected {D}.*got {D + 1}"), store.change() as change:
        change.add_faces(ann, [NewFace(unit()), NewFace(longer)])
    assert picture(store) == before


def test_faces_move(store, unit):
    vectors = unit(4)
    ann, faces = add(store, "Ann", vectors[:3])
    ben, (other,) = add(store, "Ben", vectors[3:])
    records = {face: store.face(face) for face in faces}
    with store.change() as change:
        change.move_faces(np.array([faces[2], faces[0]]), ben)
    assert [f.id for f in store.faces(ann)] == [faces[1]]
    assert [f.id for f in store.faces(ben)] == [faces[0], faces[2], other]
    assert store.face(faces[0]) == replace(records[faces[0]], person_id=ben)
    ids, people, stored = all_vectors(store)
    assert ids.tolist() == [*faces, other]
    assert people.tolist() == [ben, ann, ben, ben]
    np.testing.assert_array_equal(stored, vectors)
    assert store.check() == []


def test_what_is_removed_is_gone(store, unit):
    ann, faces = add(store, "Ann", unit(2))
    with store.change() as change:
        chips = change.add_faces(ann, [NewFace(unit(), chip=PNG), NewFace(unit(), chip=PNG)])
    ben, _ = add(store, "Ben", unit(1))
    with store.change() as change:
        change.remove_faces([faces[0], chips[0]])
        assert change.face(faces[0]) is None
    assert [f.id for f in store.faces(ann)] == [faces[1], chips[1]]
    assert store.chip(chips[0]) is None
    assert store.counts() == (2, 3, 1)
    with store.change() as change:
        assert change.remove_person(ann) == 2
        assert change.faces(ann) == []
    assert [p.id for p in store.people()] == [ben]
    assert store.find_people("ann") == []
    assert store.chip(chips[1]) is None
    assert store.counts() == (1, 1, 0)
    assert all_vectors(store)[1].tolist() == [ben]
    store.erase()
    assert store.check() == []


def test_ids_are_never_given_twice(url, unit):
    with open_store(url, create=FACTS) as store:
        ann, faces = add(store, "Ann", unit(3))
        with store.change() as change:
            change.remove_person(ann)
        store.erase()
    with open_store(url) as store:
        again, new = add(store, "Ann", unit(2))
        assert again > ann
        assert min(new) > max(faces)


def test_ids_can_be_given(store, unit):
    """For moving people between stores, so that numbers that are written down elsewhere hold."""
    vectors = unit(5)
    start = store.version()
    with store.change() as change:
        ann = change.add_person("Ann", person_id=7)
        ids = change.add_faces(ann, [NewFace(v) for v in vectors[:3]], face_ids=[10, 11, 15])
        assert change.add_faces(ann, [], face_ids=[]) == []
    assert (ann, ids) == (7, [10, 11, 15])
    assert store.person(7).name == "Ann"
    assert all_vectors(store)[0].tolist() == [face.id for face in store.faces(7)] == ids
    assert store.changes(start).added.tolist() == ids
    before = picture(store)
    for id_ in (7, 3, 0, -1):
        with pytest.raises(GalleryError, match="ids of people"), store.change() as change:
            change.add_person("Bob", person_id=id_)
    for ids in ([15], [12], [16, 16], [18, 17], [16], [16, 17, 18]):
        with pytest.raises(GalleryError, match="ids of faces"), store.change() as change:
            change.add_faces(7, [NewFace(v) for v in vectors[3:]], face_ids=ids)
    assert picture(store) == before
    bob, new = add(store, "Bob", vectors[3:])  # and whoever comes next is above them
    assert bob > 7
    assert min(new) > 15
    assert store.check() == []


def test_ids_that_were_given_elsewhere_are_skipped(store, url, unit):
    """So that a store that others were moved to never gives the number of who was forgotten."""
    assert store.last_ids() == (0, 0)
    with store.change() as change:
        change.skip_ids(7, 0)
        assert change.add_person("Ann") == 8
        assert change.add_faces(8, [NewFace(unit())]) == [1]
    with store.change() as change:
        change.skip_ids(3, 40)  # 8 is above 3
    assert store.last_ids() == (8, 40)
    with suppress(KeyError), store.change() as change:
        change.skip_ids(100, 100)
        raise KeyError
    with store.change() as change:
        change.remove_person(8)
    store.erase()
    store.close()
    with open_store(url) as again:
        assert again.last_ids() == (8, 40)
        person, [face] = add(again, "Bob", [unit()])
        assert (person, face) == (9, 41)
        assert again.last_ids() == (9, 41)
        assert again.check() == []


def test_a_store_can_be_read_within_a_change(store, unit):
    """It shows what is committed, or what the change did too."""
    vectors = unit(2)
    ann, [face] = add(store, "Ann", vectors[:1])
    with store.change() as change:
        change.add_faces(ann, [NewFace(vectors[1])])
        assert store.version() > 0
        assert store.person(ann).name == "Ann"
        np.testing.assert_array_equal(store.vectors_of([face]).vectors, vectors[:1])


def test_what_is_not_there_cannot_be_changed(store, unit):
    ann, (face,) = add(store, "Ann", unit(1))
    calls = [
        lambda c: c.update_person(99, notes=""),
        lambda c: c.remove_person(99),
        lambda c: c.add_faces(99, [NewFace(unit())]),
        lambda c: c.add_faces(99, []),
        lambda c: c.move_faces([face], 99),
        lambda c: c.move_faces([face, 99], ann),
        lambda c: c.remove_faces([face, 99]),
        lambda c: c.remove_person(2**70),
    ]
    before = picture(store)
    for call in calls:
        with pytest.raises(GalleryError), store.change() as change:
            call(change)
        assert picture(store) == before
    with store.change() as change:  # and a call that was refused has done nothing
        for call in calls:
            with suppress(GalleryError):
                call(change)
    assert picture(store) == before


# --- changes are whole


def test_an_exception_leaves_all_as_it_was(store, unit):
    ann, faces = add(store, "Ann", unit(3))
    ben, _ = add(store, "Ben", unit(2))
    before = picture(store)

    def everything(change, error=None):
        change.add_faces(change.add_person("Carl"), [NewFace(unit(), chip=PNG)])
        change.update_person(ann, name="Dora")
        change.move_faces(faces[:1], ben)
        change.remove_faces(faces[1:2])
        change.remove_person(ben)
        change.note("enrol", ann, 1)
        if error is not None:
            raise error

    for error in (KeyError, KeyboardInterrupt, GeneratorExit):
        with pytest.raises(error), store.change() as change:
            everything(change, error)
        assert picture(store) == before
    assert [ids.tolist() for ids in store.changes(before[6])[:3]] == [[], [], []]
    assert store.check() == []
    with store.change() as change:
        everything(change)
    assert picture(store) != before


def test_nobody_sees_half_a_change(url, store, unit):
    with open_store(url) as other:
        before = picture(other)
        with store.change() as change:
            ann = change.add_person("Ann")
            change.add_faces(ann, [NewFace(unit())])
            assert change.person(ann).name == "Ann"
            assert [p.id for p in change.people()] == [ann]
            assert len(change.faces(ann)) == 1
            assert picture(other) == picture(store) == before
        assert picture(other) == picture(store) != before


def test_a_change_ends(store, unit):
    with store.change() as change:
        ann = change.add_person("Ann")
    for call in (
        *(lambda: change.add_person("Ben"), lambda: change.remove_person(ann)),
        *(lambda: change.note("x"), lambda: change.add_faces(ann, [NewFace(unit())])),
    ):
        with pytest.raises(GalleryError, match="ended"):
            call()
    assert [p.name for p in store.people()] == ["Ann"]


def test_a_change_within_a_change_is_refused(store):
    with store.change() as change:
        change.add_person("Ann")
        with pytest.raises(GalleryError, match="within a change"), store.change():
            pass
        with pytest.raises(GalleryError, match="within a change"):
            store.erase()
    assert [p.name for p in store.people()] == ["Ann"]


def test_threads_share_a_store(store, unit):
    errors = []
    vectors = unit(4)

    def work(k):
        try:
            for i in range(15):
                person, faces = add(store, f"{k} {i}", vectors[: 1 + i % 4])
                assert [f.id for f in store.faces(person)] == faces
                if i % 5 == 4:
                    with store.change() as change:
                        change.remove_person(person)
                    assert store.person(person) is None
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.counts().people == 4 * 12
    store.erase()
    assert store.check() == []


# --- vectors


def test_vectors_come_in_blocks(store, unit):
    vectors = unit(25)
    ann, first = add(store, "Ann", vectors[:20])
    ben, second = add(store, "Ben", vectors[20:])
    ids = first + second
    for block in (1, 7, 20, 25, 100):
        blocks = list(store.vectors(block=block))
        assert max(len(b.face_ids) for b in blocks) <= block
        assert all(b.vectors.dtype == np.float32 and b.vectors.shape[1] == D for b in blocks)
        assert all(b.face_ids.dtype == b.person_ids.dtype == np.int64 for b in blocks)
        found, people, stored = all_vectors(store, block=block)
        assert found.tolist() == ids
        assert people.tolist() == [ann] * 20 + [ben] * 5
        np.testing.assert_array_equal(stored, vectors)
    found, _, stored = all_vectors(store, after_face_id=ids[6], block=4)
    assert found.tolist() == ids[7:]
    np.testing.assert_array_equal(stored, vectors[7:])
    assert list(store.vectors(after_face_id=ids[-1])) == []
    with pytest.raises(ValueError, match="block"):
        store.vectors(block=0)


def test_vectors_are_of_one_moment(url, store, unit):
    ann, _ = add(store, "Ann", unit(10))
    ben, _ = add(store, "Ben", unit(5))
    walk = store.vectors(block=3)
    seen = [next(walk)]
    with store.change() as change:
        change.remove_person(ann)
    with open_store(url) as other, other.change() as change:
        change.add_faces(ben, [NewFace(unit())])
    seen += walk
    assert sum(len(b.face_ids) for b in seen) == 15
    assert all_vectors(store)[1].tolist() == [ben] * 6


# --- versions and changes


def test_a_version_grows_with_each_change_of_content(store, unit):
    seen = [store.version()]

    def grown():
        seen.append(store.version())
        return seen[-1] > seen[-2]

    ann, faces = add(store, "Ann", unit(2))
    assert grown()
    for step in (
        lambda c: c.update_person(ann, notes="x"),
        lambda c: c.add_faces(ann, [NewFace(unit())]),
        lambda c: c.move_faces(faces[:1], ann),
        lambda c: c.remove_faces(faces[:1]),
        lambda c: c.remove_person(ann),
    ):
        with store.change() as change:
            step(change)
        assert grown()
    with store.change() as change:
        change.note("identify", None, 3)
    with store.change():
        pass
    store.erase()
    assert not grown()


def test_changes_since_a_version(store, unit):
    start = store.version()
    ann, a = add(store, "Ann", unit(5))
    middle = store.version()
    ben, b = add(store, "Ben", unit(3))
    with store.change() as change:
        change.remove_faces([a[0], a[3], b[1]])
        change.move_faces([a[1], b[0]], ben)
        change.update_person(ann, name="Anna")
    now = store.version()

    def lists(version):
        found = store.changes(version)
        assert found.version == now
        assert all(ids.dtype == np.int64 for ids in found[:3])
        return [ids.tolist() for ids in found[:3]]

    assert lists(now) == [[], [], []]
    assert lists(middle) == [[b[0], b[2]], [a[0], a[3], b[1]], [a[1]]]
    assert lists(start) == [[a[1], a[2], a[4], b[0], b[2]], [a[0], a[3], b[1]], []]
    for never in (0, -1, start - 1, now + 1, 2**62):
        assert store.changes(never) is None


def test_a_copy_follows_by_changes(store, unit, rng):
    """What is kept beside a store and follows its changes is what the store has."""
    people = {}
    version, copy = store.version(), {}
    for step in range(120):
        with store.change() as change:
            for _ in range(rng.integers(1, 4)):
                faces = [face for some in people.values() for face in some]
                kind = rng.integers(5)
                if kind <= 1 or not people:
                    person = change.add_person(f"p{step}.{rng.integers(1 << 60)}")
                    new = [NewFace(v) for v in unit(int(rng.integers(1, 5)))]
                    people[person] = change.add_faces(person, new)
                elif kind == 2:
                    person = int(rng.choice(list(people)))
                    change.remove_person(person)
                    del people[person]
                elif faces:
                    some = rng.choice(faces, min(3, len(faces)), replace=False).tolist()
                    for own in people.values():
                        own[:] = [face for face in own if face not in some]
                    if kind == 3:
                        change.remove_faces(some)
                    else:
                        to = int(rng.choice(list(people)))
                        change.move_faces(some, to)
                        people[to] += some
        if rng.random() < 0.3:
            found = store.changes(version)
            for face in found.removed.tolist():
                copy.pop(face, None)
            block = store.vectors_of(np.concatenate([found.added, found.moved]))
            rows = (block.face_ids.tolist(), block.person_ids.tolist(), block.vectors)
            copy |= {i: (p, v.tobytes()) for i, p, v in zip(*rows, strict=True)}
            version = found.version
            ids, persons, vectors = all_vectors(store)
            assert copy == {
                i: (p, v.tobytes())
                for i, p, v in zip(ids.tolist(), persons.tolist(), vectors, strict=True)
            }
            assert {p: sorted(own) for p, own in people.items()} == {
                p.id: [f.id for f in store.faces(p.id)] for p in store.people()
            }
    store.erase()
    assert store.check() == []


# --- the audit log


def test_the_audit_log(store):
    before = datetime.now(timezone.utc)
    for i in range(5):
        with store.change() as change:
            change.note("identify", None if i % 2 else i + 1, i, f"detail {i}")
    entries = store.audit()
    assert [(e.action, e.count, e.detail) for e in entries] == [
        ("identify", i, f"detail {i}") for i in (4, 3, 2, 1, 0)
    ]
    assert [e.person_id for e in entries] == [5, None, 3, None, 1]
    assert all(before <= e.time <= datetime.now(timezone.utc) for e in entries)
    assert store.audit(limit=2) == entries[:2]
    for bad in (("", None, 0, ""), ("x", None, -1, ""), ("x", None, 0, "\ud800")):
        with pytest.raises(GalleryError), store.change() as change:
            change.note(*bad)
    assert store.audit() == entries


def test_the_audit_log_is_read_in_parts(store):
    time = datetime(2020, 2, 29, 23, 59, 59, 123456, timezone(timedelta(hours=2)))
    with store.change() as change:
        for i in range(7):
            change.note("enrol", None, i, time=time if i == 3 else None)
    entries = store.audit()
    assert [entry.count for entry in entries] == [6, 5, 4, 3, 2, 1, 0]
    assert entries[3].time == time
    assert store.audit(2, before=entries[1].id) == entries[2:4]
    assert store.audit(before=entries[-1].id) == []
    with pytest.raises(GalleryError, match="time"), store.change() as change:
        change.note("enrol", time=datetime(2020, 1, 1))
    assert store.audit() == entries


def test_the_audit_log_outlives_a_person(store, unit):
    ann, _ = add(store, "Ann", unit(1))
    with store.change() as change:
        change.note("forget", ann, change.remove_person(ann))
    store.erase()
    assert [(e.action, e.person_id, e.count) for e in store.audit()] == [("forget", ann, 1)]


# --- erasing


def test_after_erasing_no_file_holds_what_was_removed(url, unit, rng):
    """Vectors, names, notes, sources and chips, among others that come, go and stay."""

    def traces(store, secrets):
        held = contents(store.files())
        return [secret for secret in secrets if secret in held]

    def secrets_of(person, faces, name):
        for face in faces:
            data = face.vector.astype("<f4").tobytes()
            pieces = [*(data[i : i + 16] for i in range(0, len(data), 16)), face.chip[60:80]]
            if isinstance(url, SealedUrl):
                hidden.extend(pieces)
            else:
                yield from pieces
            yield face.source.encode()
        for text in (name, name.casefold(), f"notes {name}", f"consent {name}"):
            yield text.encode()

    def token(n):
        return "".join(rng.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), n))

    live, removed, hidden = {}, [], []
    with open_store(url, create=FACTS) as store, open_store(url) as other:
        if not store.files():
            pytest.skip("not in files of this machine")
        for step in range(200):
            if step % 5 < 3:
                name = f"Q{token(12)}"
                faces = [
                    NewFace(v, f"/photos/{token(14)}.jpg", chip=rng.bytes(100))
                    for v in unit(int(rng.integers(1, 5)))
                ]
                with other.change() as change:
                    person = change.add_person(name, f"notes {name}", f"consent {name}")
                    ids = change.add_faces(person, faces)
                live[person] = (list(secrets_of(person, faces, name)), ids, faces)
            elif step % 5 == 3:
                person = int(rng.choice(list(live)))
                _, ids, faces = live[person]
                name = f"Q{token(12)}" + "x" * int(rng.integers(200))
                gone = list(secrets_of(person, faces[:1], store.person(person).name))
                with store.change() as change:
                    change.update_person(
                        person, name=name, notes=f"notes {name}", consent=f"consent {name}"
                    )
                    change.remove_faces(ids[:1])
                live[person] = (list(secrets_of(person, faces[1:], name)), ids[1:], faces[1:])
                removed += gone
            else:
                person = int(rng.choice(list(live)))
                with store.change() as change:
                    change.remove_person(person)
                removed += live.pop(person)[0]
        kept = [secret for secrets, _, _ in live.values() for secret in secrets]
        assert traces(store, kept) == kept  # the search finds what is there
        assert pieces_in(store.files(), dict(enumerate(hidden))) == set()
        store.erase()
        assert traces(store, removed) == []
        assert pieces_in(store.files(), dict(enumerate(hidden))) == set()
        assert traces(store, kept) == kept
        assert store.check() == other.check() == []
        before = picture(store)
        store.erase()
        assert picture(store) == picture(other) == before


def test_errors_are_facewise_errors():
    assert issubclass(GalleryError, FacewiseError)


# --- search


def test_a_native_search_or_none(store, unit):
    vectors = unit(12)
    ann, a = add(store, "Ann", vectors[:6])
    ben, b = add(store, "Ben", vectors[6:])
    found = store.search(vectors[[3, 8]], 4)
    if found is None:
        return
    faces, people, similarities = found
    exact = vectors[[3, 8]] @ vectors.T
    assert faces[:, 0].tolist() == [a[3], b[2]]
    assert people[:, 0].tolist() == [ann, ben]
    np.testing.assert_allclose(similarities, -np.sort(-exact, axis=1)[:, :4], atol=1e-4)
    assert store.search(vectors[:1], 100)[0].shape == (1, 12)
