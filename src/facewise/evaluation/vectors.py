"""One vector for each image of a protocol, computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from facewise.errors import ChipError, ImageError
from facewise.images import load

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.embedding import Embedder
    from facewise.pipeline import Pipeline

Report: TypeAlias = Callable[[int], None]
"""Called with the number of images that are done, as they are."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageVectors:
    """Vectors of m images, and why some have none.

    Attributes:
        vectors: float32 (m, d), unit length; NaN where the image failed.
        failures: the reason, by the number of the image.
    """

    vectors: NDArray[np.float32]
    failures: dict[int, str]


def embed_photos(images: Sequence[Path], pipeline: Pipeline, report: Report) -> ImageVectors:
    """Find and embed the most central face of each photo.

    What the pipeline's cache holds is not computed again, so an interrupted run goes on where it
    stopped. A photo that cannot be read or shows no face is a failure.
    """
    vectors = _nothing(images, pipeline.embedder)
    failures = {}
    for i, found in enumerate(pipeline.run_each(images)):
        if isinstance(found, ImageError):
            failures[i] = _reason(found, images[i])
        else:
            best = found.faces.order("most_central", image_size=found.image_size)[:1]
            if len(best):
                vectors[i] = found.embeddings[best[0]]
            else:
                failures[i] = "no face found"
        report(i + 1)
    return ImageVectors(vectors, failures)


def embed_chips(images: Sequence[Path], embedder: Embedder, report: Report) -> ImageVectors:
    """Embed images that are chips already; no face is looked for.

    Raises:
        ChipError: an image is not of the size the model takes. It was not cut for this model, and
            resizing it would measure something else.
    """
    vectors = _nothing(images, embedder)
    failures: dict[int, str] = {}
    chips = _read_chips(images, embedder, failures)
    while batch := list(islice(chips, embedder.batch_size)):
        numbers, pictures = zip(*batch, strict=True)
        vectors[list(numbers)] = embedder.embed(np.stack(pictures), flip=embedder.flip)
        report(numbers[-1] + 1)
    report(len(images))
    return ImageVectors(vectors, failures)


def _read_chips(
    images: Sequence[Path], embedder: Embedder, failures: dict[int, str]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The chips that can be read, with their numbers."""
    side = embedder.spec.input_size
    for i, image in enumerate(images):
        try:
            chip = load(image)
        except ImageError as error:
            failures[i] = _reason(error, image)
            continue
        if chip.shape[:2] != (side, side):
            raise ChipError(
                f"{image}: {chip.shape[1]}×{chip.shape[0]} pixels, but {embedder.spec.id} takes "
                f"chips of {side}×{side}; give photos that are not yet cut without --aligned"
            )
        yield i, chip


def _nothing(images: Sequence[Path], embedder: Embedder) -> NDArray[np.float32]:
    return np.full((len(images), embedder.spec.embedding_size or 0), np.nan, np.float32)


def _reason(error: ImageError, image: Path) -> str:
    """The message without the path, which the reader is told apart."""
    return str(error).removeprefix(f"{image}: ")
