"""Whom of a gallery a face may show: the most similar people, or the most similar faces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from facewise.gallery.digests import name_in
from facewise.gallery.templates import Template, person_templates

if TYPE_CHECKING:
    from facewise.gallery.records import Ids, Vectors
    from facewise.gallery.search import Matches
    from facewise.gallery.searching import Searcher
    from facewise.gallery.store import Store

TOP = 5
"""Candidates of a face, if nothing else is asked for."""

_SHORTLIST = 20
"""People at least, by their best face, whose templates are compared. Who is most similar by the
template and not among the 20 most similar by a single face is missed."""


_MANY = 1000
"""Candidates of a face from which on it is looked how many there can be."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody whom a face may show.

    Attributes:
        person_id: of the gallery.
        name: of the person.
        similarity: cosine to the person's template (or best face), in [-1, 1].
        face_id: the person's most similar face.
        source: where that came from; empty unless faces were searched for.
    """

    person_id: int
    name: str
    similarity: float
    face_id: int
    source: str = ""


def candidates_of(
    store: Store, index: Searcher, probes: Vectors, k: int = TOP, template: Template = "best"
) -> list[tuple[Candidate, ...]]:
    """The people whom probes resemble most.

    Args:
        store: of the gallery.
        index: what searches it.
        probes: float32 (m, d), of unit length.
        k: people for each probe, at least 1.
        template: what of a person is compared. `mean` and `quality` are compared for the people
            of a shortlist by best face (`_SHORTLIST`, or 4 k).

    Returns:
        For each probe up to k candidates, the most similar first.

    Raises:
        GalleryError: the store is damaged or cannot be reached.
    """
    if not len(probes):
        return []
    index.refresh()
    k = _at_most(store, k)
    width = k if template == "best" else max(_SHORTLIST, 4 * k)
    found = index.search(probes, width, people=True)
    similarities = found.similarities.astype(np.float32)
    if template != "best":
        ids, templates = person_templates(
            store, np.unique(found.people[found.people >= 0]), template
        )
        places = {id_: place for place, id_ in enumerate(ids.tolist())}
        compared = probes @ templates.T
        for row, people in enumerate(found.people.tolist()):
            for column, person in enumerate(people):
                place = places.get(person)
                similarities[row, column] = -np.inf if place is None else compared[row, place]
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return _named(store, found, similarities, order)


def _at_most(store: Store, k: int) -> int:
    """No more candidates than there are faces: whoever asks for all may say any number."""
    return k if k <= _MANY else min(k, max(_MANY, store.counts().faces))


def _named(
    store: Store, found: Matches, similarities: Vectors, columns: Ids
) -> list[tuple[Candidate, ...]]:
    """The candidates of each probe, with the names that people have now.

    Args:
        store: of the gallery.
        found: (m, n).
        similarities: (m, n); minus infinity where there is no candidate.
        columns: int64 (m, k), which of the n and in which order.

    Returns:
        m times up to k; who was forgotten a moment ago is none of them.
    """
    faces, people, close = (
        np.take_along_axis(values, columns, 1)
        for values in (found.faces, found.people, similarities)
    )
    people = np.where(np.isfinite(close), people, -1)
    known: list[int] = np.unique(people).tolist()
    names = {person.id: person.name for person in store.people_of(known)}
    rows = zip(people.tolist(), faces.tolist(), close.clip(-1, 1).tolist(), strict=True)
    return [
        tuple(
            Candidate(person, names[person], similarity, face)
            for person, face, similarity in zip(*row, strict=True)
            if person in names
        )
        for row in rows
    ]


def faces_like(
    store: Store, index: Searcher, probes: Vectors, k: int
) -> list[tuple[Candidate, ...]]:
    """The faces that probes resemble most, with their sources; several may be of one person.

    Raises:
        GalleryError: the store is damaged or cannot be reached.
    """
    if not len(probes):
        return []
    index.refresh()
    found = index.search(probes, _at_most(store, k))
    every = np.broadcast_to(np.arange(found.faces.shape[1]), found.faces.shape)
    rows = _named(store, found, found.similarities, every)
    return [tuple(with_sources(store, row)) for row in rows]


def with_sources(store: Store, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """The same candidates, who know where the face came from."""
    for candidate in candidates:
        face = store.face(candidate.face_id)
        yield candidate if face is None else replace(candidate, source=name_in(face.source))
