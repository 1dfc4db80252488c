"""`PairProtocol`: what every protocol of image pairs comes down to, however it is published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class PairProtocol:
    """Pairs of images, each of one person or of two.

    Attributes:
        name: of the protocol, for example `lfw`.
        sha256: of the file that lists the pairs.
        root: the folder the images lie in.
        images: m files, each once.
        pairs: intp (n, 2), numbers of images.
        same: bool (n,), True where both show one person.
        folds: intp (n,), the fold of each pair, from 0.
    """

    name: str
    sha256: str
    root: Path
    images: tuple[Path, ...]
    pairs: NDArray[np.intp]
    same: NDArray[np.bool_]
    folds: NDArray[np.intp]

    @property
    def fold_count(self) -> int:
        """How many folds there are."""
        return len(np.unique(self.folds))

    @property
    def people(self) -> tuple[str, ...]:
        """The person each image shows: the name of its folder."""
        return tuple(image.parent.name for image in self.images)

    def image_name(self, number: int) -> str:
        """The path of an image below `root`, with `/` on every system."""
        return self.images[number].relative_to(self.root).as_posix()

    def similarity(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Cosine similarity of each pair.

        Args:
            vectors: float32 (m, d), unit length, one for each image; NaN where there is none.

        Returns:
            float64 (n,), NaN where either image has no vector.
        """
        left, right = np.asarray(vectors, np.float64)[self.pairs.T]
        similarity: NDArray[np.float64] = np.einsum("nd,nd->n", left, right)
        return similarity
