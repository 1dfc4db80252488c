"""What the other folders say: who their people are, and who resembles them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

_ASKED = 2000  # faces that are compared with other folders, to see how alike strangers are
_ANSWERS = 500  # folders that they are compared with
_PAIRS = 200_000
_BLOCK = 2048


class Claims(NamedTuple):
    """Whom faces resemble in other folders.

    Attributes:
        folder: row of the most similar other folder, (n,); −1 where none was asked.
        similarity: to its person, (n,); NaN where none was asked.
    """

    folder: Places
    similarity: Floats


def centre(vectors: Floats, weights: Floats) -> Floats:
    """The weighted mean of vectors (n, d), of unit length (d,); NaN where there is none."""
    mean: Floats = (weights[:, None] * vectors).sum(axis=0)
    length = np.linalg.norm(mean)
    return mean / length if length > 1e-9 else np.full(vectors.shape[1], np.nan)


def strangers_among_faces(vectors: Floats, rows: Places) -> Floats:
    """Similarities of faces of different folders, sorted, from a sample; empty for one folder.

    Args:
        vectors: (n, d).
        rows: of each face the row of its folder, (n,).
    """
    if len(vectors) < 2 or rows.min() == rows.max():
        return np.empty(0)
    one, other = np.random.default_rng(0).integers(0, len(vectors), (2, _PAIRS))
    apart = rows[one] != rows[other]
    return np.sort((vectors[one[apart]] * vectors[other[apart]]).sum(axis=1))


def strangers_among_people(
    vectors: Floats, rows: Places, centres: Floats, sure: NDArray[np.bool_]
) -> Floats:
    """How like the people of other folders faces are, sorted, from a sample.

    Args:
        vectors: (n, d).
        rows: of each face the row of its folder, (n,).
        centres: of each folder's person, (f, d).
        sure: whether it rests on several faces, (f,).
    """
    rng = np.random.default_rng(0)
    faces, people = np.arange(len(vectors)), np.flatnonzero(sure)
    if len(faces) > _ASKED:
        faces = np.sort(rng.choice(faces, _ASKED, replace=False))
    if len(people) > _ANSWERS:
        people = np.sort(rng.choice(people, _ANSWERS, replace=False))
    table = vectors[faces] @ centres[people].T
    return np.sort(table[rows[faces][:, None] != people[None]])


def same_people(
    centres: Floats, sure: NDArray[np.bool_], threshold: float
) -> list[tuple[int, int, float]]:
    """The pairs of folders whose people are at least so alike, with their similarity."""
    people = np.flatnonzero(sure)
    found = []
    for start in range(0, len(people), _BLOCK):
        some = people[start : start + _BLOCK]
        table = centres[some] @ centres[people].T
        for i, j in zip(*np.nonzero(table >= threshold), strict=True):
            if some[i] < people[j]:
                found.append((int(some[i]), int(people[j]), float(table[i, j])))
    return found


def claims(
    vectors: Floats,
    rows: Places,
    centres: Floats,
    sure: NDArray[np.bool_],
    asked: NDArray[np.bool_],
    alike: Sequence[tuple[int, int, float]],
) -> Claims:
    """Of each face that is asked for the most similar person of another folder.

    Args:
        vectors: (n, d).
        rows: of each face the row of its folder, (n,).
        centres: of each folder's person, (f, d).
        sure: whether it rests on several faces, (f,): others claim nothing.
        asked: which faces, (n,).
        alike: pairs of folders of one person, which claim nothing of each other.
    """
    folder, similarity = np.full(len(vectors), -1, np.intp), np.full(len(vectors), np.nan)
    people = np.flatnonzero(sure)
    faces = np.flatnonzero(asked)
    if not len(people):
        return Claims(folder, similarity)
    column = {int(person): place for place, person in enumerate(people)}
    own: dict[int, list[int]] = {person: [place] for person, place in column.items()}
    for one, other, _ in alike:
        own.setdefault(one, []).append(column[other])
        own.setdefault(other, []).append(column[one])
    for start in range(0, len(faces), _BLOCK):
        some = faces[start : start + _BLOCK]
        table = vectors[some] @ centres[people].T
        for i, row in enumerate(rows[some].tolist()):
            table[i, own.get(row, [])] = -np.inf
        best = table.argmax(axis=1)
        value = table[np.arange(len(some)), best]
        real = np.isfinite(value)
        folder[some[real]], similarity[some[real]] = people[best[real]], value[real]
    return Claims(folder, similarity)
