"""One transaction on a gallery."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.names import checked_name, checked_text, name_key
from facewise.gallery.records import NewFace, Person, checked_time
from facewise.gallery.stores.face_log import Event, next_version, runs
from facewise.gallery.stores.relational import rows
from facewise.gallery.stores.relational.database import Database
from facewise.gallery.stores.relational.log_table import append, trim
from facewise.gallery.stores.relational.reading import RelationalReading, in_parts
from facewise.gallery.stores.relational.state import read_state, write_state

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from facewise.gallery.change import PersonFields
    from facewise.gallery.chip_form import ChipForm
    from facewise.gallery.vector_form import VectorForm


class RelationalChange(RelationalReading):
    """`gallery.change.Change` within a transaction that is open; see there.

    Attributes:
        version: of the store after it, when it is finished; None where it changed nothing.
        only_state_to_erase: what it left behind is a text in the state's row, and nothing else is
            to be erased.
    """

    def __init__(
        self, database: Database, dimension: int, form: VectorForm, chips: ChipForm
    ) -> None:
        super().__init__(database, chips)
        self._dimension = dimension
        self._form = form
        self._events: list[Event] = []
        self._more_people = self._more_faces = self._more_chips = 0
        self._left_bytes = False
        self.only_state_to_erase = False
        self.version: int | None = None
        self._open = True

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
        """See `Change.add_person`."""
        name = self._free_name(name)
        texts = _texts(name, notes, consent, retain_until)
        checked_time("created", created)
        time = rows.now() if created is None else rows.time_text(created)
        [person_id] = self._new_ids("people", 1, None if person_id is None else [person_id])
        checksum = rows.checksum(person_id, *texts, time)
        row = (person_id, name, name_key(name), *texts[1:], time, checksum)
        self._connection().insert("people", [row])
        self._events.append(Event("people", 0, 0))
        self._more_people += 1
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
        self._more_chips -= self._connection().value(
            "SELECT count(*) FROM chips JOIN faces ON face_id = faces.id WHERE person_id = ?",
            (person_id,),
        )
        self._connection().run("DELETE FROM people WHERE id = ?", (person_id,))  # and its faces
        self._more_people -= 1
        self._more_faces -= len(faces)
        self._events += [Event("people", 0, 0), *runs("removed", faces)]
        self._left_bytes = True
        return len(faces)

    def add_faces(
        self, person_id: int, faces: Sequence[NewFace], *, face_ids: Sequence[int] | None = None
    ) -> list[int]:
        """See `Change.add_faces`."""
        person_id = self._required(person_id).id
        for face in faces:
            if face.vector.shape != (self._dimension,):
                raise GalleryError(
                    f"vector: expected {self._dimension} numbers, as the gallery's model gives, "
                    f"got {len(face.vector)}"
                )
        ids, time = self._new_ids("faces", len(faces), face_ids), rows.now()
        given = [face.vector for face in faces]
        vectors = np.array(given, np.float32).reshape(-1, self._dimension)
        values, chips = [], []
        for face_id, face, vector in zip(ids, faces, self._form.encode(ids, vectors), strict=True):
            box = (None,) * 4 if face.box is None else face.box
            created = time if face.created is None else rows.time_text(face.created)
            about = (face.source, *box, face.quality, created)
            checksums = (
                rows.checksum(face_id, *about),
                rows.vector_checksum(face_id, person_id, vector),
            )
            values.append((face_id, person_id, *about, *checksums, vector))
            if face.chip is not None:
                chip = self._chips.encode(face_id, face.chip)
                chips.append((face_id, chip, zlib.crc32(chip)))
        self._connection().insert("faces", values)
        self._connection().insert("chips", chips)
        self._events += runs("added", ids)
        self._more_faces += len(values)
        self._more_chips += len(chips)
        return ids

    def move_faces(self, face_ids: Sequence[int], to_person: int) -> None:
        """See `Change.move_faces`."""
        to_person = self._required(to_person).id
        ids = self._present(face_ids)
        for some, places in in_parts(ids):
            found = self._connection().rows(
                f"SELECT id, vector FROM faces WHERE id IN ({places})",  # noqa: S608
                some,
            )
            self._connection().run_many(
                "UPDATE faces SET person_id = ?, vector_checksum = ? WHERE id = ?",
                [
                    (to_person, rows.vector_checksum(face_id, to_person, vector), face_id)
                    for face_id, vector in found
                ],
            )
        self._events += runs("moved", ids)

    def remove_faces(self, face_ids: Sequence[int]) -> None:
        """See `Change.remove_faces`."""
        ids = self._present(face_ids)
        for some, places in in_parts(ids):
            self._more_chips -= self._connection().value(
                f"SELECT count(*) FROM chips WHERE face_id IN ({places})",  # noqa: S608
                some,
            )
            self._connection().run(f"DELETE FROM faces WHERE id IN ({places})", some)  # noqa: S608
        self._more_faces -= len(ids)
        self._events += runs("removed", ids)
        self._left_bytes = self._left_bytes or bool(ids)

    def skip_ids(self, people: int, faces: int) -> None:
        """See `Change.skip_ids`."""
        self._connection().skip_ids("people", int(people))
        self._connection().skip_ids("faces", int(faces))

    def note(
        self,
        action: str,
        person_id: int | None = None,
        count: int = 0,
        detail: str = "",
        *,
        time: datetime | None = None,
    ) -> None:
        """See `Change.note`."""
        if not action or count < 0:
            raise GalleryError(
                f"note: expected an action and a count of at least 0, got {action!r:.60}, {count}"
            )
        checked_time("time", time)
        entry = (
            self._connection().next_id("audit"),
            rows.now() if time is None else rows.time_text(time),
            checked_text("action", action),
            None if person_id is None else int(person_id),
            int(count),
            checked_text("detail", detail),
        )
        self._connection().insert("audit", [(*entry, rows.checksum(*entry))])

    def reseal(self, sealing: str) -> None:
        """Put another text in the place of the state's `sealing`; the old one is to be erased."""
        state = read_state(self._connection())
        write_state(self._connection(), replace(state, sealing=sealing))
        self._events.append(Event("people", 0, 0))
        self._left_bytes = True
        self.only_state_to_erase = state.removed_at <= state.erased_at

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
        database.grow(self._more_people, self._more_faces, self._more_chips)
        write_state(database, state)
        self.version = version

    def end(self) -> None:
        """Refuse everything from now on."""
        self._open = False

    def _new_ids(self, table: str, count: int, asked: Sequence[int] | None) -> list[int]:
        first = self._connection().next_id(table)
        if asked is None:
            return list(range(first, first + count))
        ids = [int(id_) for id_ in asked]
        if len(ids) != count or any(b <= a for a, b in pairwise([first - 1, *ids])):
            raise GalleryError(
                f"ids of {table}: expected {count}, ascending from {first} on, got {ids!r:.60}"
            )
        return ids

    def _connection(self) -> Database:
        if not self._open:
            raise GalleryError(f"{self._database.name}: this change has ended; begin another")
        return self._database

    def _required(self, person_id: int) -> Person:
        found = self.person(person_id)
        if found is None:
            raise GalleryError(f"{self._database.name}: no person {person_id}")
        return found

    def _free_name(self, name: str, beside: int | None = None) -> str:
        name = checked_name(name)
        for other in self.find_people(name):
            if other.id != beside:
                raise GalleryError(
                    f"{self._database.name}: there is a person {other.name!r} already "
                    f"(number {other.id})"
                )
        return name

    def _present(self, face_ids: Iterable[int]) -> list[int]:
        ids = sorted({int(face_id) for face_id in face_ids})
        for some, places in in_parts(ids):
            sql = f"SELECT id FROM faces WHERE id IN ({places})"  # noqa: S608
            missing = set(some) - {row[0] for row in self._connection().rows(sql, some)}
            if missing:
                raise GalleryError(f"{self._database.name}: no face {min(missing)}")
        return ids


def _texts(
    name: str, notes: str, consent: str, retain_until: date | None
) -> tuple[str | None, ...]:
    if retain_until is not None and (
        not isinstance(retain_until, date) or isinstance(retain_until, datetime)
    ):
        raise GalleryError(f"retain_until: expected a date, got {retain_until!r:.60}")
    day = None if retain_until is None else retain_until.isoformat()
    return name, checked_text("notes", notes), checked_text("consent", consent), day
