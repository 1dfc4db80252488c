"""Remove people and faces so that nothing of them stays in any file that facewise knows of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.errors import GalleryError, ModelError
from facewise.gallery.checking import note_erased, unerased
from facewise.gallery.finding import every_person

if TYPE_CHECKING:
    from facewise.faces import EmbeddedFaces
    from facewise.gallery.records import FaceRecord, Person, Vectors
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
        out_of_reach: where in the store it may still be, in words (see `Store`); empty: nowhere.
    """

    people: tuple[int, ...]
    faces: int
    chips: int
    cached_results: int
    out_of_reach: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, by the names of the attributes."""
        return asdict(self)


def forget(
    store: Store,
    index: Callable[[], Searcher],
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
        index: gives what searches it; asked after the removal, without which an index of a damaged
            store may not come about.
        people: numbers of people.
        faces: numbers of faces; their people stay.
        action: for the audit log.

    Raises:
        GalleryError: there is no such person or face, or the cache of results cannot be opened or
            written (nothing was removed); or the files are in use (removed, but not erased yet).
        OSError: the index cannot be written (removed from the store, but not from its files).
    """
    missing = [f"person {id_}" for id_ in people if store.person(id_) is None]
    missing += [f"face {id_}" for id_ in faces if store.face(id_) is None]
    if missing:
        finish(store, index())
        raise GalleryError(f"no {', '.join(missing[:5])} in this gallery; nothing was removed")
    known = [face for person in people for face in store.faces(person)]
    known += [face for face in map(store.face, faces) if face is not None]
    cached = 0
    if known:
        with _of_the_cache("nothing was removed; try again"):
            cached = forget_results(store, _vectors_of(store, known))
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
    finish(store, index())
    chips = len({face.id for face in known if face.has_chip})
    return Forgotten(tuple(people), count + len(single), chips, cached, store.out_of_reach)


def finish(store: Store, index: Searcher) -> None:
    """Erase what was removed and may still be there: in the store, the index, the user's cache.

    Raises:
        GalleryError: the files, or the cache, are in use; call it again later.
        OSError: the index cannot be written.
    """
    from facewise.result_cache import ResultCache, results_file

    known = unerased(store)
    store.erase()
    index.refresh()
    with _of_the_cache("the gallery is erased, the cache perhaps not; run purge-expired again"):
        if results_file().exists():
            with ResultCache(results_file(), strict=True) as cache:
                cache.erase()
    note_erased(store, known)


def expired(store: Store, today: date) -> list[Person]:
    """Who was to be kept until a day that is over."""
    return [
        person
        for person in every_person(store)
        if person.retain_until is not None and person.retain_until < today
    ]


def forget_results(store: Store, vectors: Vectors | None) -> int:
    """Remove from the user's cache what was found in pictures of the people behind vectors.

    A result goes when a face in it is as similar to one of the vectors as the model's threshold
    for FAR 1e-3 (also photos that were only identified have such results). Where the model has no
    such threshold, or the vectors are not known, all results with vectors of the model's length go.
    Results of other models are not known by this: they stay.

    Args:
        store: of the gallery, which knows its model.
        vectors: float32 (n, d); None where they are damaged.

    Returns:
        How many results went.

    Raises:
        OSError: the cache is there and cannot be opened or written.
    """
    from facewise.result_cache import ResultCache, results_file

    path = results_file()
    if not path.exists():
        return 0
    d, alike = store.facts().embedding_size, _alike(store)

    def theirs(found: EmbeddedFaces) -> bool:
        if found.embeddings.shape[1] != d or not len(found.embeddings):
            return False
        return vectors is None or bool((found.embeddings @ vectors.T >= alike).any())

    with ResultCache(path, strict=True) as cache:
        return cache.remove(theirs)


@contextmanager
def _of_the_cache(state: str) -> Iterator[None]:
    """Say what was done and what not, where the cache of results refuses.

    Raises:
        GalleryError: in its place.
    """
    try:
        yield
    except OSError as error:
        raise GalleryError(
            f"{error.filename}: the cache of results: {error.strerror}; {state}. The file may be "
            "deleted (if it is another user's, point FACEWISE_CACHE elsewhere)"
        ) from error


def _vectors_of(store: Store, faces: Sequence[FaceRecord]) -> Vectors | None:
    try:
        return store.vectors_of([face.id for face in faces]).vectors
    except GalleryError:  # damaged; if it is anything else, the change will fail too
        return None


def _alike(store: Store) -> float:
    from facewise.zoo import get_spec

    facts = store.facts()
    try:
        return get_spec(facts.model).threshold(1e-3).value
    except ModelError:
        return -np.inf
