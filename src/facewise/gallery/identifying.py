"""Who of a gallery is on a picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from facewise.errors import GalleryError, ImageError
from facewise.faces import Faces
from facewise.gallery.candidates import Candidate, candidates_of, faces_like, with_sources
from facewise.gallery.templates import check_template
from facewise.images import describe, sources
from facewise.recognition import UNKNOWN, PhotoResult
from facewise.recognition.folders import pictures_in
from facewise.recognition.identification import NO_FACES

if TYPE_CHECKING:
    from facewise.faces import EmbeddedFaces
    from facewise.gallery.records import Vectors
    from facewise.gallery.searching import Searcher
    from facewise.gallery.store import Store
    from facewise.gallery.templates import Template
    from facewise.gallery.thresholds import SearchThreshold
    from facewise.images import ImageSource
    from facewise.pipeline import Pipeline

Photos: TypeAlias = "Iterable[tuple[ImageSource, str | None]]"
"""Pictures, and what results call them; None: the path, or kind and size."""

_TOGETHER = 64  # pictures whose faces are searched for at once


@dataclass(frozen=True, slots=True, eq=False)
class IdentifiedPhoto(PhotoResult):
    """The faces of one photo, with names; see `PhotoResult`.

    Attributes:
        candidates: for each face whom it may show, the most similar first; also those below the
            threshold.
    """

    candidates: tuple[tuple[Candidate, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As `PhotoResult.to_dict`; each face also has candidates, and person_id where known."""
        content = PhotoResult.to_dict(self)
        for face, candidates in zip(content["faces"], self.candidates, strict=True):
            if "name" in face:
                known = candidates and face["name"] != UNKNOWN
                face["person_id"] = candidates[0].person_id if known else None
            face["candidates"] = [asdict(candidate) for candidate in candidates]
        return content


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """The answer of `Gallery.identify`.

    Attributes:
        model: id of the embedder.
        threshold: what decided.
        template: what probes were compared with.
        images: one result for each photo, in their order.
    """

    model: str
    threshold: SearchThreshold
    template: Template
    images: tuple[IdentifiedPhoto, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values: model, template, threshold, far, fpir, comparisons, note, images."""
        decided = self.threshold.to_dict()
        return {
            "model": self.model,
            "template": self.template,
            "threshold": decided.pop("value"),
            **decided,
            "images": [image.to_dict() for image in self.images],
        }


def named_faces(
    image: str,
    found: EmbeddedFaces,
    candidates: Sequence[tuple[Candidate, ...]],
    threshold: SearchThreshold,
) -> IdentifiedPhoto:
    """The faces of a picture with the names that the threshold allows."""
    if not len(found.faces):
        return IdentifiedPhoto(image, NO_FACES)
    similarity = np.array([some[0].similarity if some else -1.0 for some in candidates])
    known = similarity >= threshold.value
    names = [
        some[0].name if some and yes else UNKNOWN
        for some, yes in zip(candidates, known, strict=True)
    ]
    faces = found.faces.with_data(name=np.array(names), similarity=similarity.astype(np.float32))
    return IdentifiedPhoto(image, faces, candidates=tuple(candidates))


def identify_each(
    store: Store,
    index: Searcher,
    pipeline: Pipeline,
    photos: Photos,
    threshold: SearchThreshold,
    template: Template,
    top: int,
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
            IdentifiedPhoto(name, NO_FACES, str(found))
            if isinstance(found, ImageError)
            else named_faces(name, found, candidates, threshold)
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


def results_together(
    pipeline: Pipeline, photos: Photos
) -> Iterator[list[tuple[str, EmbeddedFaces | ImageError]]]:
    """What is on pictures, with what they are called: of one, two, four … pictures at a time."""
    names: deque[str] = deque()

    def named() -> Iterator[ImageSource]:
        for photo, name in photos:
            names.append(name or describe(photo))
            yield photo

    some: list[tuple[str, EmbeddedFaces | ImageError]] = []
    most = 1
    with closing(pipeline.run_each(named())) as results:
        for found in results:
            some.append((names.popleft(), found))
            if len(some) >= most:
                yield some
                some, most = [], min(2 * most, _TOGETHER)
    if some:
        yield some


def photos_of(photos: Iterable[ImageSource] | ImageSource) -> Photos:
    """One picture after another, of a folder or of whatever `images.sources` takes."""
    folder = isinstance(photos, (str, PathLike)) and Path(photos).is_dir()
    every = pictures_in(Path(str(photos))) if folder else sources(photos)
    return ((photo, None) for photo in every)
