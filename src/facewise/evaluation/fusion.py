"""Two models as one: their vectors side by side, so that similarities add up.

The cosine of vectors put side by side is a weighted mean of the single cosines. A model whose
similarities of different people lie close together says as much with a small step as another with
a large one; so each is weighted by one over their spread, which makes the sum that of normalised
scores (Jain, Nandakumar and Ross, Pattern Recognition 38, 2005). The spread is the distance from
the median to the 99th percentile: false accepts happen at the upper end, and the lower may be much
longer. It is taken over pairs of the images at hand, without those of one person where people are
known; which pairs a protocol calls genuine is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.vectors import ImageVectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COHORT = 2048
"""Images at most whose pairs tell the spread: two million pairs, known to a thousandth."""

_FROM, _TO = 0.5, 0.99
"""Quantiles. Chosen on LFW's View 1, where the standard deviation does as well; where people are
not known, so few of the pairs are of one person that these quantiles do not move."""


def fusion_shares(
    found: Sequence[ImageVectors], people: Sequence[str] | None = None
) -> tuple[float, ...]:
    """Each model's share of the fused similarity, from how its similarities are spread.

    Args:
        found: two or more, of the same images.
        people: whom each image shows, if that is known.

    Returns:
        Above 0; they sum up to 1.

    Raises:
        ProtocolError: too few images have vectors of all models, or a model gives all the same.
    """
    usable = np.flatnonzero(np.all([~np.isnan(some.vectors).any(axis=1) for some in found], axis=0))
    if len(usable) < 3:
        raise ProtocolError(
            f"a fusion needs three images at least that all models can embed, got {len(usable)}"
        )
    cohort = usable[np.linspace(0, len(usable) - 1, min(len(usable), _COHORT)).astype(np.intp)]
    strangers = np.triu(np.ones((len(cohort), len(cohort)), bool), 1)
    if people is not None:
        shown = np.unique(np.asarray(people)[cohort], return_inverse=True)[1]
        strangers &= shown[:, None] != shown[None, :]
    if not strangers.any():
        raise ProtocolError("a fusion needs images of two people at least, and there is one")
    spreads = np.array([_spread(some.vectors[cohort], strangers) for some in found])
    if not (spreads > 0).all():
        raise ProtocolError("a fusion needs models that tell images apart; one gives all the same")
    return tuple(((1 / spreads) / np.sum(1 / spreads)).tolist())


def fuse(found: Sequence[ImageVectors], shares: Sequence[float]) -> ImageVectors:
    """The vectors of some models as those of one.

    Args:
        found: two or more, of the same images.
        shares: of the similarity, as of `fusion_shares`.

    Returns:
        float32 (m, sum of d) of unit length, NaN where any of the models failed.
    """
    vectors = np.concatenate(
        [some.vectors * np.float32(np.sqrt(w)) for some, w in zip(found, shares, strict=True)],
        axis=1,
    )
    vectors[np.isnan(vectors).any(axis=1)] = np.nan
    failures = {
        number: reason for some in reversed(found) for number, reason in some.failures.items()
    }
    return ImageVectors(vectors, failures, found[0].boxes)


def _spread(vectors: NDArray[np.float32], strangers: NDArray[np.bool_]) -> float:
    """How far the upper half of the similarities reaches."""
    low, high = np.quantile((vectors @ vectors.T)[strangers], [_FROM, _TO])
    return float(high - low)
