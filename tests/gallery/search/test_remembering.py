"""Probes that are asked for again cost no second look at the gallery, and get the same answers."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.gallery.search import GalleryIndex, exact, remembering
from facewise.gallery.search.coding import code
from facewise.gallery.search.remembering import FEW, Remembering
from facewise.gallery.search.segment import Segment

D = 48


@pytest.fixture
def looks(monkeypatch):
    """How many probes, and candidates of each, were looked for, one entry a look."""
    counted = []

    def counting(segments, probes, count):
        counted.append((len(probes), count))
        return candidates(segments, probes, count)

    candidates = exact.candidates
    monkeypatch.setattr(remembering, "candidates", counting)
    return counted


def test_candidates_are_those_of_a_look_of_their_own(looks, people_vectors):
    vectors = people_vectors(2000, 1)
    segments = [Segment(np.arange(2000), code(vectors, "bfloat16"))]
    probes = people_vectors(FEW + 1, 1, seed=5)
    look = Remembering(segments)
    for rows, count in [([0, 1], 20), ([1], 500), ([0, 2], 30), ([2], 900), (range(FEW + 1), 5)]:
        some = probes[list(rows)]
        faces, rough, off = look(some, count)
        _, others, offs = exact.candidates(segments, some, count)
        np.testing.assert_allclose(rough, others, atol=1e-6)  # the faces of equal ones may differ
        np.testing.assert_allclose(off, offs, atol=1e-6)
        similarities = np.take_along_axis(some @ vectors.T, faces, 1)
        assert (np.abs(similarities - rough) <= off[:, None]).all()
    assert [count for _, count in looks] == [640, 640, 900, 5]


def test_what_was_given_may_be_changed(people_vectors):
    look = Remembering([Segment(np.arange(50), code(people_vectors(50, 1), "bfloat16"))])
    probe = people_vectors(1, 1, seed=5)
    faces, _, _ = look(probe, 10)
    before = faces.copy()
    faces[:] = -1
    np.testing.assert_array_equal(look(probe, 10)[0], before)


@pytest.mark.parametrize(("m", "expected"), [(1, 1), (FEW, 1), (FEW + 1, 3)])
def test_people_of_many_faces_cost_one_look(looks, store, people_vectors, m, expected):
    """Of people with 40 faces each, 10 need more faces than are looked at in the beginning."""
    for person, vectors in enumerate(np.split(people_vectors(100, 40), 100)):
        store.add(1000 + person, vectors)
    index = GalleryIndex.open(store, None, dimension=D)
    probes = people_vectors(m, 1, seed=77)
    found = index.search(probes, 10, people=True)
    assert (found.people >= 0).all()
    everything = index.search(probes, len(store.kept)).best_of_each_person(10)
    np.testing.assert_array_equal(found.people, everything.people)
    np.testing.assert_array_equal(found.faces, everything.faces)
    assert len(looks) <= expected
