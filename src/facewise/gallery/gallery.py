"""`Gallery`: people who are known; enrol them, find them on pictures, forget them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery import editing, forgetting
from facewise.gallery.enrolment import Enrolment, EnrolOptions, Remark
from facewise.gallery.finding import every_person, find_person
from facewise.gallery.opened import OpenedGallery
from facewise.gallery.overviews import PersonDetails, PersonOverview, Stats, stats

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from facewise.gallery.candidates import Candidate
    from facewise.gallery.change import PersonFields
    from facewise.gallery.forgetting import Forgotten
    from facewise.gallery.identifying import Identification, IdentifiedPhoto, Photos
    from facewise.gallery.portraits import Portrait
    from facewise.gallery.records import AuditEntry, Person, Vectors
    from facewise.gallery.templates import Template
    from facewise.gallery.thresholds import SearchThreshold
    from facewise.images import ImageSource
    from facewise.recognition import Calibration, People


class Gallery(OpenedGallery):
    """People with their faces, in a store; made by `Gallery.create` or `Gallery.open`.

    A person is named by name, or by number: `7`, or `"#7"`. Every change is one transaction, and
    durable when the method returns. What is done is noted in an audit log, without names and faces.

    Every method raises `GalleryError` where the store is damaged, busy for too long or cannot be
    reached or written, and `OSError` where the files of its index cannot be written.

    Example:
        >>> import tempfile
        >>> from facewise import Gallery
        >>> folder = tempfile.TemporaryDirectory()
        >>> gallery = Gallery.create(f"{folder.name}/people.db")
        >>> gallery.enrol("examples/people").faces
        3
        >>> [photo] = gallery.identify("examples/photos/obama.jpg").images
        >>> photo.faces.data["name"].tolist()
        ['obama']
        >>> gallery.forget("obama").faces
        2
        >>> gallery.close()
        >>> folder.cleanup()
    """

    def enrol(
        self,
        pictures: Iterable[ImageSource] | ImageSource,
        name: str | None = None,
        options: EnrolOptions | None = None,
    ) -> Enrolment:
        """Add the faces of pictures.

        What is enrolled already (the same content, as the same person) is passed over, so an
        interrupted call is simply made again. A picture that cannot be used does not stop the
        others. The answer warns of faces of low quality and of those that look like somebody else.

        Args:
            pictures: with a name, pictures in any form that `load_image` takes, and folders of
                them, all of this person. Without: folders of people (a sub-folder of pictures for
                each, or a picture named after each), or files named after their people.
            name: of the person, who may be in the gallery already.
            options: which of several faces counts, whether chips are kept, consent, retention.

        Raises:
            FacewiseError: a folder is missing, or pictures have no name.
        """
        from facewise.gallery.portraits import portraits

        return self.enrol_portraits(*portraits(pictures, name), options)

    def enrol_portraits(
        self,
        portraits: Sequence[Portrait],
        left_out: Sequence[Remark] = (),
        options: EnrolOptions | None = None,
    ) -> Enrolment:
        """`enrol` for pictures whose people are known, and why others are not among them."""
        from facewise.gallery.enrolling import Enroller

        enroller = Enroller(self.store, self.index, self.pipeline, options or EnrolOptions())
        return enroller.run(portraits, left_out)

    def threshold(
        self,
        *,
        template: Template | None = None,
        threshold: float | None = None,
        far: float | None = None,
        fpir: float | None = None,
        calibration: Calibration | None = None,
    ) -> SearchThreshold:
        """What `identify` decides by, for the gallery as large as it is now.

        With N comparisons of a probe, a stranger gets a name in a share FPIR = 1 - (1 - FAR)^N of
        all cases (the false-positive identification rate). So the FAR of one comparison is chosen
        from the FPIR that is wished. See `thresholds.search_threshold` for the arguments; N is the
        number of people, or with the template `best` of faces.

        Raises:
            ModelError: no such threshold was measured for the model.
            ModelMismatchError: the calibration is not of this model and detector.
            ValueError: more than one is given, or one is outside its range.
        """
        from facewise.gallery.templates import DEFAULT_TEMPLATE, check_template
        from facewise.gallery.thresholds import search_threshold

        template = template or DEFAULT_TEMPLATE
        check_template(template)
        if calibration is not None:
            calibration.check(self.embedder, self.pipeline.detector)
        counts = self.store.counts()
        return search_threshold(
            self.embedder.spec,
            counts.faces if template == "best" else counts.people,
            threshold=threshold,
            far=far,
            fpir=fpir,
            calibration=calibration,
        )

    def identify(
        self,
        photos: Iterable[ImageSource] | ImageSource,
        decide: SearchThreshold | None = None,
        *,
        template: Template | None = None,
        top: int = 5,
    ) -> Identification:
        """Say who is on photos: each face gets the name of the most similar person, or `unknown`.

        Args:
            photos: pictures in any form that `load_image` takes, one or many, or a folder of them.
                One that cannot be read has its error in the result.
            decide: from `threshold`; None: an FPIR of 1 %.
            template: what of a person a face is compared with: `best`, `mean` or `quality`; by
                default `templates.DEFAULT_TEMPLATE`.
            top: candidates for each face, at least 1.

        Raises:
            GalleryError: nobody is enrolled.
            ModelError: no threshold was measured for the model.
            ValueError: an argument is outside its range.
        """
        from facewise.gallery.identifying import Identification, photos_of
        from facewise.gallery.templates import DEFAULT_TEMPLATE

        template = template or DEFAULT_TEMPLATE
        decide = decide or self.threshold(template=template)
        each = self.identify_each(photos_of(photos), decide, template=template, top=top)
        return Identification(self.embedder.spec.id, decide, template, tuple(each))

    def identify_each(
        self, photos: Photos, decide: SearchThreshold, *, template: Template, top: int = 5
    ) -> Iterator[IdentifiedPhoto]:
        """`identify` for one photo after another, given with what results call them."""
        from facewise.gallery.identifying import identify_each

        return identify_each(self.store, self.index, self.pipeline, photos, decide, template, top)

    def search(
        self, photos: Iterable[ImageSource] | ImageSource, k: int = 10, *, people: bool = False
    ) -> tuple[IdentifiedPhoto, ...]:
        """The faces of the gallery that those of photos are most similar to, whatever that means.

        Args:
            photos: as in `identify`.
            k: candidates for each face, at least 1.
            people: the best face of each of the k best people, instead of the k best faces.
        """
        from facewise.gallery.identifying import photos_of

        return tuple(self.search_each(photos_of(photos), k, people=people))

    def search_each(
        self, photos: Photos, k: int = 10, *, people: bool = False
    ) -> Iterator[IdentifiedPhoto]:
        """`search` for one photo after another, given with what results call them."""
        from facewise.gallery.identifying import search_each

        return search_each(self.store, self.index, self.pipeline, photos, k, people)

    def candidates(
        self, vectors: Vectors, k: int = 5, *, template: Template | None = None
    ) -> Sequence[tuple[Candidate, ...]]:
        """The people that vectors of the gallery's model resemble most; not noted in the audit log.

        Args:
            vectors: float32 (m, d), of unit length.
            k: people for each, at least 1.
            template: as in `identify`.
        """
        from facewise.gallery.candidates import candidates_of
        from facewise.gallery.templates import DEFAULT_TEMPLATE

        return candidates_of(self.store, self.index, vectors, k, template or DEFAULT_TEMPLATE)

    def people(self) -> People:
        """The people for `facewise.recognize`: the mean of each, all in memory."""
        from facewise.gallery.recognising import people_of

        return people_of(self.store)

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
        return editing.update(self.store, who, **fields)

    def rename(self, who: str | int, name: str) -> Person:
        """Give a person another name; see `editing.update`."""
        return editing.update(self.store, who, name=name)

    def merge(self, who: str | int, into: str | int) -> tuple[Person, int]:
        """Give all faces of one person to another and remove the first; see `editing.merge`."""
        return editing.merge(self.store, who, into)

    def split(self, face_ids: Sequence[int], name: str) -> Person:
        """Give faces of one person to a new one; see `editing.split`."""
        return editing.split(self.store, face_ids, name)

    def forget(self, who: str | int | None = None, *, faces: Sequence[int] = ()) -> Forgotten:
        """Remove a person with all faces, or single faces, so that no byte of them is left.

        Vectors and chips are gone from the store's files and from the index, and so are results in
        the user's cache that have a face like theirs. What it cannot reach: backups, exports,
        copies of the cache of other users or machines, and the pictures themselves.

        Args:
            who: the person.
            faces: numbers of faces, whose people stay.

        Raises:
            GalleryError: there is no such person or face; nothing was removed. Or the files are in
                use: it is removed and not erased; `erase` later.
        """
        people = []
        if who is not None:
            try:
                people = [find_person(self.store, who).id]
            except GalleryError:  # perhaps because an earlier call was interrupted
                self.erase()
                raise
        return forgetting.forget(self.store, self.index, people, faces)

    def expired(self, today: date | None = None) -> Sequence[Person]:
        """Who was to be kept until a day that is over (by default: by the local calendar)."""
        return forgetting.expired(self.store, today or date.today())

    def purge_expired(self, today: date | None = None) -> Forgotten:
        """Forget all who are `expired`; and erase what an interrupted call has left."""
        people = [person.id for person in self.expired(today)]
        return forgetting.forget(self.store, self.index, people, action="purge-expired")

    def erase(self) -> None:
        """Erase what was removed, renamed or merged and is not erased yet."""
        forgetting.finish(self.store, self.index)

    def stats(self) -> Stats:
        """How large it is, and what made it."""
        return stats(self.store, self.index)

    def check(self) -> Sequence[str]:
        """What is wrong with the store or its index, in words; empty where all is well."""
        return [*self.store.check(), *self.index.check()]

    def rebuild_index(self) -> None:
        """Make the index anew."""
        self.index.rebuild()

    def audit(self, limit: int = 100) -> Sequence[AuditEntry]:
        """What was done, the newest first."""
        return self.store.audit(limit)
