"""`PairProtocol`: what every protocol of image pairs comes down to, however it is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Picture: TypeAlias = "Path | bytes"
"""Where a protocol's image is: a file, or the content of one that lies in a pack."""


@dataclass(frozen=True, slots=True, eq=False)
class PairProtocol:
    """Pairs of images, each of one person or of two.

    Attributes:
        name: of the protocol, for example `lfw`.
        sha256: of the files that list the pairs.
        images: m of them, each once. Where a reader was told that some may be missing, no file is
            at their path, and they count as pictures without a face.
        names: what reports call each image, unique: its path below the folder of images, with `/`
            on every system, or its number in a pack.
        people: whom each image shows, or None where the protocol does not say.
        pairs: intp (n, 2), numbers of images.
        same: bool (n,), True where both show one person.
        folds: intp (n,), the fold of each pair, from 0.
        remarks: what the reader noticed that a user should know, for example repeated lines.
        folds_given: the folds are the protocol's. False where the reader dealt the pairs, or put
            them into one: then one person may stand in several folds.
    """

    name: str
    sha256: str
    images: tuple[Picture, ...]
    names: tuple[str, ...]
    people: tuple[str, ...] | None
    pairs: NDArray[np.intp]
    same: NDArray[np.bool_]
    folds: NDArray[np.intp]
    remarks: tuple[str, ...] = ()
    folds_given: bool = True

    @property
    def fold_count(self) -> int:
        """How many folds there are."""
        return len(np.unique(self.folds))


def names_below(root: Path, images: Sequence[Path]) -> tuple[str, ...]:
    """The path of each image below a folder, with `/` on every system."""
    return tuple(image.relative_to(root).as_posix() for image in images)
