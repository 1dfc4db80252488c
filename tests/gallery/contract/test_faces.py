"""What every store has to pass: faces and their numbers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import pytest

from facewise.errors import GalleryError
from facewise.gallery import NewFace
from store_contract import FACTS, PNG, D, add, all_vectors, open_store, picture


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
