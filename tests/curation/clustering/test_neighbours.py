"""The nearest neighbours: exactly, and by cells with a recall."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.curation.clustering.neighbours import neighbours
from invented_people import invented


def sorted_all(vectors, k):
    table = vectors @ vectors.T
    np.fill_diagonal(table, -np.inf)
    return np.argsort(-table, axis=1)[:, :k], -np.sort(-table, axis=1)[:, :k]


def test_exact_ones_are_those_of_sorting_all():
    vectors, _ = invented(30, 4, seed=1)
    found = neighbours(vectors, 7)
    places, values = sorted_all(vectors, 7)
    assert found.found.tolist() == places.tolist()
    assert found.similarities == pytest.approx(values, abs=1e-6)


def test_of_some_rows_only():
    vectors, _ = invented(30, 4, seed=1)
    rows = np.array([5, 77, 6])
    found = neighbours(vectors, 3, rows)
    assert found.rows.tolist() == [5, 77, 6]
    assert found.found.tolist() == neighbours(vectors, 3).found[rows].tolist()


def test_cells_find_nearly_all_of_the_same_person():
    vectors, whose = invented(400, 8, cosine=0.8, seed=2)
    found = neighbours(vectors, 7, exact=False)
    same = whose[found.found] == whose[:, None]
    assert (found.found != np.arange(len(vectors))[:, None]).all()  # nobody is its own neighbour
    assert same.mean() > 0.97
    exact = neighbours(vectors, 7, exact=True)
    assert (whose[exact.found] == whose[:, None]).mean() > 0.999
    right = np.take_along_axis(vectors @ vectors.T, found.found, axis=1)
    assert found.similarities == pytest.approx(right, abs=1e-5)
    assert all(len(set(row)) == 7 for row in found.found.tolist())


def test_with_all_cells_they_are_exact():
    vectors, _ = invented(50, 6, seed=4)
    exact, cells = neighbours(vectors, 9), neighbours(vectors, 9, exact=False, probes=10_000)
    assert (np.sort(exact.found) == np.sort(cells.found)).all()


def test_fewer_vectors_than_neighbours():
    vectors = np.eye(4, dtype=np.float32)
    assert neighbours(vectors, 20).found.shape == (4, 3)
    assert neighbours(vectors[:1], 20).edges(-1)[0].tolist() == []
    assert neighbours(vectors[:0], 20).found.shape[0] == 0


def test_edges_are_the_strong_ones():
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
    one, two = neighbours(vectors, 2).edges(0.7)
    assert sorted(zip(one.tolist(), two.tolist(), strict=True)) == [(0, 1), (1, 0)]
