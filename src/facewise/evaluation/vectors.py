"""One vector for each image of a protocol, computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from facewise.errors import ChipError, ImageError
from facewise.images import load
from facewise.runtime.workers import device_turn, ordered_map

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
    with closing(pipeline.run_each(images)) as results:
        for i, found in enumerate(results):
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

    def chip(number: int) -> tuple[int, NDArray[np.uint8] | str]:
        return number, _read_chip(images[number], embedder)

    def embedded(
        batch: list[tuple[int, NDArray[np.uint8]]],
    ) -> tuple[tuple[int, ...], NDArray[np.float32]]:
        numbers, pictures = zip(*batch, strict=True)
        with device_turn(embedder):
            return numbers, embedder.embed(np.stack(pictures), flip=embedder.flip)

    with (
        closing(ordered_map(chip, range(len(images)))) as chips,
        closing(ordered_map(embedded, _batches(chips, embedder.batch_size, failures))) as results,
    ):
        for numbers, found in results:
            vectors[list(numbers)] = found
            report(numbers[-1] + 1)
    report(len(images))
    return ImageVectors(vectors, failures)


def _read_chip(image: Path, embedder: Embedder) -> NDArray[np.uint8] | str:
    """A chip, or why it cannot be read."""
    side = embedder.spec.input_size
    try:
        chip = load(image)
    except ImageError as error:
        return _reason(error, image)
    if chip.shape[:2] != (side, side):
        raise ChipError(
            f"{image}: {chip.shape[1]}×{chip.shape[0]} pixels, but {embedder.spec.id} takes "
            f"chips of {side}×{side}; give photos that are not yet cut without --aligned"
        )
    return chip


def _batches(
    chips: Iterable[tuple[int, NDArray[np.uint8] | str]], size: int, failures: dict[int, str]
) -> Iterator[list[tuple[int, NDArray[np.uint8]]]]:
    """The chips with their numbers, some at a time; reasons go to the failures."""
    batch: list[tuple[int, NDArray[np.uint8]]] = []
    for number, chip in chips:
        if isinstance(chip, str):
            failures[number] = chip
            continue
        batch.append((number, chip))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _nothing(images: Sequence[Path], embedder: Embedder) -> NDArray[np.float32]:
    return np.full((len(images), embedder.spec.embedding_size or 0), np.nan, np.float32)


def _reason(error: ImageError, image: Path) -> str:
    """The message without the path, which the reader is told apart."""
    return str(error).removeprefix(f"{image}: ")
