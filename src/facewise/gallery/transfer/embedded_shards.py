"""Folders of shards, as `facewise embed` writes them of very many pictures; see `shards.schema`.

A face's person is the picture's label: the `cls` of a sample, or the folder that the picture lies
in. Its source is the picture's key. Of a picture of several faces the one that is much larger than
all others is taken, as `enrol` does, or the one that `ImportOptions.select` names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facewise.errors import GalleryError, ShardsError
from facewise.gallery.records import ModelFacts
from facewise.gallery.transfer.rows import BATCH, Given, Refusal, Row, Survey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.faces import SelectPolicy
    from facewise.shards import Shards


class _Found(NamedTuple):
    """A face of a shard, with the number of its picture among all that have faces, and its size."""

    picture: int
    size: tuple[int, int]
    key: str
    label: str | None
    box: NDArray[np.float32]
    score: float
    vector: NDArray[np.float32]
    chip: bytes | None


def survey(given: Given) -> Survey:
    """Look at what all shards say that they hold.

    Raises:
        GalleryError: there are none, some are missing, or they are damaged.
        ExtraMissingError: pyarrow, or what the URL's protocol needs, is not installed.
    """
    shards = _opened(given)
    total = shards.total
    facts = ModelFacts.from_json(shards.model)
    return Survey(total.faces, facts, faceless=total.faceless, failed=total.failed)


def read(given: Given) -> Iterator[Row | Refusal]:
    """A row for each picture with faces.

    Raises:
        GalleryError: a shard is damaged.
    """
    for _, faces in groupby(_faces(_opened(given)), lambda found: found.picture):
        yield _row(list(faces), given.select)


def _opened(given: Given) -> Shards:
    from facewise.shards import open_shards
    from facewise.shards.schema import MANIFEST

    if given.path.is_dir() and not (given.path / MANIFEST).exists():
        raise GalleryError(
            f"{given.place}: a folder without shards; expected a file, or what `facewise embed … "
            "--out DIR` has made"
        )
    try:
        return open_shards(given.place)
    except ShardsError as error:
        raise GalleryError(str(error)) from None


def _faces(shards: Shards) -> Iterator[_Found]:
    """All faces, those of a picture one after another."""
    picture, last = 0, None
    try:
        for batch in shards.batches(BATCH, chips=True):
            for i, key in enumerate(batch.keys):
                place = (batch.sources[i], key)
                picture += place != last or batch.faces[i] == 0
                last = place
                width, height = batch.sizes[i].tolist()
                yield _Found(
                    picture,
                    (width, height),
                    key,
                    batch.labels[i],
                    batch.boxes[i],
                    float(batch.scores[i]),
                    batch.vectors[i],
                    None if batch.chips is None else batch.chips[i],
                )
    except ShardsError as error:
        raise GalleryError(str(error)) from None


def _row(faces: Sequence[_Found], select: SelectPolicy | None) -> Row | Refusal:
    """The face that a picture is of, or why there is none."""
    first = faces[0]
    if not first.label:
        return Refusal(first.key, "", "has no label, and so no name")
    subject, text = _subject(faces, select)
    if subject is None:
        return Refusal(first.key, first.label, text)
    found = faces[subject]
    x1, y1, x2, y2 = found.box.tolist()
    return Row(
        place=found.key,
        name=found.label or "",
        vector=found.vector,
        source=found.key,
        box=(x1, y1, x2, y2) if np.isfinite(found.box).all() else None,
        quality=found.score if np.isfinite(found.score) else None,
        chip=found.chip,
    )


def _subject(faces: Sequence[_Found], select: SelectPolicy | None) -> tuple[int | None, str]:
    if len(faces) == 1:
        return 0, ""
    from facewise.faces import Faces
    from facewise.gallery.subject import subject_of

    found = Faces([face.box for face in faces], [face.score for face in faces])
    return subject_of(found, faces[0].size, select)
