"""Pictures in which somebody is looked for, through the pipeline some at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from facewise.errors import ImageError
from facewise.images import describe, sources
from facewise.pipeline import drained
from facewise.recognition.folders import pictures_in

if TYPE_CHECKING:
    from facewise.faces import EmbeddedFaces
    from facewise.images import ImageSource
    from facewise.pipeline import Pipeline

Photos: TypeAlias = "Iterable[tuple[ImageSource, str | None]]"
"""Pictures, and what results call them; None: the path, or kind and size."""

_TOGETHER = 64  # pictures whose faces are searched for at once


def results_together(
    pipeline: Pipeline, photos: Photos
) -> Iterator[list[tuple[str, EmbeddedFaces | ImageError]]]:
    """What is on pictures, with what they are called: of one, two, four … pictures at a time."""
    names: deque[str] = deque()
    places: deque[str] = deque()  # the same, for messages of the pipeline

    def named() -> Iterator[ImageSource]:
        for photo, name in photos:
            called = name or describe(photo)
            names.append(called)
            places.append(called)
            yield photo

    some: list[tuple[str, EmbeddedFaces | ImageError]] = []
    most = 1
    with closing(pipeline.run_each(named(), names=drained(places))) as results:
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
