"""Looking things up in a gallery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from facewise.errors import GalleryError
from facewise.gallery.chip_form import ChipForm
from facewise.gallery.names import name_key
from facewise.gallery.records import FaceRecord, Person
from facewise.gallery.stores.relational import rows
from facewise.gallery.stores.relational.database import Database, Row

T = TypeVar("T")

_AT_ONCE = 500  # values of one statement


class RelationalReading:
    """`gallery.change.Reading` over one connection; see there.

    Args:
        database: the connection.
        chips: form of the chips in its rows.
    """

    def __init__(self, database: Database, chips: ChipForm) -> None:
        self._database = database
        self._chips = chips

    def people(self, after: int = 0, limit: int = 1000) -> list[Person]:
        """See `Reading.people`."""
        sql = f"SELECT {rows.PERSON} FROM people WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
        return self._records(rows.person, sql, (int(after), max(int(limit), 0)))

    def person(self, person_id: int) -> Person | None:
        """See `Reading.person`."""
        sql = f"SELECT {rows.PERSON} FROM people WHERE id = ?"  # noqa: S608
        return _only(self._records(rows.person, sql, (int(person_id),)))

    def people_of(self, person_ids: Sequence[int]) -> list[Person]:
        """See `Reading.people_of`."""
        found: list[Person] = []
        for some, places in in_parts(sorted({int(person_id) for person_id in person_ids})):
            sql = f"SELECT {rows.PERSON} FROM people WHERE id IN ({places}) ORDER BY id"  # noqa: S608
            found += self._records(rows.person, sql, some)
        return found

    def find_people(self, name: str) -> list[Person]:
        """See `Reading.find_people`."""
        sql = f"SELECT {rows.PERSON} FROM people WHERE key = ?"  # noqa: S608
        try:
            key = name_key(name).encode().decode()
        except UnicodeEncodeError:  # half of a character: nobody can have such a name
            return []
        if "\0" in key:  # nor this, and not every database takes it
            return []
        return self._records(rows.person, sql, (key,))

    def face(self, face_id: int) -> FaceRecord | None:
        """See `Reading.face`."""
        sql = f"SELECT {rows.FACE} FROM faces WHERE id = ?"  # noqa: S608
        return _only(self._records(rows.face, sql, (int(face_id),)))

    def faces(self, person_id: int) -> list[FaceRecord]:
        """See `Reading.faces`."""
        sql = f"SELECT {rows.FACE} FROM faces WHERE person_id = ? ORDER BY id"  # noqa: S608
        return self._records(rows.face, sql, (int(person_id),))

    def chip(self, face_id: int) -> bytes | None:
        """See `Reading.chip`."""
        sql = f"SELECT {rows.CHIP} FROM chips WHERE face_id = ?"  # noqa: S608
        record = partial(rows.chip, form=self._chips)
        return _only(self._records(record, sql, (int(face_id),)))

    def _connection(self) -> Database:
        return self._database

    def _records(
        self, record: Callable[[Row], T], sql: str, values: Sequence[int | str]
    ) -> list[T]:
        found = self._connection().rows(sql, values)
        try:
            return [record(row) for row in found]
        except GalleryError as error:
            raise GalleryError(f"{self._database.name}: {error}") from None


def _only(found: list[T]) -> T | None:
    return found[0] if found else None


def in_parts(ids: Sequence[int]) -> Iterator[tuple[Sequence[int], str]]:
    """Some of many ids at a time, with the places of so many values in a statement."""
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        yield some, ", ".join("?" * len(some))
