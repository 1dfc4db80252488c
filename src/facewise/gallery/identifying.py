"""Who of a gallery is on a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import GalleryError, ImageError
from facewise.faces import Faces
from facewise.gallery.candidates import Candidate, candidates_of, faces_like, with_sources
from facewise.gallery.identification import IdentifiedPhoto, unread
from facewise.gallery.photos import Photos, results_together
from facewise.gallery.templates import check_template
from facewise.recognition import UNKNOWN
from facewise.recognition.identification import NO_FACES, explained

if TYPE_CHECKING:
    from facewise.faces import EmbeddedFaces
    from facewise.gallery.records import Vectors
    from facewise.gallery.searching import Searcher
    from facewise.gallery.store import Store
    from facewise.gallery.templates import Template
    from facewise.gallery.thresholds import SearchThreshold
    from facewise.pipeline import Pipeline
    from facewise.recognition import Calibration


def named_faces(
    image: str,
    found: EmbeddedFaces,
    candidates: Sequence[tuple[Candidate, ...]],
    threshold: SearchThreshold,
    calibration: Calibration | None = None,
) -> IdentifiedPhoto:
    """The faces of a picture with the names that the threshold allows."""
    if not len(found.faces):
        return IdentifiedPhoto(image, explained(NO_FACES, calibration))
    similarity = np.array([some[0].similarity if some else -1.0 for some in candidates])
    known = similarity >= threshold.value
    names = [
        some[0].name if some and yes else UNKNOWN
        for some, yes in zip(candidates, known, strict=True)
    ]
    faces = found.faces.with_data(name=np.array(names), similarity=similarity.astype(np.float32))
    return IdentifiedPhoto(image, explained(faces, calibration), candidates=tuple(candidates))


def identify_each(
    store: Store,
    index: Searcher,
    pipeline: Pipeline,
    photos: Photos,
    threshold: SearchThreshold,
    template: Template,
    top: int,
    calibration: Calibration | None = None,
) -> Iterator[IdentifiedPhoto]:
    """Identify photo after photo; some are searched for together, and noted in the audit log.

    Args:
        store: of the gallery.
        index: what searches it.
        pipeline: finds and embeds.
        photos: pictures, and what results call them (None: path, or kind and size).
        threshold: from which on a face has a name.
        template: what of a person is compared.
        top: candidates for each face, at least 1.
        calibration: of the pipeline's models (`Calibration.check`), to say of each face how
            probable it is.

    Raises:
        GalleryError: nobody is enrolled; or the store is damaged, or cannot be reached or written.
        ValueError: `template` or `top` is outside its range.
    """
    check_template(template)
    if top < 1:
        raise ValueError(f"top: expected at least 1, got {top}")
    if not store.counts().faces:
        raise GalleryError(f"{store.url}: nobody is enrolled")

    def find(probes: Vectors) -> list[tuple[Candidate, ...]]:
        return candidates_of(store, index, probes, top, template)

    for some in _found(pipeline, photos, find):
        images = [
            unread(name, found)
            if isinstance(found, ImageError)
            else named_faces(name, found, candidates, threshold, calibration)
            for name, found, candidates in some
        ]
        known = sum(int((image.faces.data["name"] != UNKNOWN).sum()) for image in images)
        detail = f"pictures: {len(images)}, faces with a name: {known}"
        _note(store, "identify", images, detail)
        yield from images


def search_each(
    store: Store, index: Searcher, pipeline: Pipeline, photos: Photos, k: int, people: bool
) -> Iterator[IdentifiedPhoto]:
    """Search for the faces of photo after photo; they get candidates, and no names.

    Args:
        store: of the gallery.
        index: what searches it.
        pipeline: finds and embeds.
        photos: pictures, and what results call them.
        k: candidates for each face, at least 1.
        people: the best face of each of the k best people, instead of the k best faces.

    Raises:
        GalleryError: the store is damaged, or cannot be reached or written.
        ValueError: `k` is below 1.
    """
    if k < 1:
        raise ValueError(f"k: expected at least 1, got {k}")

    def find(probes: Vectors) -> list[tuple[Candidate, ...]]:
        if not people:
            return faces_like(store, index, probes, k)
        return [tuple(with_sources(store, row)) for row in candidates_of(store, index, probes, k)]

    for some in _found(pipeline, photos, find):
        images = [
            IdentifiedPhoto(name, Faces.empty(), str(found))
            if isinstance(found, ImageError)
            else IdentifiedPhoto(name, found.faces, candidates=candidates)
            for name, found, candidates in some
        ]
        _note(store, "search", images, f"pictures: {len(images)}")
        yield from images


def _note(store: Store, action: str, images: Sequence[IdentifiedPhoto], detail: str) -> None:
    """Nobody gets a result that is not in the log."""
    with store.change() as change:
        change.note(action, count=sum(len(image.faces) for image in images), detail=detail)


def _found(
    pipeline: Pipeline, photos: Photos, find: Callable[[Vectors], list[tuple[Candidate, ...]]]
) -> Iterator[list[tuple[str, EmbeddedFaces | ImageError, tuple[tuple[Candidate, ...], ...]]]]:
    """Some pictures at a time, with the candidates of their faces."""
    for some in results_together(pipeline, photos):
        good = [found for _, found in some if not isinstance(found, ImageError)]
        vectors = [found.embeddings for found in good if len(found.embeddings)]
        every = iter(find(np.concatenate(vectors)) if vectors else ())
        yield [
            (name, found, ())
            if isinstance(found, ImageError)
            else (name, found, tuple(islice(every, len(found.faces))))
            for name, found in some
        ]
