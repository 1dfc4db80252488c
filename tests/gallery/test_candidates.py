"""What callers may ask a gallery for, and what they are told where they may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cell_probe import CellDetector, colour_embedder
from facewise import Gallery
from facewise.errors import GalleryError
from facewise.gallery import NewFace
from facewise.gallery.given_vectors import given_vectors


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """Of Ann and Ben; vectors of three numbers."""
    with Gallery.create(
        tmp_path / "people.db", colour_embedder("ab" * 32), detector=CellDetector(0.99), cache=False
    ) as made:
        with made.store.change() as change:
            for name, vector in (("Ann", [1, 0, 0]), ("Ben", [0, 1, 0])):
                change.add_faces(change.add_person(name), [NewFace(vector)])
        yield made


@pytest.mark.parametrize(
    "vectors",
    [[[0.6, 0.8, 0]], [0.6, 0.8, 0], np.array([[0.6, 0.8, 0]]), np.array([0.6, 0.8, 0], "float16")],
)
def test_vectors_in_any_form(gallery: Gallery, vectors: Any) -> None:
    [found] = gallery.candidates(vectors)
    assert [each.name for each in found] == ["Ben", "Ann"]
    assert [each.similarity for each in found] == pytest.approx([0.8, 0.6], abs=1e-3)


@pytest.mark.parametrize(
    ("vectors", "match"),
    [
        ([[6.0, 8.0, 0.0]], "number 0 has the length 10"),
        ([[1, 0, 0], [0, 0, 0]], "number 1 has the length 0"),
        ([[1, 0, float("nan")]], "number 0 has the length nan"),
        ([[1, 0]], r"got shape \(1, 2\)"),
        ([[[1, 0, 0]]], r"got shape \(1, 1, 3\)"),
        ([[1j, 0, 0]], "got list"),
        ([[1, 0, 0], [1]], "got list"),
        ("x", "got str"),
        (None, "got NoneType"),
    ],
)
def test_vectors_that_are_none(gallery: Gallery, vectors: Any, match: str) -> None:
    before = gallery.audit()
    with pytest.raises(GalleryError, match=rf"shape \(m, 3\) and length 1.*{match}"):
        gallery.candidates(vectors)
    assert gallery.audit() == before


def test_no_vectors() -> None:
    assert given_vectors([], 3).shape == given_vectors(np.empty((0, 3)), 3).shape == (0, 3)


def test_any_number_of_candidates(gallery: Gallery) -> None:
    """Memory is taken for those that there can be."""
    for template in ("best", "mean"):
        [found] = gallery.candidates([1, 0, 0], 10**12, template=template)
        assert [each.name for each in found] == ["Ann", "Ben"]
    for k in (0, -1):
        with pytest.raises(ValueError, match="k: expected at least 1"):
            gallery.candidates([1, 0, 0], k)


def test_a_number_is_whom_it_is_the_number_of(gallery: Gallery) -> None:
    """Were somebody called #2, `forget '#2'` would remove somebody else than number 2."""
    for name in ("#2", " #2 ", "#007"):
        with pytest.raises(GalleryError, match="how the number of a person is written"):
            gallery.rename("Ann", name)
    assert gallery.rename("Ann", "#2b").name == "#2b"
    assert gallery.show("#2").person.name == "Ben"
    with pytest.raises(GalleryError, match="no person '#3'"):
        gallery.show("#3")
