"""From chips, which are cut already, to their vectors, as `Pipeline` does for photos."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice, repeat
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ImageError
from facewise.faces import EmbeddedFaces, Faces
from facewise.images import load
from facewise.runtime.workers import device_turn, ordered_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.embedding import Embedder
    from facewise.images import ImageSource


class ChipPipeline:
    """Embeds pictures that are chips; no face is looked for.

    Args:
        embedder: which takes chips of their size.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    def run(self, source: ImageSource, *, name: str | None = None) -> EmbeddedFaces:
        """The vector of a chip, as of one face that fills the picture.

        Raises:
            ImageError: it is not a picture, or not of the size that the model takes.
        """
        [found] = self._embed([self._opened((source, name))])
        if isinstance(found, ImageError):
            raise found
        return found

    def run_each(
        self, sources: Iterable[ImageSource], *, names: Iterable[str] | None = None
    ) -> Generator[EmbeddedFaces | ImageError, None, None]:
        """`run` for many chips, on all processors; a bad one gives its error and does not stop.

        Who shares a batch with whom depends on the place in the order alone.

        Args:
            sources: chips, taken as they are needed.
            names: of each, for error messages.
        """
        pairs = zip(sources, repeat(None)) if names is None else zip(sources, names, strict=True)
        with (
            closing(ordered_map(self._opened, pairs)) as opened,
            closing(ordered_map(self._embed, self._batches(opened))) as batches,
        ):
            for batch in batches:
                yield from batch

    def _batches(
        self, opened: Iterator[NDArray[np.uint8] | ImageError]
    ) -> Iterator[list[NDArray[np.uint8] | ImageError]]:
        while batch := list(islice(opened, self.embedder.batch_size)):
            yield batch

    def _opened(self, pair: tuple[ImageSource, str | None]) -> NDArray[np.uint8] | ImageError:
        source, name = pair
        side = self.embedder.spec.input_size
        try:
            chip = load(source, name=name)
        except ImageError as error:
            return ImageError(str(error))  # without what its traceback leads to
        if chip.shape[:2] != (side, side):
            return ImageError(
                f"{name or 'chip'}: {chip.shape[1]}×{chip.shape[0]} pixels, but "
                f"{self.embedder.spec.id} takes chips of {side}×{side}"
            )
        return chip

    def _embed(
        self, batch: Sequence[NDArray[np.uint8] | ImageError]
    ) -> list[EmbeddedFaces | ImageError]:
        chips = [chip for chip in batch if not isinstance(chip, ImageError)]
        if not chips:
            return [chip for chip in batch if isinstance(chip, ImageError)]
        with device_turn(self.embedder):
            vectors = iter(self.embedder.embed(np.stack(chips), flip=self.embedder.flip))
        side = chips[0].shape[0]
        whole = Faces([[0, 0, side, side]], [1])
        return [
            chip
            if isinstance(chip, ImageError)
            else EmbeddedFaces(whole, next(vectors)[None].copy(), (side, side))
            for chip in batch
        ]
