"""What every store has to pass: making, opening and closing one."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.errors import FacewiseError, GalleryError, ModelMismatchError
from facewise.gallery import ModelFacts, NewFace
from facewise.gallery import open_store as open_any_store
from store_contract import (
    FACTS,
    KEY,
    NEW_KEY,
    PNG,
    D,
    SealedUrl,
    add,
    all_vectors,
    open_store,
    picture,
)


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


def test_errors_are_facewise_errors():
    assert issubclass(GalleryError, FacewiseError)
