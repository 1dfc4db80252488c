"""Remove people and faces so that nothing of them stays in any file that facewise knows of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.errors import GalleryError, ModelError
from facewise.gallery.finding import every_person

if TYPE_CHECKING:
    from facewise.faces import EmbeddedFaces
    from facewise.gallery.records import Person, Vectors
    from facewise.gallery.searching import Searcher
    from facewise.gallery.store import Store


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was removed.

    Attributes:
        people: their numbers.
        faces: how many vectors went.
        chips: how many pictures of faces went.
        cached_results: how many entries of the cache of results went, because a face in them is
            as similar as two pictures of one person are.
    """

    people: tuple[int, ...]
    faces: int
    chips: int
    cached_results: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, by the names of the attributes."""
        return asdict(self)


def forget(
    store: Store,
    index: Searcher,
    people: Sequence[int] = (),
    faces: Sequence[int] = (),
    action: str = "forget",
) -> Forgotten:
    """Remove people with all their faces, and single faces; see `Gallery.forget`.

    First the cache of results, which may be lost; then the store, in one transaction; then their
    bytes in the store's files and in the index. What an interrupted call has removed and not
    erased, `finish` erases: every later call of this function does, also one that finds nobody.

    Args:
        store: of the gallery.
        index: what searches it.
        people: numbers of people.
        faces: numbers of faces; their people stay.
        action: for the audit log.

    Raises:
        GalleryError: there is no such person or face (nothing was removed); or the files are in use
            (removed, but not erased yet).
        OSError: the cache of results cannot be written (nothing was removed), or the index (removed
            from the store, but not from its files).
    """
    missing = [f"person {id_}" for id_ in people if store.person(id_) is None]
    missing += [f"face {id_}" for id_ in faces if store.face(id_) is None]
    if missing:
        finish(store, index)
        raise GalleryError(f"no {', '.join(missing[:5])} in this gallery; nothing was removed")
    known = [face for person in people for face in store.faces(person)]
    known += [face for face in map(store.face, faces) if face is not None]
    cached = forget_results(store, store.vectors_of([face.id for face in known]).vectors)
    with store.change() as change:
        count = 0
        for person in people:
            removed = change.remove_person(person)
            change.note(action, person, removed)
            count += removed
        single = {id_: face for id_ in faces if (face := change.face(id_)) is not None}
        change.remove_faces(list(single))
        for person in sorted({face.person_id for face in single.values()}):
            own = sum(face.person_id == person for face in single.values())
            change.note(action, person, own, "single faces")
    finish(store, index)
    chips = len({face.id for face in known if face.has_chip})
    return Forgotten(tuple(people), count + len(single), chips, cached)


def finish(store: Store, index: Searcher) -> None:
    """Erase what was removed and may still be there, in the store's files and in the index.

    Raises:
        GalleryError: the files are in use; call it again later.
        OSError: the index cannot be written.
    """
    store.erase()
    index.refresh()


def expired(store: Store, today: date) -> list[Person]:
    """Who was to be kept until a day that is over."""
    return [
        person
        for person in every_person(store)
        if person.retain_until is not None and person.retain_until < today
    ]


def forget_results(store: Store, vectors: Vectors) -> int:
    """Remove from the user's cache what was found in pictures of the people behind vectors.

    A result goes when a face in it is as similar to one of the vectors as the model's threshold
    for FAR 1e-3 (also photos that were only identified have such results). Where the model has no
    such threshold, all results with vectors of this length go. Results of other models are not
    known by this: they stay.

    Args:
        store: of the gallery, which knows its model.
        vectors: float32 (n, d).

    Returns:
        How many results went.

    Raises:
        OSError: the cache is there and cannot be written.
    """
    from facewise.result_cache import ResultCache, results_file

    path = results_file()
    if not path.exists() or not len(vectors):
        return 0
    alike = _alike(store)

    def theirs(found: EmbeddedFaces) -> bool:
        if found.embeddings.shape[1] != vectors.shape[1]:
            return False
        return bool((found.embeddings @ vectors.T >= alike).any())

    with ResultCache(path) as cache:
        return cache.remove(theirs)


def _alike(store: Store) -> float:
    from facewise.zoo import get_spec

    facts = store.facts()
    try:
        return get_spec(facts.model).threshold(1e-3).value
    except ModelError:
        return -np.inf
