"""The people of an open gallery: look at them, change them, forget them; no model is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery import editing, forgetting
from facewise.gallery.checking import note_erased, unerased
from facewise.gallery.finding import every_person, find_person
from facewise.gallery.opened import OpenedGallery
from facewise.gallery.overviews import PersonDetails, PersonOverview

if TYPE_CHECKING:
    from os import PathLike

    from typing_extensions import Unpack

    from facewise.gallery.change import PersonFields
    from facewise.gallery.forgetting import Forgotten
    from facewise.gallery.records import AuditEntry, Person
    from facewise.gallery.sealing.keys import Key
    from facewise.gallery.transfer.exporting import Exported, ExportOptions
    from facewise.gallery.transfer.imported import Imported, ImportOptions


class KeptPeople(OpenedGallery):
    """What `Gallery` can do without its model."""

    def list(self, after: int = 0, limit: int | None = None) -> Iterator[PersonOverview]:
        """The people by number, from above `after` on; how many faces each has."""
        for person in islice(every_person(self.store, after), limit):
            yield PersonOverview(person, len(self.store.faces(person.id)))

    def show(self, who: str | int) -> PersonDetails:
        """A person with the records of all faces.

        Raises:
            GalleryError: there is no such person.
        """
        person = find_person(self.store, who)
        return PersonDetails(person, tuple(self.store.faces(person.id)))

    def update(self, who: str | int, **fields: Unpack[PersonFields]) -> Person:
        """Change name, notes, consent or `retain_until` (a date, or None); see `editing.update`."""
        self.require_whole()
        return editing.update(self.store, who, **fields)

    def rename(self, who: str | int, name: str) -> Person:
        """Give a person another name; see `editing.update`."""
        return self.update(who, name=name)

    def merge(self, who: str | int, into: str | int) -> tuple[Person, int]:
        """Give all faces of one person to another and remove the first; see `editing.merge`."""
        self.require_whole()
        return editing.merge(self.store, who, into)

    def split(self, face_ids: Sequence[int], name: str) -> Person:
        """Give faces of one person to a new one; see `editing.split`."""
        self.require_whole()
        return editing.split(self.store, face_ids, name)

    def forget(self, who: str | int | None = None, *, faces: Sequence[int] = ()) -> Forgotten:
        """Remove a person with all faces, or single faces, so that no byte of them is left.

        Vectors and chips are gone from the store's files and from the index, and so are results in
        the user's cache that have a face like theirs. What it cannot reach: backups, exports,
        copies of the cache of other users or machines, and the pictures themselves; and what the
        answer names of a server (`Forgotten.out_of_reach`).

        Args:
            who: the person.
            faces: numbers of faces, whose people stay.

        Raises:
            GalleryError: there is no such person or face, or the user's cache cannot be opened;
                nothing was removed. Or the files are in use: it is removed and not erased; `erase`
                later.
        """
        people = []
        if who is not None:
            try:
                people = [find_person(self.store, who).id]
            except GalleryError:  # perhaps because an earlier call was interrupted
                self.erase()
                raise
        return forgetting.forget(self.store, lambda: self.index, people, faces)

    def expired(self, today: date | None = None) -> Sequence[Person]:
        """Who was to be kept until a day that is over (by default: by the local calendar)."""
        return forgetting.expired(self.store, today or date.today())

    def purge_expired(self, today: date | None = None) -> Forgotten:
        """Forget all who are `expired`; and erase what an interrupted call has left."""
        people = [person.id for person in self.expired(today)]
        return forgetting.forget(self.store, lambda: self.index, people, action="purge-expired")

    def erase(self) -> None:
        """Erase what was removed, renamed or merged and is not erased yet."""
        forgetting.finish(self.store, self.index)

    def export(self, path: str | PathLike[str], options: ExportOptions | None = None) -> Exported:
        """Write all people and faces into a file: Parquet, CSV, npz, facerec's h5 or protobuf.

        The file is never sealed, and `forget` does not reach it.

        Args:
            path: of a new file, whose suffix says in which format.
            options: another format, with chips, as means, over a file that is there.

        Raises:
            GalleryError: the file is there already, or its format cannot hold what is asked for.
            ExtraMissingError: a package is missing; says which.
            OSError: the file cannot be written.
        """
        from facewise.gallery.transfer.exporting import ExportOptions, export

        self.require_whole()
        return export(self.store, path, options or ExportOptions())

    def import_faces(
        self, path: str | PathLike[str], options: ImportOptions | None = None
    ) -> Imported:
        """Add the people and faces of a file: Parquet, CSV, npz, npy, facerec's h5 or protobuf.

        Or of a folder of shards, as `facewise embed` writes them (docs/embedding-at-scale.md).
        People of the same name become one. A face that is there already (the same source and
        vector) is passed over, so an interrupted call is simply made again. A row that cannot be
        used does not stop the others; a file that is damaged, or whose vectors have another length,
        is refused before anything is written.

        Args:
            path: of the file, or path or URL of the folder. Pickles are refused.
            options: the format, and whether the vectors are of the gallery's model, which most
                files do not say.

        Raises:
            GalleryError: nothing was added, or the store failed: what was added before that stays.
            ModelMismatchError: the vectors are of another model, or nobody says of which.
            ExtraMissingError: a package is missing; says which.
        """
        from facewise.gallery.transfer.imported import ImportOptions
        from facewise.gallery.transfer.importing import import_file

        self.require_whole()
        result = import_file(self.store, path, options or ImportOptions())
        self.index.refresh()
        self.index.prepare()
        return result

    def change_key(self, key: Key) -> None:
        """Seal the gallery with another key; see `Store.change_key`."""
        self.store.change_key(key)
        note_erased(self.store, unerased(self.store))

    def audit(self, limit: int = 100) -> Sequence[AuditEntry]:
        """What was done, the newest first."""
        return self.store.audit(limit)
