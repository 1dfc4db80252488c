"""One transaction on a gallery's file."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery.names import checked_name, checked_text, name_key
from facewise.gallery.records import NewFace, Person, checked_time
from facewise.gallery.stores.face_log import Event, next_version, runs
from facewise.gallery.stores.sqlite import rows
from facewise.gallery.stores.sqlite.connection import Database
from facewise.gallery.stores.sqlite.log_table import append, trim
from facewise.gallery.stores.sqlite.reading import SqliteReading
from facewise.gallery.stores.sqlite.state import read_state, write_state

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from facewise.gallery.change import PersonFields


class SqliteChange(SqliteReading):
    """`gallery.change.Change` within a transaction that is open; see there."""

    def __init__(self, database: Database, dimension: int) -> None:
        super().__init__(database)
        self._dimension = dimension
        self._events: list[Event] = []
        self._left_bytes = False
        self._open = True

    def add_person(
        self,
        name: str,
        notes: str = "",
        consent: str = "",
        retain_until: date | None = None,
        *,
        created: datetime | None = None,
    ) -> int:
        """See `Change.add_person`."""
        name = self._free_name(name)
        texts = _texts(name, notes, consent, retain_until)
        checked_time("created", created)
        time = rows.now() if created is None else rows.time_text(created)
        person_id = self._next_id("people")
        self._connection().run(
            "INSERT INTO people (id, name, key, notes, consent, retain_until, created, checksum) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(person_id, name, name_key(name), *texts[1:], time),
                rows.checksum(person_id, *texts, time),
            ),
        )
        self._events.append(Event("people", 0, 0))
        return person_id

    def update_person(self, person_id: int, **fields: Unpack[PersonFields]) -> None:
        """See `Change.update_person`."""
        known = self._required(person_id)
        unknown = fields.keys() - {"name", "notes", "consent", "retain_until"}
        if unknown:
            raise GalleryError(f"person {person_id}: no such field: {sorted(unknown)[0]!r:.60}")
        name = known.name
        if "name" in fields:
            name = self._free_name(fields["name"], beside=known.id)
        texts = _texts(
            name,
            fields.get("notes", known.notes),
            fields.get("consent", known.consent),
            fields.get("retain_until", known.retain_until),
        )
        checksum = rows.checksum(known.id, *texts, rows.time_text(known.created))
        self._connection().run(
            "UPDATE people SET name = ?, key = ?, notes = ?, consent = ?, retain_until = ?, "
            "checksum = ? WHERE id = ?",
            (name, name_key(name), *texts[1:], checksum, known.id),
        )
        self._events.append(Event("people", 0, 0))
        self._left_bytes = True

    def remove_person(self, person_id: int) -> int:
        """See `Change.remove_person`."""
        person_id = self._required(person_id).id
        sql = "SELECT id FROM faces WHERE person_id = ? ORDER BY id"
        faces = [row[0] for row in self._connection().rows(sql, (person_id,))]
        self._connection().run("DELETE FROM people WHERE id = ?", (person_id,))  # and its faces
        self._events += [Event("people", 0, 0), *runs("removed", faces)]
        self._left_bytes = True
        return len(faces)

    def add_faces(self, person_id: int, faces: Sequence[NewFace]) -> list[int]:
        """See `Change.add_faces`."""
        person_id = self._required(person_id).id
        for face in faces:
            if face.vector.shape != (self._dimension,):
                raise GalleryError(
                    f"vector: expected {self._dimension} numbers, as the gallery's model gives, "
                    f"got {len(face.vector)}"
                )
        first, time = self._next_id("faces"), rows.now()
        ids = list(range(first, first + len(faces)))
        values, chips = [], []
        for face_id, face in zip(ids, faces, strict=True):
            vector = rows.blob(face.vector)
            box = (None,) * 4 if face.box is None else face.box
            created = time if face.created is None else rows.time_text(face.created)
            about = (face.source, *box, face.quality, created)
            checksums = (
                rows.checksum(face_id, *about),
                rows.vector_checksum(face_id, person_id, vector),
            )
            values.append((face_id, person_id, *about, *checksums, vector))
            if face.chip is not None:
                chips.append((face_id, face.chip, zlib.crc32(face.chip)))
        self._connection().run_many(
            "INSERT INTO faces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values
        )
        self._connection().run_many("INSERT INTO chips VALUES (?, ?, ?)", chips)
        self._events += runs("added", ids)
        return ids

    def move_faces(self, face_ids: Sequence[int], to_person: int) -> None:
        """See `Change.move_faces`."""
        to_person = self._required(to_person).id
        ids = self._present(face_ids)
        for face_id in ids:
            vector = self._connection().value("SELECT vector FROM faces WHERE id = ?", (face_id,))
            self._connection().run(
                "UPDATE faces SET person_id = ?, vector_checksum = ? WHERE id = ?",
                (to_person, rows.vector_checksum(face_id, to_person, vector), face_id),
            )
        self._events += runs("moved", ids)

    def remove_faces(self, face_ids: Sequence[int]) -> None:
        """See `Change.remove_faces`."""
        ids = self._present(face_ids)
        self._connection().run_many("DELETE FROM faces WHERE id = ?", ((id_,) for id_ in ids))
        self._events += runs("removed", ids)
        self._left_bytes = self._left_bytes or bool(ids)

    def note(
        self, action: str, person_id: int | None = None, count: int = 0, detail: str = ""
    ) -> None:
        """See `Change.note`."""
        if not action or count < 0:
            raise GalleryError(
                f"note: expected an action and a count of at least 0, got {action!r:.60}, {count}"
            )
        entry = (
            self._next_id("audit"),
            rows.now(),
            checked_text("action", action),
            None if person_id is None else int(person_id),
            int(count),
            checked_text("detail", detail),
        )
        self._connection().run(
            f"INSERT INTO audit ({rows.AUDIT}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (*entry, rows.checksum(*entry)),
        )

    def finish(self) -> None:
        """Write into the state and the face log what was done."""
        if not self._events:
            return
        database = self._connection()
        state = read_state(database)
        version = next_version(state.version)
        events = list(dict.fromkeys(self._events))  # "people" once is enough
        state = replace(state, version=version, log_start=trim(database, state, len(events)))
        append(database, version, events)
        if self._left_bytes:
            state = replace(state, removed_at=version)
        write_state(database, state)

    def end(self) -> None:
        """Refuse everything from now on."""
        self._open = False

    def _connection(self) -> Database:
        if not self._open:
            raise GalleryError(f"{self._database.path}: this change has ended; begin another")
        return self._database

    def _required(self, person_id: int) -> Person:
        found = self.person(person_id)
        if found is None:
            raise GalleryError(f"{self._database.path}: no person {person_id}")
        return found

    def _free_name(self, name: str, beside: int | None = None) -> str:
        name = checked_name(name)
        for other in self.find_people(name):
            if other.id != beside:
                raise GalleryError(
                    f"{self._database.path}: there is a person {other.name!r} already "
                    f"(number {other.id})"
                )
        return name

    def _present(self, face_ids: Iterable[int]) -> list[int]:
        ids = sorted({int(face_id) for face_id in face_ids})
        for face_id in ids:
            if not self._connection().rows("SELECT 1 FROM faces WHERE id = ?", (face_id,)):
                raise GalleryError(f"{self._database.path}: no face {face_id}")
        return ids

    def _next_id(self, table: str) -> int:
        sql = "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = ?"
        found: int = self._connection().value(sql, (table,))
        return found


def _texts(
    name: str, notes: str, consent: str, retain_until: date | None
) -> tuple[str | None, ...]:
    if retain_until is not None and (
        not isinstance(retain_until, date) or isinstance(retain_until, datetime)
    ):
        raise GalleryError(f"retain_until: expected a date, got {retain_until!r:.60}")
    day = None if retain_until is None else retain_until.isoformat()
    return name, checked_text("notes", notes), checked_text("consent", consent), day
