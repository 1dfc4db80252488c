"""What every store has to pass: vectors, and a search of its own if it has one."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.gallery import NewFace
from store_contract import D, add, all_vectors, open_store


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
