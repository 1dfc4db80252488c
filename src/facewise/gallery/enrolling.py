"""Enrol pictures: find the face of each, look at it, and keep it, some hundred at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ImageError
from facewise.gallery import digests
from facewise.gallery.enrolment import Enrolment, EnrolOptions, Remark
from facewise.gallery.judging import Read, judged, unreadable
from facewise.gallery.names import name_key
from facewise.gallery.records import NewFace
from facewise.gallery.someone_else import someone_else
from facewise.pipeline import drained

if TYPE_CHECKING:
    from facewise.gallery.change import Change, PersonFields
    from facewise.gallery.portraits import Portrait
    from facewise.gallery.searching import Searcher
    from facewise.gallery.store import Store
    from facewise.images import ImageSource
    from facewise.pipeline import Pipeline

TOGETHER = 256
"""Faces of one transaction: what an interrupted run has to look at again."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """A face that is to be added."""

    portrait: Portrait
    digest: str
    face: NewFace


class Enroller:
    """One run of enrolling; see `Gallery.enrol`.

    Args:
        store: of the gallery.
        index: what searches it.
        pipeline: finds and embeds, with the gallery's model.
        options: see there.
    """

    def __init__(
        self, store: Store, index: Searcher, pipeline: Pipeline, options: EnrolOptions
    ) -> None:
        self._store = store
        self._index = index
        self._pipeline = pipeline
        self._options = options
        self._known: dict[str, set[str]] = {}  # by the key of a name: digests of pictures
        self._new_people: dict[int, str] = {}
        self._faces = self._skipped = self._finished = 0
        self._remarks: list[Remark] = []
        self._reading: deque[Read] = deque()

    def run(self, portraits: Sequence[Portrait], left_out: Sequence[Remark] = ()) -> Enrolment:
        """Enrol pictures.

        Args:
            portraits: with the names of their people.
            left_out: why others are not among them; for the answer.

        Raises:
            GalleryError: the store is damaged, or cannot be reached or written. What earlier
                transactions added stays.
            OSError: the index cannot be written.
        """
        places: deque[str] = deque()
        batch: list[_Ready] = []
        with closing(
            self._pipeline.run_each(self._unknown(portraits, places), names=drained(places))
        ) as results:
            for found in results:
                read = self._reading.popleft()
                face, remarks = judged(found, read, self._pipeline.embedder.spec, self._options)
                known = self._digests(read.portrait.person)
                if read.digest in known:  # another copy, which was just before it
                    self._skipped += 1
                else:
                    self._remarks += remarks
                    if face is not None:
                        known.add(read.digest)
                        batch.append(_Ready(read.portrait, read.digest, face))
                if len(batch) >= TOGETHER:
                    self._keep(batch)
                    batch = []
                self._count()
        if batch:
            self._keep(batch)
        self._update(portraits)
        self._index.refresh()
        self._index.prepare()
        places_of = {portrait.place: i for i, portrait in enumerate(portraits)}
        self._remarks.sort(key=lambda remark: places_of.get(remark.picture, -1))
        every = (*left_out, *self._remarks)
        return Enrolment(self._new_people, self._faces, self._skipped, every)

    def _unknown(self, portraits: Sequence[Portrait], places: deque[str]) -> Iterator[ImageSource]:
        """What has to go through the pipeline: read, and not enrolled already."""
        for portrait in portraits:
            try:
                content, digest = digests.read(portrait.source, portrait.place)
            except ImageError as error:
                self._remarks.append(unreadable(portrait, error))
                self._count()
                continue
            if digest in self._digests(portrait.person):
                self._skipped += 1
                self._count()
                continue
            self._reading.append(Read(portrait, content, digest))
            places.append(portrait.place)
            yield content

    def _digests(self, name: str) -> set[str]:
        """Of the pictures of a person that are enrolled, or are to be in this run."""
        key = name_key(name)
        if key not in self._known:
            people = self._store.find_people(name)
            faces = [face for person in people for face in self._store.faces(person.id)]
            self._known[key] = {digests.digest_in(face.source) or "" for face in faces}
        return self._known[key]

    def _keep(self, batch: Sequence[_Ready]) -> None:
        """Add faces in one transaction."""
        spec = self._pipeline.embedder.spec
        portraits = [ready.portrait for ready in batch]
        vectors = np.stack([ready.face.vector for ready in batch])
        self._remarks += someone_else(self._store, self._index, spec, portraits, vectors)
        people: dict[str, list[_Ready]] = {}
        for ready in batch:
            people.setdefault(name_key(ready.portrait.person), []).append(ready)
        added, skipped, new = 0, 0, {}
        with self._store.change() as change:
            for some in people.values():
                person, is_new = self._person(change, some[0].portrait.person)
                have = {digests.digest_in(face.source) for face in change.faces(person)}
                faces = [ready.face for ready in some if ready.digest not in have]
                skipped += len(some) - len(faces)  # another process was faster
                change.add_faces(person, faces)
                change.note("enrol", person, len(faces), "new person" if is_new else "")
                added += len(faces)
                if is_new:
                    new[person] = some[0].portrait.person
        self._faces += added
        self._skipped += skipped
        self._new_people |= new

    def _person(self, change: Change, name: str) -> tuple[int, bool]:
        known = change.find_people(name)
        if known:
            return known[0].id, False
        given = self._options
        return change.add_person(
            name, given.notes or "", given.consent or "", given.retain_until
        ), True

    def _update(self, portraits: Sequence[Portrait]) -> None:
        """Write what was given of people who were there already."""
        given = self._details()
        if not given:
            return
        names = {name_key(portrait.person): portrait.person for portrait in portraits}
        with self._store.change() as change:
            for name in names.values():
                for person in change.find_people(name):
                    if any(getattr(person, key) != value for key, value in given.items()):
                        change.update_person(person.id, **given)
                        change.note("update", person.id)

    def _details(self) -> PersonFields:
        options = self._options
        given: PersonFields = {}
        if options.notes is not None:
            given["notes"] = options.notes
        if options.consent is not None:
            given["consent"] = options.consent
        if options.retain_until is not None:
            given["retain_until"] = options.retain_until
        return given

    def _count(self) -> None:
        self._finished += 1
        self._options.done(self._finished)
