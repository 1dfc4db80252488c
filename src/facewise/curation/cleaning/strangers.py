"""How alike strangers are, and from which similarity on a face is taken for its folder's person."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facewise.errors import CurationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.zoo import ModelSpec

    Floats = NDArray[np.float64]

FALSE_REJECTION = 3.0
"""Times as bad to reject a face that belongs as to keep one that does not."""

_SAMPLES = 10_000
_SHARES = 1 - np.geomspace(0.02, 0.001, 60)
"""Parts of the strangers that are less alike than a threshold that may be chosen."""

_LEAST_DIRT = 0.01  # part of the faces that is expected to be dirt in any case


class Limit(NamedTuple):
    """A threshold that was chosen.

    Attributes:
        similarity: faces below it are rejected.
        strangers: the part of strangers that is below it.
        dirt: the part of all faces that is estimated to be dirt.
    """

    similarity: float
    strangers: float
    dirt: float


def strangers_of(spec: ModelSpec) -> Floats:
    """What similarities strangers have, by the thresholds that were measured for a model, sorted.

    The normal distribution that comes closest to them, in even steps. Where there are many folders,
    the folders themselves say more (`judging.judge`).

    Raises:
        CurationError: the model has no two thresholds.
    """
    points = [(point.far, point.value) for point in spec.thresholds if point.far]
    if len(points) < 2:
        raise CurationError(
            f"{spec.id}: nobody has measured how alike strangers are for this model, and there are "
            "too few folders to see it; give --threshold, or a model with thresholds"
        )
    quantiles = [NormalDist().inv_cdf(1 - far) for far, _ in points]
    slope, mean = np.polyfit(quantiles, [value for _, value in points], 1)
    normal = NormalDist(float(mean), float(slope))
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    return np.array([normal.inv_cdf(step) for step in steps])


def share_below(strangers: Floats, similarity: Floats | float) -> Floats:
    """The part of strangers that is less alike than a similarity."""
    return np.asarray(np.searchsorted(strangers, similarity) / len(strangers))


def rarely_reached(strangers: Floats, rate: float) -> float:
    """The similarity that strangers reach at a low rate, by those that they reach more often.

    A sample of strangers from folders that are not clean has pairs of one person in it, which would
    be its most alike; so beyond one in a hundred it goes on as a normal distribution does.

    Args:
        strangers: similarities, sorted.
        rate: in (0, 0.01].
    """
    middle, high = np.quantile(strangers, [0.5, 0.99])
    normal = NormalDist()
    factor = normal.inv_cdf(1 - rate) / normal.inv_cdf(0.99)
    return float(middle + (high - middle) * factor)


def choose_limit(similarities: Floats, strangers: Floats) -> Limit:
    """The threshold by which the fewest faces are expected to be judged wrongly.

    Below the strangers' median there are hardly any faces but dirt, and half of the dirt: so the
    number of dirty faces D is known without knowing which they are. Below a threshold t there are
    o(t) faces, of which D·F(t) are dirt, F being the strangers' distribution. What is rejected
    wrongly is o(t) − D·F(t), what is kept wrongly D·(1 − F(t)).

    Args:
        similarities: of each face to its folder's person, (n,).
        strangers: similarities of strangers, sorted, at least one.
    """
    thresholds = np.quantile(strangers, _SHARES)
    below = share_below(strangers, thresholds)
    count = max(len(similarities), 1)
    below_median = int((similarities < np.median(strangers)).sum())
    dirt = max(2.0 * below_median, _LEAST_DIRT * count)
    seen = np.searchsorted(np.sort(similarities), thresholds)
    cost = FALSE_REJECTION * seen - (FALSE_REJECTION + 1) * dirt * below
    best = int(cost.argmin())
    return Limit(float(thresholds[best]), float(below[best]), min(dirt / count, 1.0))
