"""People by their best face, without looking through the whole gallery."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.gallery.search import Matches
from facewise.gallery.search.grouping import MOST, best_people


def searcher(people, asked):
    """A search of a gallery in which the first face is the most similar, and so on."""

    def search(probes, k):
        asked.append(k)
        faces = np.tile(np.arange(1, k + 1), (len(probes), 1))
        similarities = np.linspace(1, 0, len(people), dtype=np.float32)[:k]
        return Matches(faces, np.tile(people[:k], (len(probes), 1)), np.tile(similarities, (2, 1)))

    return search


def test_the_best_face_of_each_of_the_best_people():
    people, asked = np.repeat(np.arange(1, 31), 10), []
    found = best_people(searcher(people, asked), np.zeros((2, 4), np.float32), 20, len(people))
    assert found.people.tolist() == [list(range(1, 21))] * 2
    assert found.faces.tolist() == [list(range(1, 201, 10))] * 2
    assert asked == [70, 280]


@pytest.mark.parametrize("k", [2, 20])
def test_a_person_with_very_many_faces_costs_no_look_at_all_of_them(k):
    people, asked = np.concatenate([np.full(50_000, 1), np.arange(2, 30)]), []
    found = best_people(searcher(people, asked), np.zeros((2, 4), np.float32), k, len(people))
    assert max(asked) == MOST
    assert found.people[:, 0].tolist() == [1, 1]
    assert (found.people[:, 1:] == -1).all()
    assert (found.similarities[:, 1:] == -np.inf).all()
