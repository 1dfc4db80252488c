"""The index over a real store, which tells it what changed."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.gallery import ModelFacts, NewFace, open_store
from facewise.gallery.search import GalleryIndex

D = 48


@pytest.fixture
def store(tmp_path):
    facts = ModelFacts({"model": "probe.colour", "weights": "ab" * 32}, D)
    with open_store(f"sqlite:///{tmp_path}/people.db", create=facts) as store:
        yield store


def enrol(store, name, vectors):
    with store.change() as change:
        person = change.add_person(name)
        return person, list(change.add_faces(person, [NewFace(v, "a.jpg") for v in vectors]))


def test_it_follows_what_is_enrolled_moved_and_forgotten(store, tmp_path, people_vectors):
    folder = tmp_path / "people.db.index"
    a, b = np.split(people_vectors(2, 20), 2)
    first, faces = enrol(store, "a", a)
    index = GalleryIndex.open(store, folder, dimension=D)
    np.testing.assert_array_equal(index.search(a).faces[:, 0], faces)
    second, others = enrol(store, "b", b)
    assert index.refresh() == "updated"
    found = index.search(b, 1, people=True)
    assert found.people[:, 0].tolist() == [second] * 20
    np.testing.assert_allclose(found.similarities, 1, atol=1e-6)
    with store.change() as change:
        change.move_faces(others[:5], first)
        change.remove_faces(others[5:10])
    assert index.refresh() == "updated"
    assert index.search(b[0]).people.tolist() == [[first]]
    assert not np.isin(index.search(b, 40).faces, others[5:10]).any()
    assert index.check() == []
    with store.change() as change:
        change.remove_person(first)
    again = GalleryIndex.open(store, folder, dimension=D)
    assert again.facts().faces == 10
    assert again.check() == []
