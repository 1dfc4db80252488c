"""The people and faces of a store, one after another, on their way into a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from facewise.gallery.finding import every_person
from facewise.gallery.transfer.rows import BATCH, Row

if TYPE_CHECKING:
    from facewise.gallery.records import FaceRecord, ModelFacts, Person, Vectors
    from facewise.gallery.store import Store

T = TypeVar("T")


class Outgoing(Protocol):
    """What a format writes: faces with whom they show, wherever they come from."""

    @property
    def facts(self) -> ModelFacts:
        """What made the vectors."""

    @property
    def chips(self) -> bool:
        """With the pictures of the faces."""

    @property
    def means(self) -> bool:
        """One vector for each person, the mean of all."""

    def rows(self) -> Iterator[Row]:
        """Every face, those of a person one after another; from the beginning each time."""

    def labels(self) -> Iterator[tuple[str, str]]:
        """Name and source of every face, in the order of `rows`."""


_TRIES = 2  # before others who write have to wait


@dataclass(slots=True, kw_only=True)
class Leaving:
    """What a format writes.

    Attributes:
        store: of the gallery.
        chips: with the pictures of the faces.
        means: one vector for each person, the mean of all.
        done: called with the number of faces that are done.
        people: how many have been given.
        faceless: how many of them have no faces.
        faces: how many have been given.
        chips_given: how many have been given.
    """

    store: Store
    chips: bool = False
    means: bool = False
    done: Callable[[int], object] = lambda _: None
    people: int = field(default=0, init=False)
    faceless: int = field(default=0, init=False)
    faces: int = field(default=0, init=False)
    chips_given: int = field(default=0, init=False)

    @property
    def facts(self) -> ModelFacts:
        """What made the vectors."""
        return self.store.facts()

    def records(self) -> Iterator[tuple[Person, FaceRecord | None]]:
        """Every face with its person; None for a person without faces. By person, then by face."""
        for person in every_person(self.store):
            faces = self.store.faces(person.id)
            for face in faces:
                yield person, face
            if not faces:
                yield person, None

    def labels(self) -> Iterator[tuple[str, str]]:
        """Name and source of every face; from the beginning each time."""
        for person, face in self.records():
            if face is not None:
                yield person.name, face.source

    def rows(self) -> Iterator[Row]:
        """Every face with its vector, and people without faces; from the beginning each time."""
        self.people = self.faceless = self.faces = self.chips_given = 0
        last = None
        places = count(1)
        records = self.records()
        while batch := list(islice(records, BATCH)):
            block = self.store.vectors_of([face.id for _, face in batch if face is not None])
            vectors = dict(zip(block.face_ids.tolist(), block.vectors, strict=True))
            for person, face in batch:
                if face is not None and face.id not in vectors:
                    continue  # it went away meanwhile; `steady` knows
                self.people += person.id != last
                last = person.id
                yield self._row(f"row {next(places)}", person, face, vectors)
            self.done(self.faces)

    def _row(
        self, place: str, person: Person, face: FaceRecord | None, vectors: dict[int, Vectors]
    ) -> Row:
        about: dict[str, Any] = {
            "notes": person.notes,
            "consent": person.consent,
            "retain_until": person.retain_until,
            "person_created": person.created,
            "person_id": person.id,
        }
        if face is None:
            self.faceless += 1
            return Row(place=place, name=person.name, vector=None, **about)
        self.faces += 1
        chip = self.store.chip(face.id) if self.chips and face.has_chip else None
        self.chips_given += chip is not None
        return Row(
            place=place,
            name=person.name,
            vector=vectors[face.id],
            source=face.source,
            box=face.box,
            quality=face.quality,
            created=face.created,
            chip=chip,
            face_id=face.id,
            **about,
        )


def steady(store: Store, work: Callable[[], T]) -> T:
    """Do something that reads all of a store, and read one state of it.

    If others changed the store meanwhile, it is done again; the last time they have to wait.

    Args:
        store: what is read.
        work: reads it from the beginning; may be called several times.

    Raises:
        GalleryError: others have been writing for too long.
    """
    for _ in range(_TRIES):
        version = store.version()
        try:
            result = work()
        except Exception:
            if store.version() == version:
                raise
            continue
        if store.version() == version:
            return result
    with store.change():
        return work()
