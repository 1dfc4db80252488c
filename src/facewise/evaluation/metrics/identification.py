"""Figures of 1:n identification, as pure functions on arrays.

A probe is searched in a gallery of n people; each person has one similarity to it. A mated probe
shows somebody who is enrolled, a non-mated one nobody who is. Failed probes (no face found) have
NaN throughout: they are never recognised, but count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facewise.evaluation.metrics.verification import false_accepts, measurable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.metrics.verification import Doubles, Floats


def mate_ranks(similarity: Floats, mates: NDArray[np.integer]) -> NDArray[np.intp]:
    """The rank of each probe's mate: 1 where nobody in the gallery is more alike, or as alike.

    Of equal similarities the mate comes last, so that a model that gives everybody the same does
    not recognise anybody. A failed probe's mate, and one whose gallery images failed, has rank
    n + 1: no list of people holds it.

    Args:
        similarity: (p, n), of mated probes and the people of the gallery.
        mates: int (p,), the column of each probe's mate.

    Raises:
        ValueError: shapes that do not fit, or a mate outside the gallery.
    """
    values = np.asarray(similarity, np.float64)
    mates = np.asarray(mates)
    if values.ndim != 2 or mates.shape != values.shape[:1]:
        raise ValueError(
            f"similarity and mates: expected (p, n) and (p,), got {values.shape} and {mates.shape}"
        )
    if len(mates) and not 0 <= mates.min() <= mates.max() < values.shape[1]:
        raise ValueError(f"mates: expected columns of {values.shape[1]} people")
    values = np.where(np.isnan(values), -np.inf, values)
    own = values[np.arange(len(mates)), mates]
    ranks = np.count_nonzero(values >= own[:, None], axis=1)
    ranks[np.isneginf(own)] = values.shape[1] + 1
    return np.asarray(ranks, np.intp)


def cmc(ranks: NDArray[np.integer], people: int) -> Doubles:
    """Cumulative match characteristic: the share of mated probes at rank 1, 2, … n or better.

    Args:
        ranks: int (p,), as of `mate_ranks`.
        people: n, how many are enrolled.

    Returns:
        float64 (n,), rising; to 1 where no probe failed.

    Raises:
        ValueError: no probes, or a rank outside 1 to n + 1.
    """
    ranks = np.asarray(ranks)
    if not len(ranks):
        raise ValueError("ranks: there are no mated probes")
    if ranks.min() < 1 or ranks.max() > people + 1:
        raise ValueError(f"ranks: expected 1 to {people + 1}, got {ranks.min()} to {ranks.max()}")
    counts: Doubles = np.cumsum(np.bincount(ranks, minlength=people + 2)[1:-1]) / len(ranks)
    return counts


def dir_at_fpir(
    mated: Floats, ranks: NDArray[np.integer], non_mated: Floats, fpir: float, *, rank: int = 1
) -> float | None:
    """Detection and identification rate at a false-positive identification rate.

    The threshold is the lowest at which the share of non-mated probes with anybody at or above it
    does not exceed `fpir`; identified are mated probes whose mate is at or above it and has at
    least that rank (Phillips, Grother and Micheals, Handbook of Face Recognition 2011, chapter 21).

    Args:
        mated: float (p,), similarity of each mated probe to its mate.
        ranks: int (p,), the mate's rank.
        non_mated: float (q,), the highest similarity of each non-mated probe to anybody.
        fpir: a rate in (0, 1).
        rank: the worst that counts.

    Returns:
        A rate in [0, 1], or None where so few non-mated probes cannot measure it.

    Raises:
        ValueError: no probes of one kind, shapes that do not fit, or `fpir` outside (0, 1).
    """
    limit = limit_at_fpir(non_mated, fpir)
    mated, ranks = np.asarray(mated, np.float64), np.asarray(ranks)
    if mated.shape != ranks.shape or not len(mated):
        raise ValueError(f"mated and ranks: expected (p,), got {mated.shape} and {ranks.shape}")
    if limit is None:
        return None
    return float(np.mean((mated > limit) & (ranks <= rank)))


def limit_at_fpir(non_mated: Floats, fpir: float) -> float | None:
    """The similarity that a search must exceed at a false-positive identification rate, or None.

    Raises:
        ValueError: no non-mated probes, or `fpir` outside (0, 1).
    """
    values = np.asarray(non_mated, np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError("non_mated: a false-positive rate needs probes of people not enrolled")
    if not measurable(fpir, len(values)):
        return None
    allowed = false_accepts(fpir, len(values))
    if allowed >= len(values):
        return -np.inf
    return float(np.sort(np.where(np.isnan(values), -np.inf, values))[::-1][allowed])
