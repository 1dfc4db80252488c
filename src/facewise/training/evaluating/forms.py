"""`Form`: what the forms of protocols have in common, once their images are vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facewise.evaluation.protocols.pairs import Picture
    from facewise.training.evaluating.figures import Figures, Told
    from facewise.zoo import Threshold


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Images that become chips together.

    Attributes:
        sha256: of what lists them.
        images: m files, or their contents.
        names: of the images.
        landmarks: float32 (m, 5, 2), pixels, in the order of `Faces.landmarks`; None where the
            protocol gives none.
        without: numbers of the images that have no chip, because no face was found in the photo.
    """

    sha256: str
    images: Sequence[Picture]
    names: Sequence[str]
    landmarks: NDArray[np.float32] | None = None
    without: tuple[int, ...] = ()


class Form(Protocol):
    """A protocol of one form, which knows vectors and nothing of how they are made."""

    @property
    def name(self) -> str:
        """Of the protocol, such as `lfw`."""

    @property
    def told(self) -> Told:
        """Which of the figures a spec tells, the one that decides first."""

    @property
    def pictures(self) -> Pictures:
        """Those that it is about."""

    @property
    def tuning(self) -> Pictures | None:
        """Others that a threshold is chosen on, if there are any."""

    @property
    def people(self) -> Sequence[str]:
        """Of each picture whom it shows, or the best that the protocol says of it."""

    def score(
        self, vectors: NDArray[np.float32], tuning: NDArray[np.float32] | None
    ) -> tuple[Figures, NDArray[np.float64] | None]:
        """The figures and, if the form has one, the curve of `figures.curve`.

        Args:
            vectors: float32 (m, d), unit length, of `pictures`; NaN where there is no face.
            tuning: likewise, of the others.

        Raises:
            ProtocolError: too few images show a face.
        """

    def thresholds(self, vectors: NDArray[np.float32], found: str) -> tuple[Threshold, ...]:
        """Thresholds by false-accept rate for vectors of single pictures, or none.

        Args:
            vectors: as of `score`.
            found: how faces were found, in words.
        """
