"""One vector for each image of a protocol, computed once, and kept from one run to the next.

Three ways lead there, by what the images are: photos, whose face is looked for; chips, which are
cut already; and pictures with landmarks that somebody else has found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from facewise._software import versions
from facewise.alignment import MarginCrop, crop
from facewise.errors import ChipError, ImageError, ProtocolError
from facewise.faces import EmbeddedFaces, Faces
from facewise.images import load, read_file
from facewise.runtime.workers import device_turn, ordered_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.embedding import Embedder
    from facewise.evaluation.protocols.pairs import Picture
    from facewise.faces import SelectPolicy
    from facewise.pipeline import Pipeline
    from facewise.result_cache import ResultCache

Report: TypeAlias = Callable[[int], None]
"""Called with the number of images that are done, as they are."""

NO_FACE = "no face found"
"""Why an image has no vector that is an image."""

_Cutter: TypeAlias = "Callable[[int, NDArray[np.uint8]], NDArray[np.uint8]]"
"""From the number of an image and its pixels to the chip."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageVectors:
    """Vectors of m images, and why some have none.

    Attributes:
        vectors: float32 (m, d), unit length; NaN where the image failed.
        failures: the reason, by the number of the image.
        boxes: float32 (m, 4), where in each image the face is that was embedded, in pixels; NaN
            where no face was looked for, or found.
    """

    vectors: NDArray[np.float32]
    failures: dict[int, str]
    boxes: NDArray[np.float32]

    @property
    def unreadable(self) -> int:
        """How many images failed for another reason than that they show no face."""
        return sum(reason != NO_FACE for reason in self.failures.values())


def embed_photos(
    images: Sequence[Picture],
    pipeline: Pipeline,
    report: Report,
    *,
    names: Sequence[str] | None = None,
    select: SelectPolicy = "most_central",
) -> ImageVectors:
    """Find and embed one face of each photo.

    What the pipeline's cache holds is not computed again, so an interrupted run goes on where it
    stopped. A photo that cannot be read or shows no face is a failure.

    Args:
        images: m files, or their contents.
        pipeline: detector and embedder.
        report: called as images are done.
        names: of the images, by which reasons do not call them.
        select: which face counts where a photo shows several (`Faces.order`).
    """
    names = _names(images) if names is None else names
    found = _nothing(len(images), pipeline.embedder)
    with closing(pipeline.run_each(images, names=names)) as results:
        for i, result in enumerate(results):
            if isinstance(result, ImageError):
                found.failures[i] = _reason(result, names[i])
            else:
                best = result.faces.order(select, image_size=result.image_size)[:1]
                if len(best):
                    found.boxes[i] = result.faces.boxes[best[0]]
                    _take(found, i, result.embeddings[best[0]])
                else:
                    found.failures[i] = NO_FACE
            report(i + 1)
    return found


def embed_chips(
    images: Sequence[Picture],
    embedder: Embedder,
    report: Report,
    *,
    names: Sequence[str] | None = None,
    cache: ResultCache | None = None,
) -> ImageVectors:
    """Embed images that are chips already; no face is looked for.

    Args:
        images: m files, or their contents.
        embedder: which takes chips of their size.
        report: called as images are done.
        names: of the images, by which reasons do not call them.
        cache: of vectors, by content and model; None keeps nothing.

    Raises:
        ChipError: an image is not of the size the model takes. It was not cut for this model, and
            resizing it would measure something else.
    """
    names = _names(images) if names is None else names
    side = embedder.spec.input_size

    def check(number: int, chip: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if chip.shape[:2] != (side, side):
            raise ChipError(
                f"{names[number]}: {chip.shape[1]}×{chip.shape[0]} pixels, but "
                f"{embedder.spec.id} takes chips of {side}×{side}; give photos that are not yet "
                "cut without --aligned"
            )
        return chip

    keys = _Keys(cache, embedder, lambda _: b"chip")
    return _embed_cut(images, names, embedder, check, keys, report)


def embed_landmarked(
    images: Sequence[Picture],
    landmarks: NDArray[np.float32],
    embedder: Embedder,
    report: Report,
    *,
    names: Sequence[str] | None = None,
    cache: ResultCache | None = None,
) -> ImageVectors:
    """Cut each image by landmarks that are known, and embed it.

    Args:
        images: m files, or their contents.
        landmarks: float32 (m, 5, 2), pixels, in the order of `Faces.landmarks`.
        embedder: which cuts its chips by landmarks.
        report: called as images are done.
        names: of the images, by which reasons do not call them.
        cache: as of `embed_chips`.

    Raises:
        ProtocolError: the model cuts its chips by the detector's box, which landmarks do not tell.
    """
    names = _names(images) if names is None else names
    policy = embedder.spec.crop
    if policy is None or isinstance(policy, MarginCrop):
        raise ProtocolError(
            f"{embedder.spec.id} cuts faces by their boxes, and the data set has landmarks only; "
            "name a detector (--detector) to look for the faces"
        )

    def cut(number: int, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        points = landmarks[number][None]
        box = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
        face = Faces(box, np.ones(1, np.float32), points)
        chip: NDArray[np.uint8] = crop(image, face, policy)[0]
        return chip

    keys = _Keys(cache, embedder, lambda i: np.asarray(landmarks[i], "<f4").tobytes())
    return _embed_cut(images, names, embedder, cut, keys, report)


class _Keys:
    """Keys of the cache, if there is one.

    Args:
        cache: where vectors are kept.
        embedder: what made them.
        place: what besides the content decides how an image is cut.
    """

    def __init__(
        self, cache: ResultCache | None, embedder: Embedder, place: Callable[[int], bytes]
    ) -> None:
        self.cache = cache
        self._place = place
        settings = {"software": versions(), "embedder": embedder.settings}
        self._made_by = json.dumps(settings, sort_keys=True).encode()

    def key(self, number: int, content: bytes) -> bytes:
        parts = (self._made_by, self._place(number), content)
        digests = (hashlib.sha256(part).digest() for part in parts)
        return hashlib.sha256(b"cut" + b"".join(digests)).digest()


class _Chip(NamedTuple):
    """An image on its way: its number and key, and its chip, its vector, or why it has none."""

    number: int
    key: bytes | None
    value: NDArray[np.uint8] | NDArray[np.float32] | str


def _embed_cut(
    images: Sequence[Picture],
    names: Sequence[str],
    embedder: Embedder,
    cut: _Cutter,
    keys: _Keys,
    report: Report,
) -> ImageVectors:
    """The vectors of images that become one chip each."""
    found = _nothing(len(images), embedder)

    def open_one(number: int) -> _Chip:
        source, key = images[number], None
        try:
            if keys.cache is not None:
                source = source if isinstance(source, bytes) else read_file(source, names[number])
                key = keys.key(number, source)
                known = keys.cache.get(key)
                if known is not None and len(known.embeddings) == 1:
                    return _Chip(number, key, known.embeddings[0])
            return _Chip(number, key, cut(number, load(source, name=names[number])))
        except ImageError as error:
            return _Chip(number, key, _reason(error, names[number]))

    def embedded(batch: list[_Chip]) -> tuple[list[_Chip], NDArray[np.float32]]:
        chips = np.stack([np.asarray(chip.value, np.uint8) for chip in batch])
        with device_turn(embedder):
            vectors = embedder.embed(chips, flip=embedder.flip)
        for chip, vector in zip(batch, vectors, strict=True):
            if keys.cache is not None and chip.key is not None and np.isfinite(vector).all():
                keys.cache.put(chip.key, _kept(vector, chips.shape[1]))
        return batch, vectors

    with (
        closing(ordered_map(open_one, range(len(images)))) as chips,
        closing(ordered_map(embedded, _batches(chips, embedder.batch_size, found))) as results,
    ):
        for batch, vectors in results:
            for chip, vector in zip(batch, vectors, strict=True):
                _take(found, chip.number, vector)
            report(batch[-1].number + 1)
    report(len(images))
    return found


def _kept(vector: NDArray[np.float32], side: int) -> EmbeddedFaces:
    """A vector in the form of the cache: of the one face of a chip."""
    whole = np.array([[0, 0, side, side]], np.float32)
    return EmbeddedFaces(Faces(whole, np.ones(1, np.float32)), vector[None].copy(), (side, side))


def _batches(chips: Iterable[_Chip], size: int, found: ImageVectors) -> Iterator[list[_Chip]]:
    """The chips, some at a time; what is known already, and reasons, go where they belong."""
    batch: list[_Chip] = []
    for chip in chips:
        if isinstance(chip.value, str):
            found.failures[chip.number] = chip.value
        elif chip.value.ndim == 1:
            found.vectors[chip.number] = chip.value
        else:
            batch.append(chip)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _take(found: ImageVectors, number: int, vector: NDArray[np.float32]) -> None:
    """Keep a vector, unless it is none."""
    if np.isfinite(vector).all():
        found.vectors[number] = vector
    else:
        found.failures[number] = "the model gave values that are not finite"


def _nothing(count: int, embedder: Embedder) -> ImageVectors:
    return ImageVectors(
        vectors=np.full((count, embedder.spec.embedding_size or 0), np.nan, np.float32),
        failures={},
        boxes=np.full((count, 4), np.nan, np.float32),
    )


def _names(images: Sequence[Picture]) -> list[str]:
    return [str(image) if isinstance(image, Path) else str(i) for i, image in enumerate(images)]


def _reason(error: ImageError, name: str) -> str:
    """The message without the name, which the reader is told apart."""
    return str(error).removeprefix(f"{name}: ")
