"""Take photos into an album: find and embed their faces, some photos at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.curation.clustering.records import NewFace, PhotoFile
from facewise.curation.pages import thumbnail
from facewise.errors import ImageError
from facewise.gallery import digests
from facewise.images import load
from facewise.pipeline import drained
from facewise.quality import assess
from facewise.runtime.workers import ordered_map

if TYPE_CHECKING:
    from facewise.curation.clustering.album import Album
    from facewise.faces import EmbeddedFaces, SelectPolicy
    from facewise.images import ImageSource
    from facewise.pipeline import Pipeline

TOGETHER = 64
"""Photos of one transaction: what an interrupted run has to look at again."""


@dataclass(slots=True)
class Collected:
    """What became of photos.

    Attributes:
        photos: that were looked at.
        known: that were there already, under this or another name.
        faces: that were found.
        problems: photos that cannot be read, a sentence each.
    """

    photos: int = 0
    known: int = 0
    faces: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A photo on its way."""

    file: PhotoFile
    content: bytes
    digest: str


def collect(
    album: Album,
    paths: Sequence[Path],
    pipeline: Pipeline,
    *,
    select: SelectPolicy | None = None,
    report: Callable[[int], None] = lambda _: None,
) -> Collected:
    """Take photos in; those that are there and have not changed are not read again.

    Args:
        album: that of the pipeline's model.
        paths: of the photos.
        pipeline: finds and embeds.
        select: of several faces only one counts, by this policy; None: all count.
        report: called with the number of photos that are done.

    Raises:
        CurationError: the album is busy or cannot be written. What was taken in before stays.
        ModelMismatchError: the album's vectors are those of another model.
    """
    from facewise.gallery.model_facts import ModelFacts

    album.facts.require(
        ModelFacts.of(pipeline.embedder),
        place=f"album {album.path}",
        advice="use the album's model, or begin another album (--album)",
    )
    run = _Run(album, paths, pipeline, select, report)
    run.work()
    return run.done


class _Run:
    def __init__(
        self,
        album: Album,
        paths: Sequence[Path],
        pipeline: Pipeline,
        select: SelectPolicy | None,
        report: Callable[[int], None],
    ) -> None:
        self.done = Collected()
        self._album = album
        self._paths = paths
        self._pipeline = pipeline
        self._select = select
        self._report = report
        self._finished = 0
        self._reading: deque[_Read] = deque()
        self._again: list[_Read] = []  # copies of photos that are there

    def work(self) -> None:
        names: deque[str] = deque()
        batch: list[tuple[_Read, EmbeddedFaces, list[NewFace]]] = []
        found = self._pipeline.run_each(self._unknown(names), names=drained(names))
        with (
            closing(found) as results,
            closing(ordered_map(self._judged, self._paired(results))) as each,
        ):
            for read, result, faces in each:
                self._count()
                if isinstance(result, ImageError):
                    self.done.problems.append(str(result))
                    continue
                batch.append((read, result, faces))
                if len(batch) >= TOGETHER:
                    self._keep(batch)
                    batch = []
        self._keep(batch)
        with self._album.change():
            self._album.remove_empty()  # people of photos that were replaced

    def _unknown(self, names: deque[str]) -> Iterator[ImageSource]:
        """What has to go through the pipeline."""
        known = self._album.files()
        for path in self._paths:
            try:
                status = path.stat()
                file = PhotoFile(path.absolute(), status.st_size, status.st_mtime_ns)
                if known.get(file.path) == file:
                    self.done.known += 1
                    self._count()
                    continue
                content, digest = digests.read(path, str(path))
            except (ImageError, OSError) as error:
                reason = error.strerror or error if isinstance(error, OSError) else error
                self.done.problems.append(f"{path}: {str(reason).removeprefix(f'{path}: ')}")
                self._count()
                continue
            assert isinstance(content, bytes)  # noqa: S101 - of a path
            read = _Read(file, content, digest)
            if self._album.has_photo(digest):
                self._again.append(read)
                self.done.known += 1
                self._count()
                continue
            self._reading.append(read)
            names.append(str(path))
            yield content

    def _paired(
        self, results: Iterator[EmbeddedFaces | ImageError]
    ) -> Iterator[tuple[_Read, EmbeddedFaces | ImageError]]:
        for result in results:
            yield self._reading.popleft(), result

    def _judged(
        self, pair: tuple[_Read, EmbeddedFaces | ImageError]
    ) -> tuple[_Read, EmbeddedFaces | ImageError, list[NewFace]]:
        """The faces of a photo with their quality and thumbnails; in a worker."""
        read, found = pair
        if isinstance(found, ImageError) or not len(found.faces):
            return read, found, []
        image = load(read.content, name=str(read.file.path))
        faces = found.faces
        quality = assess(image, faces).total
        which = np.arange(len(faces))
        if self._select is not None:
            which = faces.order(self._select, image_size=found.image_size)[:1]
        new = []
        for i in which.tolist():
            x1, y1, x2, y2 = faces.boxes[i].tolist()
            new.append(
                NewFace(
                    (x1, y1, x2, y2),
                    float(faces.scores[i]),
                    float(quality[i]),
                    found.embeddings[i],
                    thumbnail(image, faces.boxes[i]),
                )
            )
        return read, found, new

    def _keep(self, batch: Sequence[tuple[_Read, EmbeddedFaces, list[NewFace]]]) -> None:
        again, self._again = self._again, []
        if not batch and not again:
            return
        with self._album.change():
            for read, found, faces in batch:
                if self._album.has_photo(read.digest):  # a copy in the same batch, or another run
                    self.done.known += 1
                else:
                    self.done.photos += 1
                    self.done.faces += len(faces)
                self._album.add_photo(read.file, read.digest, found.image_size, faces)
            for read in again:
                self._album.add_photo(read.file, read.digest, (0, 0), [])

    def _count(self) -> None:
        self._finished += 1
        self._report(self._finished)
