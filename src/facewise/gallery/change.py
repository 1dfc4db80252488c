"""The contract of stores, in two parts of it: what can be read, and what a change can do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol, TypedDict

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from facewise.gallery.records import FaceRecord, NewFace, Person


class PersonFields(TypedDict, total=False):
    """What of a person can be changed; see `Person`."""

    name: str
    notes: str
    consent: str
    retain_until: date | None


class Reading(Protocol):
    """Looking things up. A store sees what is committed, a change also what it did itself.

    What is not there is None or an empty list. Every method raises `GalleryError` where the store
    is damaged or cannot be reached.
    """

    def people(self, after: int = 0, limit: int = 1000) -> list[Person]:
        """Up to `limit` people whose id is above `after`, ascending by id."""

    def person(self, person_id: int) -> Person | None:
        """The person of an id."""

    def people_of(self, person_ids: Sequence[int]) -> list[Person]:
        """Of some ids those people who are there, ascending by id, each once."""

    def find_people(self, name: str) -> list[Person]:
        """Who has exactly this name, but for case (`names.name_key`): one person, or nobody."""

    def face(self, face_id: int) -> FaceRecord | None:
        """The face of an id."""

    def faces(self, person_id: int) -> list[FaceRecord]:
        """The faces of a person, ascending by id."""

    def chip(self, face_id: int) -> bytes | None:
        """The picture of a face, a PNG file, as it was given."""


class Change(Reading, Protocol):
    """One transaction, from `Store.change`: all of it happens, or nothing.

    Changes of all processes happen one after another; what a change reads through itself stays so
    until it ends. A method that raises has changed nothing.
    """

    def add_person(
        self,
        name: str,
        notes: str = "",
        consent: str = "",
        retain_until: date | None = None,
        *,
        created: datetime | None = None,
        person_id: int | None = None,
    ) -> int:
        """Add a person.

        Args:
            name: see `names.checked_name`.
            notes: any text.
            consent: any text.
            retain_until: the last day on which the person may be kept.
            created: with a time zone; by default now (another time is for moving people between
                stores).
            person_id: which id to give, above all that were given before (also for moving people
                between stores); by default the next one.

        Returns:
            The id, above all that were given before.

        Raises:
            GalleryError: the name is taken or cannot be one, or another value is none.
        """

    def update_person(self, person_id: int, **fields: Unpack[PersonFields]) -> None:
        """Change name, notes, consent or `retain_until`.

        Raises:
            GalleryError: there is no such person or field, or as in `add_person`.
        """

    def remove_person(self, person_id: int) -> int:
        """Remove a person with all faces and chips.

        Returns:
            How many faces went.

        Raises:
            GalleryError: there is no such person.
        """

    def add_faces(
        self, person_id: int, faces: Sequence[NewFace], *, face_ids: Sequence[int] | None = None
    ) -> list[int]:
        """Add faces of a person.

        Args:
            person_id: whose they are.
            faces: what to add.
            face_ids: which ids to give, one for each, ascending and above all that were given
                before (for moving faces between stores); by default the next ones.

        Returns:
            Their ids, ascending, above all that were given before.

        Raises:
            GalleryError: there is no such person, a vector is not as long as those of the
                gallery's model, or the ids are not as they have to be.
        """

    def move_faces(self, face_ids: Sequence[int], to_person: int) -> None:
        """Give faces to another person; ids and everything else stay.

        Raises:
            GalleryError: there is no such person, or one of the faces is not there.
        """

    def remove_faces(self, face_ids: Sequence[int]) -> None:
        """Remove faces with their chips; their people stay.

        Raises:
            GalleryError: one of the faces is not there.
        """

    def skip_ids(self, people: int, faces: int) -> None:
        """Give no id up to these any more, as if they had been given (for moving between stores).

        Args:
            people: the last id that a person had; what is lower than that of the store, is nothing.
            faces: the same of a face.
        """

    def note(
        self,
        action: str,
        person_id: int | None = None,
        count: int = 0,
        detail: str = "",
        *,
        time: datetime | None = None,
    ) -> None:
        """Write into the audit log: never a name, never a vector.

        Args:
            action: `enrol`, `identify`, `forget`, ….
            person_id: whom it concerns.
            count: of faces, at least 0.
            detail: any text.
            time: with a time zone; by default now (another time is for moving a log between
                stores).

        Raises:
            GalleryError: an empty action, a count below 0, or a text that cannot be kept.
        """
