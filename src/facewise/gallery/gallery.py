"""`Gallery`: people who are known; enrol them, find them on pictures, forget them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from facewise.gallery.checking import Checkup, checkup
from facewise.gallery.enrolment import Enrolment, EnrolOptions, Remark
from facewise.gallery.kept_people import KeptPeople
from facewise.gallery.overviews import Stats, stats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from facewise.gallery.candidates import Candidate
    from facewise.gallery.identification import Identification, IdentifiedPhoto
    from facewise.gallery.photos import Photos
    from facewise.gallery.portraits import Portrait
    from facewise.gallery.templates import Template
    from facewise.gallery.thresholds import SearchThreshold
    from facewise.images import ImageSource
    from facewise.recognition import Calibration, People


class Gallery(KeptPeople):
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
        threshold: float | None = None,
        far: float | None = None,
        fpir: float | None = None,
        calibration: Calibration | None = None,
    ) -> SearchThreshold:
        """What `identify` decides by, for the gallery as large as it is now.

        With N comparisons of a probe, a stranger gets a name in a share FPIR = 1 - (1 - FAR)^N of
        all cases (the false-positive identification rate). So the FAR of one comparison is chosen
        from the FPIR that is wished. See `thresholds.search_threshold` for the arguments. N is the
        number of faces, also where a person's faces are one template: the mean of many faces has
        less noise than a face, and strangers are more like it (docs/results/gallery.md).

        Raises:
            ModelError: no such threshold was measured for the model.
            ModelMismatchError: the calibration is not of this model and detector.
            ValueError: more than one is given, or one is outside its range.
        """
        from facewise.gallery.thresholds import search_threshold

        if calibration is not None:
            calibration.check(self.embedder, self.pipeline.detector)
        return search_threshold(
            self.embedder.spec,
            self.store.counts().faces,
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
        calibration: Calibration | None = None,
    ) -> Identification:
        """Say who is on photos: each face gets the name of the most similar person, or `unknown`.

        Args:
            photos: pictures in any form that `load_image` takes, one or many, or a folder of them.
                One that cannot be read has its error in the result.
            decide: from `threshold`; None: an FPIR of 1 %.
            template: what of a person a face is compared with: `best`, `mean` or `quality`; by
                default `templates.DEFAULT_TEMPLATE`.
            top: candidates for each face, at least 1.
            calibration: of the model and detector. Each face then also has the columns
                `probability`, `far_at_similarity` and `far_is` (of the best candidate), as with
                `facewise.recognize`; and without `decide` it gives the threshold.

        Raises:
            GalleryError: nobody is enrolled.
            ModelError: no threshold was measured for the model.
            ModelMismatchError: the calibration is not of this model and detector.
            ValueError: an argument is outside its range.
        """
        from facewise.gallery.identification import Identification
        from facewise.gallery.photos import photos_of
        from facewise.gallery.templates import DEFAULT_TEMPLATE

        template = template or DEFAULT_TEMPLATE
        decide = decide or self.threshold(calibration=calibration)
        each = self.identify_each(
            photos_of(photos), decide, template=template, top=top, calibration=calibration
        )
        return Identification(self.embedder.spec.id, decide, template, tuple(each))

    def identify_each(
        self,
        photos: Photos,
        decide: SearchThreshold,
        *,
        template: Template,
        top: int = 5,
        calibration: Calibration | None = None,
    ) -> Iterator[IdentifiedPhoto]:
        """`identify` for one photo after another, given with what results call them."""
        from facewise.gallery.identifying import identify_each

        if calibration is not None:
            calibration.check(self.embedder, self.pipeline.detector)
        return identify_each(
            self.store, self.index, self.pipeline, photos, decide, template, top, calibration
        )

    def search(
        self, photos: Iterable[ImageSource] | ImageSource, k: int = 10, *, people: bool = False
    ) -> tuple[IdentifiedPhoto, ...]:
        """The faces of the gallery that those of photos are most similar to, whatever that means.

        Args:
            photos: as in `identify`.
            k: candidates for each face, at least 1.
            people: the best face of each of the k best people, instead of the k best faces.
        """
        from facewise.gallery.photos import photos_of

        return tuple(self.search_each(photos_of(photos), k, people=people))

    def search_each(
        self, photos: Photos, k: int = 10, *, people: bool = False
    ) -> Iterator[IdentifiedPhoto]:
        """`search` for one photo after another, given with what results call them."""
        from facewise.gallery.identifying import search_each

        return search_each(self.store, self.index, self.pipeline, photos, k, people)

    def candidates(
        self, vectors: ArrayLike, k: int = 5, *, template: Template | None = None
    ) -> Sequence[tuple[Candidate, ...]]:
        """The people that vectors of the gallery's model resemble most; noted as a search.

        Args:
            vectors: numbers (m, d), or (d,) for one, of unit length.
            k: people for each, at least 1.
            template: as in `identify`.

        Raises:
            GalleryError: they are no such vectors.
            ValueError: `k` is below 1.
        """
        from facewise.gallery.candidates import candidates_of
        from facewise.gallery.given_vectors import given_vectors
        from facewise.gallery.templates import DEFAULT_TEMPLATE

        self.require_whole()
        if k < 1:
            raise ValueError(f"k: expected at least 1, got {k}")
        probes = given_vectors(vectors, self.store.facts().embedding_size)
        found = candidates_of(self.store, self.index, probes, k, template or DEFAULT_TEMPLATE)
        with self.store.change() as change:  # nobody gets a result that is not in the log
            change.note("search", count=len(probes), detail="vectors that were given")
        return found

    def people(self) -> People:
        """The people for `facewise.recognize`: the mean of each, all in memory."""
        from facewise.gallery.recognising import people_of

        self.require_whole()
        return people_of(self.store)

    def stats(self) -> Stats:
        """How large it is, and what made it."""
        return stats(self.store, self.index)

    def check(self) -> Sequence[str]:
        """What is wrong with the store or its index, in words; empty where all is well."""
        return list(self.checkup().problems)

    def checkup(self) -> Checkup:
        """`check`, and what is worth a note."""
        return checkup(self.store, lambda: self.index)

    def rebuild_index(self) -> None:
        """Make the index anew."""
        self.index.rebuild()
