from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.verification import OTHER_FOLDS, TarAtFar, verify
from facewise.zoo import Threshold

NAN = math.nan


def protocol(folds: list[int], same: list[bool]) -> PairProtocol:
    count = len(folds)
    return PairProtocol(
        name="made",
        sha256="",
        images=tuple(Path(f"{i}.jpg") for i in range(2 * count)),
        names=tuple(f"{i}.jpg" for i in range(2 * count)),
        people=None,
        pairs=np.arange(2 * count).reshape(count, 2),
        same=np.array(same),
        folds=np.array(folds),
    )


# Three folds; at 0.5 only the last impostor pair is decided wrongly.
FOLDS = [0, 0, 1, 1, 2, 2, 2, 2]
SAME = [True, False, True, False, True, True, False, False]
SIMILARITY = np.array([0.9, 0.1, 0.8, 0.2, 0.7, 0.9, 0.1, 0.6])


def test_figures() -> None:
    result = verify(SIMILARITY, protocol(FOLDS, SAME), fars=(0.1, 0.75))
    # Folds 0 and 1 choose (0.6 + 0.7) / 2, from the others; fold 2 chooses (0.2 + 0.8) / 2.
    assert result.folds == (1, 1, 0.75)
    assert result.threshold == pytest.approx((0.65 + 0.65 + 0.5) / 3)
    assert result.threshold_source == OTHER_FOLDS
    assert result.accuracy == pytest.approx(11 / 12)
    assert result.accuracy_std == pytest.approx(math.sqrt(2) / 12)
    assert result.accuracy_sem == pytest.approx(1 / 12)
    assert result.auc == 1
    assert result.eer == 0
    # Three of four impostor pairs are the fewest that measure a rate: above the lowest, 0.1.
    first, second = result.tar_at_far
    assert (first.far, first.tar, first.note) == (0.75, 1, "")
    assert first.threshold == np.nextafter(0.1, 1)
    assert second == TarAtFar(0.1, note="not measurable with 4 impostor pairs")
    assert result.tar(0.75) == 1
    # Accepted at the folds' thresholds: all four genuine pairs and the impostor pair of 0.6.
    assert result.accepted.tolist() == [True, False, True, False, True, True, False, True]
    assert (result.precision, result.recall, result.far) == (4 / 5, 1, 1 / 4)
    assert (result.pairs, result.failed_pairs) == (8, 0)


FAILING = np.where(np.isin(np.arange(8), [4, 6]), NAN, SIMILARITY)  # one of each kind, in fold 2


def test_failed_pairs_count_as_wrong() -> None:
    result = verify(FAILING, protocol(FOLDS, SAME), fars=(0.75,))
    assert (result.pairs, result.failed_pairs) == (8, 2)
    assert result.folds == (1, 1, 1 / 4)  # at 0.5 only the genuine pair of 0.9 is right
    assert result.tar(0.75) == 3 / 4
    assert (result.precision, result.recall, result.far) == (3 / 4, 3 / 4, 1 / 4)
    assert result.counted.all()
    # Each of three genuine pairs beats all four impostor pairs; of those that failed it is a tie.
    assert result.auc == pytest.approx((3 * 4 + 0.5) / 16)


def test_failed_pairs_can_be_dropped() -> None:
    result = verify(FAILING, protocol(FOLDS, SAME), missing="drop", fars=(0.9,))
    assert (result.pairs, result.failed_pairs) == (6, 2)
    assert result.folds == (1, 1, 1 / 2)
    assert result.tar_at_far == (TarAtFar(0.9, note="not measurable with 3 impostor pairs"),)
    assert result.counted.tolist() == [True] * 4 + [False, True, False, True]
    assert result.auc == 1


def test_fixed_threshold_and_one_fold() -> None:
    one = protocol([0] * 8, SAME)
    result = verify(SIMILARITY, one, fixed=Threshold(0.55, 1e-3, "some set"))
    assert result.folds == (7 / 8,)
    assert (result.accuracy, result.threshold) == (7 / 8, 0.55)
    assert (result.accuracy_std, result.accuracy_sem) == (None, None)
    assert result.threshold_source == "for FAR 0.001, measured on some set"
    with pytest.raises(ProtocolError, match="one fold alone has no others"):
        verify(SIMILARITY, one)


def test_refuses_to_give_figures_of_nothing() -> None:
    nothing = np.full(8, NAN)
    with pytest.raises(ProtocolError, match="8 of 8 pairs could not be compared, too many"):
        verify(nothing, protocol(FOLDS, SAME))
    one_kind = np.where(SAME, SIMILARITY, NAN)
    with pytest.raises(ProtocolError, match="4 of 8 pairs could not be compared, too many"):
        verify(one_kind, protocol(FOLDS, SAME), missing="drop")
    one_fold = np.where(np.array(FOLDS) == 2, SIMILARITY, NAN)
    with pytest.raises(ProtocolError, match=r"4 of 8 .*; those that could lie in one fold"):
        verify(one_fold, protocol(FOLDS, SAME))
    two_folds = np.where(np.array(FOLDS) == 0, NAN, SIMILARITY)
    assert verify(two_folds, protocol(FOLDS, SAME)).folds[0] == 0
    with pytest.raises(ProtocolError, match=r"2 of 8 .*; a fold has none left"):
        verify(two_folds, protocol(FOLDS, SAME), missing="drop")
