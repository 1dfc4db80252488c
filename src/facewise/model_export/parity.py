"""How far an exported file is from the network it was made of, on real pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facewise.embedding.proof import least_cosine
from facewise.model_export.formats import Runner
from facewise.model_export.parts import Part, Pixels

_MOST = {"float32": 1e-4, "float16": 0.02}
"""Greatest difference of what one of MTCNN's networks gives: probabilities, and parts of a box."""

_MOST_INT8 = 0.05
"""Greatest mean difference. Single ones are large: PReLU does not suit integers."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A file beside its network.

    Attributes:
        pictures: that were shown to both.
        difference: the greatest difference of any number that they gave.
        mean: the mean of all differences.
        cosine: of an embedder: the least cosine of two vectors for one picture.
        mean_cosine: likewise, the mean.
        similarity: of an embedder: how far the similarity of two pictures moved at most.
    """

    pictures: int
    difference: float
    mean: float
    cosine: float | None = None
    mean_cosine: float | None = None
    similarity: float | None = None

    def __str__(self) -> str:
        if self.cosine is None:
            return f"largest difference {self.difference:.2g}, mean {self.mean:.2g}"
        return (
            f"least cosine {self.cosine:.6f}, mean {self.mean_cosine:.6f}, similarities moved by "
            f"at most {self.similarity:.2g}"
        )


def measured(part: Part, run: Runner, batches: Sequence[Pixels], *, preprocess: bool) -> Measured:
    """Show pictures to a file and to its network.

    Args:
        part: the network.
        run: the file.
        batches: the pictures, some at a time.
        preprocess: the file takes pixels.

    Raises:
        ValueError: the file gives another number of results, or of another shape.
    """
    largest, total, count = 0.0, 0.0, 0
    theirs: list[NDArray[np.float32]] = []
    ours: list[NDArray[np.float32]] = []
    for pixels in batches:
        given = np.ascontiguousarray(pixels) if preprocess else part.input(pixels).numpy()
        expected, found = part.reference(pixels), run(given)
        if [e.shape for e in expected] != [f.shape for f in found]:
            raise ValueError(
                f"gave {[f.shape for f in found]} for {len(pixels)} pictures, expected "
                f"{[e.shape for e in expected]}"
            )
        for e, f in zip(expected, found, strict=True):
            gap = np.abs(e.astype(np.float64) - f)
            largest = max(largest, float(gap.max())) if np.isfinite(gap).all() else np.inf
            total, count = total + float(gap.sum()), count + gap.size
        ours.append(expected[0])
        theirs.append(found[0])
    pictures = sum(map(len, batches))
    if not part.chips:
        return Measured(pictures, largest, total / count)
    a, b = np.concatenate(ours), np.concatenate(theirs)
    cosines = (a * b).sum(axis=1) / np.linalg.norm(b, axis=1)
    moved = np.abs(a @ a.T - b @ b.T).max()
    return Measured(
        pictures, largest, total / count, float(cosines.min()), float(cosines.mean()), float(moved)
    )


def failure(part: Part, precision: str, found: Measured) -> str | None:
    """Why a file is too far from its network, or None."""
    if found.cosine is None:
        whole = precision == "int8"
        most, gap = (_MOST_INT8, found.mean) if whole else (_MOST[precision], found.difference)
        if gap <= most:
            return None
        mean = " on average" if whole else ""
        return f"differs by {gap:.2g}{mean}, expected at most {most:g}"
    least = least_cosine(part.spec, precision)
    # Vectors of length 1 in float32 have a cosine of 1 but for rounding.
    if found.cosine >= least - 1e-6 and found.difference < 1:
        return None
    return f"least cosine {found.cosine:.6f}, expected at least {least:g}"
