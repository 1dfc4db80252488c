from __future__ import annotations

import numpy as np
import pytest

from facewise.evaluation.metrics import cmc, dir_at_fpir, limit_at_fpir, mate_ranks

NAN = np.nan

# Four probes and three people; the mates are 0, 1, 2, 0.
SIMILARITY = np.array(
    [[0.9, 0.1, 0.2], [0.5, 0.4, 0.3], [0.6, 0.6, 0.6], [NAN, NAN, NAN]],
)
MATES = np.array([0, 1, 2, 0])


def test_ranks_by_hand():
    # Probe 2 is as alike to all: its mate comes last of them. Probe 3 failed: beyond all people.
    assert mate_ranks(SIMILARITY, MATES).tolist() == [1, 2, 3, 4]


def test_a_person_who_failed_is_not_found():
    gone = SIMILARITY.copy()
    gone[:, 0] = NAN
    assert mate_ranks(gone, MATES).tolist() == [4, 1, 2, 4]


def test_cmc_by_hand():
    assert cmc(np.array([1, 2, 3, 4]), 3).tolist() == [1 / 4, 2 / 4, 3 / 4]
    assert cmc(np.array([1, 1]), 2).tolist() == [1, 1]


def test_dir_by_hand():
    non_mated = np.array([0.7, 0.5, 0.3, 0.2, 0.1, 0.0, NAN, NAN, NAN, NAN])
    # At 3 of 10 the fourth highest, 0.2, must not be accepted; above it are 0.9 and 0.25.
    mated = np.array([0.9, 0.25, 0.2, NAN])
    ranks = np.array([1, 2, 1, 4])
    assert limit_at_fpir(non_mated, 0.3) == 0.2
    assert dir_at_fpir(mated, ranks, non_mated, 0.3) == 1 / 4
    assert dir_at_fpir(mated, ranks, non_mated, 0.3, rank=2) == 2 / 4
    assert dir_at_fpir(mated, ranks, non_mated, 0.2) is None  # two of ten are too few


def test_against_every_threshold():
    rng = np.random.default_rng(2)
    mated, non_mated = rng.normal(0.5, 0.2, 200).round(2), rng.normal(0.2, 0.2, 300).round(2)
    ranks = rng.integers(1, 4, 200)
    for fpir in (0.01, 0.1, 0.5):
        # The lowest threshold that keeps the rate, of all that make a difference.
        best = max(
            np.mean((mated >= t) & (ranks == 1))
            for t in np.unique(np.concatenate([mated, non_mated]))
            if np.mean(non_mated >= t) <= fpir
        )
        assert dir_at_fpir(mated, ranks, non_mated, fpir) == best


def test_refused():
    with pytest.raises(ValueError, match=r"expected \(p, n\) and \(p,\)"):
        mate_ranks(SIMILARITY, MATES[:3])
    with pytest.raises(ValueError, match="columns of 3 people"):
        mate_ranks(SIMILARITY, MATES + 1)
    with pytest.raises(ValueError, match="no mated probes"):
        cmc(np.array([], int), 3)
    with pytest.raises(ValueError, match="expected 1 to 4, got 0 to 1"):
        cmc(np.array([0, 1]), 3)
    with pytest.raises(ValueError, match="people not enrolled"):
        limit_at_fpir(np.array([]), 0.1)
    with pytest.raises(ValueError, match="mated and ranks"):
        dir_at_fpir(np.array([0.1]), np.array([1, 2]), np.zeros(100), 0.1)
