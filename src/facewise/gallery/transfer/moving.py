"""Move a gallery to another store: everything, exactly once, and on from where a run was killed.

People and faces keep their numbers and times. Both are copied in the order of their numbers, so
that what the target has says how far an earlier run came. The target's audit log begins with an
entry that names the source and its version. When all is there and was compared, the entries of the
source's log follow between two more, in one transaction; until then the target is unfinished. The
source is only read; whoever changes its people or faces meanwhile ends the migration.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from facewise.errors import GalleryError
from facewise.gallery.finding import every_person
from facewise.gallery.records import NewFace
from facewise.gallery.transfer.audit_log import Mark, entries, is_unfinished, marks
from facewise.gallery.transfer.comparing import compare

if TYPE_CHECKING:
    from facewise.gallery.records import Vectors
    from facewise.gallery.store import Store

TOGETHER = 512
"""People or faces of one transaction."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What was moved.

    Attributes:
        source: URL of the gallery it came from.
        target: URL of the gallery where it is now.
        people: how many there are.
        faces: how many there are.
        chips: how many there are.
        copied: how many of the faces this run has copied; earlier ones did the others.
        audit: how many entries of the audit log this run has copied.
        checksum: sha256 over people, faces and vectors, which are equal in both.
    """

    source: str
    target: str
    people: int
    faces: int
    chips: int
    copied: int
    audit: int
    checksum: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, by the names of the attributes."""
        return asdict(self)


class Move:
    """One run of `migrate`; see there."""

    def __init__(self, source: Store, target: Store) -> None:
        self._source = source
        self._target = target
        self._mark = Mark(source.identity(), source.version())

    def run(self, done: Callable[[int], object]) -> Migration:
        """Copy what is not there yet, and compare both.

        Raises:
            GalleryError: see `migrate`.
            ModelMismatchError: the target is for another model.
        """
        source, target = self._source, self._target
        if source.identity() == target.identity():
            raise GalleryError(f"{target.url}: is the same gallery as {source.url}")
        if is_unfinished(source):
            raise GalleryError(
                f"{source.url}: the target of a migration that is not complete; complete that first"
            )
        target.facts().require(source.facts(), place=target.url)
        counts = source.counts()
        copied = audit = 0
        finished = self._begin()
        if not finished:
            self._people()
            copied = self._faces(done)
        try:
            checksum = compare(source, target)
            self._check_source()
        except GalleryError as error:
            if not finished:
                raise
            raise GalleryError(
                f"{target.url}: the migration was complete on {finished}, and one of the two was "
                f"changed since: {error}"
            ) from None
        if not finished:
            audit = self._finish()
        return Migration(source.url, target.url, *counts, copied, audit, checksum)

    def _begin(self) -> str:
        """Begin, or make sure that the target is what was begun; when it was finished, if it was.

        Raises:
            GalleryError: the target is something else.
        """
        target = self._target
        found = marks(target, self._mark.identity)
        if found.complete is not None:
            return f"{found.complete:%Y-%m-%d %H:%M:%S} UTC"
        if found.begun is not None:
            if found.begun != self._mark:
                raise self._changed()
            return ""
        if found.others or target.counts() != (0, 0, 0):
            raise GalleryError(
                f"{target.url}: another gallery; expected a new one, or one that a migration of "
                f"{self._source.url} has begun"
            )
        with target.change() as change:
            self._mark.note_begun(change)
        return ""

    def _people(self) -> None:
        """Copy those who are not there yet."""
        target = self._target
        last = _last(lambda after: next((p.id for p in target.people(after, 1)), None))
        people = every_person(self._source, last)
        while some := list(islice(people, TOGETHER)):
            with target.change() as change:
                self._check_source()
                for person in some:
                    change.add_person(
                        person.name,
                        person.notes,
                        person.consent,
                        person.retain_until,
                        created=person.created,
                        person_id=person.id,
                    )

    def _faces(self, done: Callable[[int], object]) -> int:
        """Copy those that are not there yet; how many those were."""
        there, copied = self._target.counts().faces, 0
        last = _last(self._target_face)
        for block in self._source.vectors(last, TOGETHER):
            with self._target.change() as change:
                self._check_source()
                rows = zip(
                    block.face_ids.tolist(), block.person_ids.tolist(), block.vectors, strict=True
                )
                for person, faces in groupby(rows, lambda row: row[1]):
                    each = [(face, self._face(face, vector)) for face, _, vector in faces]
                    ids, news = zip(*each, strict=True)
                    change.add_faces(person, news, face_ids=ids)
            copied += len(block.face_ids)
            done(there + copied)
        return copied

    def _target_face(self, after: int) -> int | None:
        """The first face of the target above a number."""
        with closing(self._target.vectors(after, 1)) as blocks:  # type: ignore[type-var]
            return next((int(block.face_ids[0]) for block in blocks if len(block.face_ids)), None)

    def _face(self, face_id: int, vector: Vectors) -> NewFace:
        record = self._source.face(face_id)
        if record is None:
            raise self._changed()
        chip = self._source.chip(face_id) if record.has_chip else None
        return NewFace(vector, record.source, record.box, record.quality, chip, record.created)

    def _finish(self) -> int:
        """Copy the audit log, and say that all is there; how many entries there were."""
        count = 0
        with self._target.change() as change:
            self._mark.note_log(change)
            for entry in entries(self._source):
                count += 1
                change.note(
                    entry.action, entry.person_id, entry.count, entry.detail, time=entry.time
                )
            change.skip_ids(*self._source.last_ids())  # nobody gets the number of who was forgotten
            self._mark.note_complete(change, self._target.counts().faces)
        return count

    def _check_source(self) -> None:
        if self._source.version() != self._mark.version:
            raise self._changed()

    def _changed(self) -> GalleryError:
        return GalleryError(
            f"{self._source.url}: people or faces were changed since the migration to "
            f"{self._target.url} was begun; remove the unfinished target and begin again, while "
            "nobody changes anything"
        )


def _last(first_above: Callable[[int], int | None]) -> int:
    """The highest number, found with few questions; 0 where there is none.

    Args:
        first_above: gives the lowest number that is above another.
    """
    last, step = 0, 1
    while True:
        found = first_above(last + step - 1)
        if found is not None:
            last, step = found, 2 * step
        elif step == 1:
            return last
        else:
            step //= 2
