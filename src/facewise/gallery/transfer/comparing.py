"""Whether two stores hold the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery.finding import every_person
from facewise.gallery.transfer.rows import BATCH

if TYPE_CHECKING:
    from facewise.gallery.records import Person
    from facewise.gallery.store import Store


def compare(source: Store, target: Store) -> str:
    """Compare people, faces, chips and vectors, with their numbers and times, one by one.

    Returns:
        sha256 over what both hold.

    Raises:
        GalleryError: they are not equal; says where first.
    """
    if source.counts() != target.counts():
        raise GalleryError(
            f"{target.url}: not as {source.url}: {target.counts()}, expected {source.counts()}"
        )
    total = hashlib.sha256()
    for mine, theirs in zip_longest(every_person(source), every_person(target)):
        total.update(_same_person(source, target, mine, theirs).encode())
    for mine, theirs in zip_longest(_vectors(source), _vectors(target)):
        if mine != theirs:
            face, person = (mine or theirs)[:2]
            raise _different(source, target, f"the vector of face {face}, of person {person}")
        total.update(f"{mine[0]} {mine[1]}".encode() + mine[2])
    return total.hexdigest()


def _same_person(source: Store, target: Store, mine: Person | None, theirs: Person | None) -> str:
    """A text that says all of a person and the faces, but for the vectors."""
    if mine is None or mine != theirs:
        known = mine or theirs
        number = None if known is None else known.id
        raise _different(source, target, f"person {number}")
    faces, copies = source.faces(mine.id), target.faces(mine.id)
    if faces != copies:
        raise _different(source, target, f"the faces of person {mine.id}")
    for face in faces:
        if face.has_chip and source.chip(face.id) != target.chip(face.id):
            raise _different(source, target, f"the chip of face {face.id}")
    return repr((mine, faces))


def _vectors(store: Store) -> Iterator[tuple[int, int, bytes]]:
    for block in store.vectors(block=BATCH):
        ids = zip(block.face_ids.tolist(), block.person_ids.tolist(), strict=True)
        for (face, person), vector in zip(ids, block.vectors, strict=True):
            yield face, person, vector.astype("<f4").tobytes()


def _different(source: Store, target: Store, what: str) -> GalleryError:
    return GalleryError(f"{target.url}: not as {source.url}: {what}")
