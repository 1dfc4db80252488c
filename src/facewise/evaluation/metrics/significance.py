"""Whether a difference is more than chance. Needs SciPy (`pip install 'facewise[evaluate]'`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.evaluation.extra import needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facewise.evaluation.metrics.verification import Bools, Doubles

_TESTS = "tests of significance"

_ENOUGH = 5  # errors expected in each group, for the chi-squared distribution to hold
_DEALS, _SEED = 20_000, 1954


@dataclass(frozen=True, slots=True)
class Mcnemar:
    """Two models on the same pairs.

    Attributes:
        both: pairs that both decide rightly.
        only_a: that the first alone does.
        only_b: that the second alone does.
        neither: that both decide wrongly.
        p_value: how likely a difference at least this large is between equally good models.
    """

    both: int
    only_a: int
    only_b: int
    neither: int
    p_value: float


def mcnemar(right_a: Bools, right_b: Bools) -> Mcnemar:
    """McNemar's test (1947), exact: two-sided binomial on the pairs that one alone gets right.

    Args:
        right_a: bool (n,), the pairs that the first model decides rightly.
        right_b: the same of the second.

    Raises:
        ValueError: arrays that do not fit.
        ExtraMissingError: SciPy is missing.
    """
    a, b = np.asarray(right_a), np.asarray(right_b)
    if a.dtype != np.bool_ or b.dtype != np.bool_ or a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"right: expected two boolean arrays (n,), got {a.shape} and {b.shape}")
    only_a, only_b = int(np.count_nonzero(a & ~b)), int(np.count_nonzero(~a & b))
    p_value = 1.0
    if only_a + only_b:
        p_value = float(needed("scipy.stats", _TESTS).binomtest(only_a, only_a + only_b).pvalue)
    return Mcnemar(
        int(np.count_nonzero(a & b)), only_a, only_b, int(np.count_nonzero(~a & ~b)), p_value
    )


def homogeneity(errors: Sequence[int], trials: Sequence[int]) -> float:
    """How likely shares that differ at least so much are where all groups have the same rate.

    Pearson's chi-squared statistic. Where every group is expected to have five errors or more
    (Cochran's rule), its distribution is the familiar one; else errors are dealt out to the groups
    20,000 times, all totals kept, and the share of deals that differ at least as much is the
    answer. For two groups Fisher's exact test. Groups without trials are left out. Trials count as
    independent: where few people stand in many pairs, differences are found too often.

    Returns:
        A p-value in [0, 1]; 1 where fewer than two groups have trials, or nobody or everybody errs.

    Raises:
        ValueError: lengths that do not fit, or more errors than trials.
        ExtraMissingError: SciPy is missing.
    """
    wrong, total = np.asarray(errors, np.int64), np.asarray(trials, np.int64)
    if wrong.shape != total.shape or (wrong > total).any() or (wrong < 0).any():
        raise ValueError(f"errors: expected as many as trials at most, got {errors} of {trials}")
    wrong, total = wrong[total > 0], total[total > 0]
    if len(wrong) < 2 or wrong.sum() in (0, total.sum()):
        return 1.0
    table = np.stack([wrong, total - wrong], axis=1)
    stats = needed("scipy.stats", _TESTS)
    if len(wrong) == 2:
        return float(stats.fisher_exact(table)[1])
    expected = total * (wrong.sum() / total.sum())
    if min(expected.min(), (total - expected).min()) >= _ENOUGH:
        return float(stats.chi2_contingency(table, correction=False)[1])
    deals = np.random.default_rng(_SEED).multivariate_hypergeometric(
        total, wrong.sum(), _DEALS, method="marginals"
    )
    # With all totals given, this part of the statistic alone differs from deal to deal.
    differing = ((deals - expected) ** 2 / total).sum(axis=1)
    observed = ((wrong - expected) ** 2 / total).sum()
    as_much = np.count_nonzero(differing >= observed * (1 - 1e-9))
    return float((as_much + 1) / (_DEALS + 1))


def holm(p_values: Sequence[float]) -> Doubles:
    """P-values of several tests, raised so that all together err no more often (Holm 1979)."""
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    result: Doubles = np.empty_like(values)
    result[order] = adjusted
    return result
