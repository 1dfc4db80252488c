"""What every store has to pass: a change is there as a whole, or not at all."""

from __future__ import annotations

import threading

import pytest

from facewise.errors import GalleryError
from facewise.gallery import NewFace
from store_contract import PNG, add, open_store, picture


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
