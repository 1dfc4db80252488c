"""`Scored`: one model's (or one fusion's) way through a protocol of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facewise.evaluation.vectors import ImageVectors
    from facewise.evaluation.verification import Verification


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What one model made of a protocol.

    Attributes:
        model: its id; `A+B` for a fusion. Unique in an evaluation.
        found: the vectors of the protocol's images, and why some have none.
        similarity: float64 (n,), one for each pair; NaN where it could not be compared.
        verification: the figures; None for pairs of templates, which have no folds.
    """

    model: str
    found: ImageVectors
    similarity: NDArray[np.float64]
    verification: Verification | None
