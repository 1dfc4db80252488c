"""Protocols of pairs of images: verification."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation import metrics
from facewise.evaluation.scores import pair_similarity
from facewise.evaluation.thresholds import operating_points, operating_points_of_pairs
from facewise.evaluation.verification import verify
from facewise.training.evaluating.figures import OF_PAIRS, curve, verification_figures
from facewise.training.evaluating.folds import dealt_folds
from facewise.training.evaluating.forms import Pictures
from facewise.zoo import Threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.protocols.pairs import PairProtocol
    from facewise.training.evaluating.figures import Figures


class PairForm:
    """Pairs of images; a `Form`.

    A threshold is the best of the other folds; of the pairs for the threshold where there are
    some; and a protocol of one fold without them is cut into ten.

    Args:
        protocol: the pairs.
        chosen_on: pairs for the threshold, or None.

    Raises:
        ProtocolError: one fold, and fewer than two pairs of a kind.
    """

    told = OF_PAIRS

    def __init__(self, protocol: PairProtocol, chosen_on: PairProtocol | None = None) -> None:
        if chosen_on is None and protocol.fold_count < 2:
            protocol = replace(protocol, folds=dealt_folds(protocol.same, protocol.name))
        self.protocol, self.chosen_on = protocol, chosen_on
        self.name = protocol.name
        self.pictures = _pictures(protocol)
        self.tuning = None if chosen_on is None else _pictures(chosen_on)
        self.people = protocol.people or protocol.names

    def score(
        self, vectors: NDArray[np.float32], tuning: NDArray[np.float32] | None
    ) -> tuple[Figures, NDArray[np.float64] | None]:
        """See `Form`."""
        fixed = None
        if self.chosen_on is not None and tuning is not None:
            similarity = pair_similarity(tuning, self.chosen_on.pairs)
            cut = metrics.best_threshold(similarity, self.chosen_on.same)
            fixed = Threshold(float(np.clip(cut, -1, 1)), None, "the pairs for the threshold")
        similarity = pair_similarity(vectors, self.protocol.pairs)
        figures = verification_figures(verify(similarity, self.protocol, fixed=fixed))
        return figures, curve(similarity, self.protocol.same)

    def thresholds(self, vectors: NDArray[np.float32], found: str) -> tuple[Threshold, ...]:
        """See `Form`: from all pairs of different people, or the impostor pairs alone."""
        protocol, people = self.protocol, self.protocol.people
        where = f"{protocol.name}, {len(vectors):,} images, {found}"
        try:
            if people is not None:
                points = operating_points(vectors, people)
                where = f"all pairs of different people of {where}"
            else:
                similarity = pair_similarity(vectors, protocol.pairs[~protocol.same])
                known = similarity[~np.isnan(similarity)]
                points = operating_points_of_pairs(known, len(vectors))
                where = f"the impostor pairs of {where}"
        except ProtocolError:
            return ()
        return tuple(Threshold(value, far, where) for far, value in points.thresholds.items())


def _pictures(protocol: PairProtocol) -> Pictures:
    # What a reader lets be missing is a chip without a face.
    files = enumerate(protocol.images)
    without = [number for number, file in files if isinstance(file, Path) and not file.exists()]
    return Pictures(protocol.sha256, protocol.images, protocol.names, without=tuple(without))
