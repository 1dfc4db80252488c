"""Whether one model is better than another on the same pairs, or only looks so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.evaluation import metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.identification import IdentificationScored
    from facewise.evaluation.scored import Scored


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """McNemar's test between two models.

    Attributes:
        a: the first model.
        b: the second.
        test: pairs or probes by who decides them rightly, and the p-value of this test alone.
        p_value: raised for the number of comparisons made (Holm).
    """

    a: str
    b: str
    test: metrics.Mcnemar
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        counts = asdict(self.test)
        single = counts.pop("p_value")
        return {"a": self.a, "b": self.b, **counts, "p_value": self.p_value, "p_single": single}


def compare_models(
    scored: Sequence[Scored], same: NDArray[np.bool_]
) -> tuple[ModelComparison, ...]:
    """Compare each two models on the pairs that count for both; failed ones are decided wrongly.

    Raises:
        ExtraMissingError: SciPy is missing.
    """
    pairs = combinations(scored, 2)
    return _compared([(a.model, b.model, *_right(a, b, same)) for a, b in pairs])


def compare_searches(scored: Sequence[IdentificationScored]) -> tuple[ModelComparison, ...]:
    """Compare each two models on the mated probes, identified at rank 1 or not.

    Raises:
        ExtraMissingError: SciPy is missing.
    """
    pairs = combinations(scored, 2)
    return _compared([(a.model, b.model, a.hits, b.hits) for a, b in pairs])


def _compared(
    trials: Sequence[tuple[str, str, NDArray[np.bool_], NDArray[np.bool_]]],
) -> tuple[ModelComparison, ...]:
    tests = [metrics.mcnemar(first, second) for _, _, first, second in trials]
    adjusted = metrics.holm([test.p_value for test in tests])
    return tuple(
        ModelComparison(a, b, test, float(p_value))
        for (a, b, *_), test, p_value in zip(trials, tests, adjusted, strict=True)
    )


def _right(
    a: Scored, b: Scored, same: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pairs each decides rightly, of those that count for both; failed ones are not."""
    assert a.verification is not None and b.verification is not None  # noqa: S101, PT018
    both = a.verification.counted & b.verification.counted
    first = (a.verification.accepted == same) & ~np.isnan(a.similarity)
    second = (b.verification.accepted == same) & ~np.isnan(b.similarity)
    return first[both], second[both]
