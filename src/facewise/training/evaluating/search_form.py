"""Protocols of a gallery and probes: identification."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.identification import identify_probes
from facewise.evaluation.thresholds import operating_points
from facewise.evaluation.vectors import NO_FACE, ImageVectors
from facewise.training.evaluating.figures import OF_SEARCH, search_figures
from facewise.training.evaluating.forms import Pictures
from facewise.zoo import Threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.protocols.people import PeopleProtocol
    from facewise.training.evaluating.figures import Figures


class SearchForm:
    """Probes that are searched in a gallery; a `Form` without a curve.

    Args:
        protocol: gallery and probes.

    Raises:
        ProtocolError: no probe shows anybody of the gallery, so there is no rate of rank 1.
    """

    name = "identification"
    told = OF_SEARCH
    tuning: Pictures | None = None

    def __init__(self, protocol: PeopleProtocol) -> None:
        enrolled = protocol.enrolled
        if not set(protocol.people[:enrolled]) & set(protocol.people[enrolled:]):
            raise ProtocolError(
                "identification: expected probes of people of the gallery, and none of the "
                f"{len(protocol.people) - enrolled} probes shows one of them; their folders must "
                "have the same names"
            )
        self.protocol = protocol
        self.pictures = Pictures(protocol.sha256, protocol.images, protocol.names)
        self.people = protocol.people

    def score(
        self,
        vectors: NDArray[np.float32],
        tuning: NDArray[np.float32] | None,  # noqa: ARG002 - there are no such pictures
    ) -> tuple[Figures, NDArray[np.float64] | None]:
        """See `Form`."""
        failed = np.flatnonzero(np.isnan(vectors).any(axis=1)).tolist()
        nowhere = np.full((len(vectors), 4), np.nan, np.float32)
        found = ImageVectors(vectors, dict.fromkeys(failed, NO_FACE), nowhere)
        return search_figures(identify_probes(self.name, found, self.protocol).figures), None

    def thresholds(self, vectors: NDArray[np.float32], found: str) -> tuple[Threshold, ...]:
        """See `Form`: from all pairs of different people, of gallery and probes."""
        try:
            points = operating_points(vectors, self.people)
        except ProtocolError:
            return ()
        where = f"all pairs of different people of {self.name}, {len(vectors):,} images, {found}"
        return tuple(Threshold(value, far, where) for far, value in points.thresholds.items())
