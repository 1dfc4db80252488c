"""Faces that are enrolled as one person, and look like another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facewise.errors import ModelError
from facewise.gallery.enrolment import Remark
from facewise.gallery.names import name_key
from facewise.gallery.thresholds import search_threshold

if TYPE_CHECKING:
    from facewise.gallery.portraits import Portrait
    from facewise.gallery.records import Vectors
    from facewise.gallery.searching import Searcher
    from facewise.gallery.store import Store
    from facewise.zoo import ModelSpec


def someone_else(
    store: Store,
    index: Searcher,
    spec: ModelSpec,
    portraits: Sequence[Portrait],
    vectors: Vectors,
) -> list[Remark]:
    """Warn of faces, about to be enrolled, that are somebody else's already.

    The threshold is that of a search in the gallery (`search_threshold` with its default): of a
    hundred faces of new people, about one is warned of for nothing. Where the model has no measured
    thresholds nobody knows which similarity is high, and there are no warnings.

    Args:
        store: of the gallery.
        index: what searches it.
        spec: of the embedder.
        portraits: n, with the names of their people.
        vectors: float32 (n, d), of their faces.

    Raises:
        GalleryError: the store is damaged or cannot be reached.
    """
    try:
        threshold = search_threshold(spec, store.counts().faces + len(portraits)).value
    except ModelError:
        return []
    index.refresh()
    keys = [name_key(portrait.person) for portrait in portraits]
    names = {key: portrait.person for key, portrait in zip(keys, portraits, strict=True)}
    ids = {key: next((p.id for p in store.find_people(names[key])), None) for key in names}
    found = lookalikes(index, vectors, [ids[key] for key in keys], keys, threshold)
    remarks = []
    for portrait, other in zip(portraits, found, strict=True):
        if other is None:
            continue
        if other.row is not None:
            name = portraits[other.row].person
        else:
            person = store.person(other.person_id or 0)
            if person is None:  # forgotten a moment ago
                continue
            name = person.name
        text = f"looks like {name!r}, similarity {other.similarity:.3f} (from {threshold:.3f} on)"
        remarks.append(Remark(portrait.place, portrait.person, "someone else", text, enrolled=True))
    return remarks


class Lookalike(NamedTuple):
    """Who a face looks like.

    Attributes:
        person_id: of somebody in the gallery, or None where it is one of the same batch.
        row: of the face in the batch, or None.
        similarity: cosine, in [-1, 1].
    """

    person_id: int | None
    row: int | None
    similarity: float


def lookalikes(
    index: Searcher,
    vectors: Vectors,
    people: Sequence[int | None],
    keys: Sequence[str],
    threshold: float,
) -> list[Lookalike | None]:
    """For each new face somebody else's that is at least so similar, if there is one.

    Args:
        index: of the faces that are enrolled.
        vectors: float32 (n, d), of the new faces.
        people: (n), the number of each one's person, None for a new one.
        keys: (n), equal for the faces of one person.
        threshold: similarity, in [-1, 1].

    Returns:
        (n): of the gallery's people and the earlier faces of the batch the most similar one.
    """
    found: list[Lookalike | None] = []
    enrolled = index.search(vectors, 2, people=True)  # one of the two may be the person
    among = vectors @ vectors.T
    who = np.array(keys)
    for row, own in enumerate(people):
        best: Lookalike | None = None
        others = zip(
            enrolled.people[row].tolist(), enrolled.similarities[row].tolist(), strict=True
        )
        for person, similarity in others:
            if person >= 0 and person != own:
                best = Lookalike(person, None, similarity)
                break
        earlier = np.flatnonzero(who[:row] != who[row])
        if len(earlier):
            nearest = int(earlier[among[row, earlier].argmax()])
            if best is None or among[row, nearest] > best.similarity:
                best = Lookalike(None, nearest, float(among[row, nearest]))
        found.append(best if best is not None and best.similarity >= threshold else None)
    return found
