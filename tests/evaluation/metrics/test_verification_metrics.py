from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from facewise.evaluation import metrics

NAN = math.nan

# Worked by hand: genuine 0.9 0.8 0.4, impostor 0.6 0.4 0.1 0.0.
SIMILARITY = np.array([0.9, 0.6, 0.8, 0.4, 0.4, 0.1, 0.0])
SAME = np.array([True, False, True, True, False, False, False])


def random_pairs(
    seed: int, n: int = 400, *, steps: int = 60
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Overlapping similarities on a coarse grid, so that there are ties of all kinds."""
    rng = np.random.default_rng(seed)
    same = rng.random(n) < 0.4
    values = np.clip(rng.normal(np.where(same, 0.6, 0.2), 0.2), -1, 1)
    return np.round(values * steps) / steps, same


def test_roc_by_hand() -> None:
    curve = metrics.roc(SIMILARITY, SAME)
    assert curve.thresholds.tolist() == [math.inf, 0.9, 0.8, 0.6, 0.4, 0.1, 0.0]
    assert curve.tar.tolist() == [0, 1 / 3, 2 / 3, 2 / 3, 1, 1, 1]
    assert curve.far.tolist() == [0, 0, 0, 1 / 4, 2 / 4, 3 / 4, 1]


def test_auc_by_hand() -> None:
    # Of 12 comparisons 0.9 and 0.8 win 4 each, 0.4 wins 2 and ties once.
    assert metrics.auc(SIMILARITY, SAME) == pytest.approx(10.5 / 12, abs=1e-15)


def test_equal_error_rate_by_hand() -> None:
    # From (far 1/4, frr 1/3) at 0.6 to (1/2, 0) at 0.4 the two meet after 1/7 of the way.
    assert metrics.equal_error_rate(SIMILARITY, SAME) == pytest.approx(2 / 7, abs=1e-15)
    apart = np.array([0.9, 0.8, 0.2, 0.1]), np.array([True, True, False, False])
    assert metrics.equal_error_rate(*apart) == 0
    assert metrics.equal_error_rate(apart[0], ~apart[1]) == 1


@pytest.mark.parametrize(
    ("far", "expected"),
    [(0.2, None), (0.25, 2 / 3), (0.49, 2 / 3), (0.5, 1), (0.99, 1)],
)
def test_tar_at_far_by_hand(far: float, expected: float | None) -> None:
    # Three times over, so that a quarter of the impostor pairs are three, the fewest that measure a
    # rate: those of 0.6. Then 0.4 must be rejected, and the genuine pairs of 0.4 with it.
    assert metrics.tar_at_far(np.tile(SIMILARITY, 3), np.tile(SAME, 3), far) == expected


def test_what_so_many_impostor_pairs_measure() -> None:
    assert metrics.measurable(1e-3, 3000)
    assert not metrics.measurable(1e-3, 2999)
    values, same = np.arange(2999 + 1) / 3000, np.arange(2999 + 1) == 2999
    assert metrics.tar_at_far(values, same, 1e-3) is None
    assert metrics.limit_at_far(values, same, 1e-3) is None
    assert metrics.limit_at_far(values, same, 2e-3) == 2993 / 3000  # 5 above it


def test_precision_and_recall_by_hand() -> None:
    # At 0.4: 0.9, 0.8, 0.4 rightly, 0.6 and 0.4 wrongly.
    assert metrics.precision_recall(SIMILARITY, SAME, 0.4) == (3 / 5, 1)
    assert metrics.precision_recall(SIMILARITY, SAME, 0.7) == (1, 2 / 3)
    assert metrics.precision_recall(SIMILARITY, SAME, 1.0) == (1, 0)
    failing = np.where(SIMILARITY == 0.9, NAN, SIMILARITY)
    assert metrics.precision_recall(failing, SAME, 0.7) == (1, 1 / 3)


def test_rates_that_are_not_exact_in_binary() -> None:
    for impostors, far, expected in [
        (3000, 1e-3, 3),
        (1000, 10**-3, 1),
        (300, 0.01, 3),
        (29, 0.1, 2),
    ]:
        assert metrics.false_accepts(far, impostors) == expected
    assert metrics.false_accepts(1e-3, 999) == 0
    for far in (0, 1, -0.1, NAN):
        with pytest.raises(ValueError, match="far: expected a rate in"):
            metrics.false_accepts(far, 1000)


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed: int) -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="the oracle is scikit-learn")
    similarity, same = random_pairs(seed)
    curve = metrics.roc(similarity, same)
    far, tar, thresholds = sklearn.roc_curve(same, similarity, drop_intermediate=False)
    np.testing.assert_array_equal(curve.thresholds, thresholds)
    np.testing.assert_allclose(curve.far, far, atol=1e-15)
    np.testing.assert_allclose(curve.tar, tar, atol=1e-15)
    assert metrics.auc(similarity, same) == pytest.approx(
        sklearn.roc_auc_score(same, similarity), abs=1e-12
    )
    for rate in (0.02, 0.05, 0.3):
        assert metrics.tar_at_far(similarity, same, rate) == tar[far <= rate].max()
    threshold = float(np.median(similarity))
    assert metrics.accuracy(similarity, same, threshold) == sklearn.accuracy_score(
        same, similarity >= threshold
    )
    assert metrics.precision_recall(similarity, same, threshold) == (
        pytest.approx(sklearn.precision_score(same, similarity >= threshold)),
        pytest.approx(sklearn.recall_score(same, similarity >= threshold)),
    )


@pytest.mark.oracle
def test_failed_pairs_in_the_curve_are_the_least_alike() -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="the oracle is scikit-learn")
    similarity, same = random_pairs(7)
    similarity[::9] = NAN
    lowest = np.where(np.isnan(similarity), -2, similarity)
    curve = metrics.roc(similarity, same)
    far, tar, _ = sklearn.roc_curve(same, lowest, drop_intermediate=False)
    np.testing.assert_allclose(curve.far, far, atol=1e-15)
    np.testing.assert_allclose(curve.tar, tar, atol=1e-15)
    assert curve.thresholds[-1] == -math.inf
    assert metrics.auc(similarity, same) == pytest.approx(
        sklearn.roc_auc_score(same, lowest), abs=1e-12
    )


def test_failed_pairs_by_hand() -> None:
    similarity = np.array([0.9, NAN, 0.8, 0.1, NAN, 0.7])
    same = np.array([True, True, True, False, False, False])
    # Right at 0.5: 0.9, 0.8, 0.1. Wrong: both that failed, and the impostor pair of 0.7.
    assert metrics.accuracy(similarity, same, 0.5) == 3 / 6
    # No threshold accepts a failed pair, not even one below all similarities.
    assert metrics.accuracy(similarity, same, -math.inf) == 2 / 6
    thrice = np.tile(similarity, 3), np.tile(same, 3)
    assert metrics.tar_at_far(*thrice, 0.99) == 2 / 3
    assert metrics.tar_at_far(*thrice, 0.34) == 2 / 3
    # They do not move the threshold.
    assert metrics.best_threshold(similarity, same) == pytest.approx(0.75)


def test_best_threshold_by_hand() -> None:
    # One error, the genuine pair of 0.4, with any threshold above 0.6 up to 0.8; others make more.
    assert metrics.best_threshold(SIMILARITY, SAME) == pytest.approx(0.7)


def test_best_threshold_takes_the_widest_of_equals() -> None:
    # One error either way: below 0.6 the impostor pair of 0.7, below 0.8 the genuine one of 0.6.
    similarity = np.array([0.1, 0.3, 0.6, 0.7, 0.8, 0.9])
    same = np.array([False, False, True, False, True, True])
    assert metrics.best_threshold(similarity, same) == pytest.approx(0.45)
    # The same from the other side, with the wide gap above.
    similarity = np.array([0.1, 0.2, 0.3, 0.4, 0.7, 0.9])
    same = np.array([False, False, True, False, True, True])
    assert metrics.best_threshold(similarity, same) == pytest.approx(0.55)


def test_best_threshold_at_the_ends() -> None:
    values = np.array([0.2, 0.5])
    assert metrics.best_threshold(values, np.array([True, True])) == 0.2
    above = metrics.best_threshold(values, np.array([False, False]))
    assert 0.5 < above < 0.5 + 1e-12


def test_best_threshold_between_neighbouring_numbers() -> None:
    low = 0.5
    high = float(np.nextafter(low, 1))
    threshold = metrics.best_threshold(np.array([low, high]), np.array([False, True]))
    assert threshold == high


@pytest.mark.parametrize("seed", range(8))
def test_best_threshold_against_all_thresholds(seed: int) -> None:
    similarity, same = random_pairs(seed, 60, steps=20)
    candidates = np.concatenate([np.unique(similarity), [2.0]])
    best = max(metrics.accuracy(similarity, same, t) for t in candidates)
    threshold = metrics.best_threshold(similarity, same)
    assert metrics.accuracy(similarity, same, threshold) == best


def direct_protocol(
    similarity: list[float], same: list[bool], folds: list[int]
) -> tuple[list[Fraction], list[float]]:
    """The published protocol in plain Python: ten times nine folds choose, the tenth is scored."""
    accuracies, thresholds = [], []
    for fold in sorted(set(folds)):
        rows = list(zip(similarity, same, folds, strict=True))
        train = sorted((s, y) for s, y, f in rows if f != fold and s == s)
        test = [(s, y) for s, y, f in rows if f == fold]
        levels = sorted({s for s, _ in train})
        cuts = [(levels[0], 0.0), (math.nextafter(levels[-1], math.inf), 0.0)]
        cuts += [((a + b) / 2, b - a) for a, b in itertools.pairwise(levels)]
        scored = [(sum((s >= t) == y for s, y in train), width, -t) for t, width in cuts]
        threshold = -max(scored)[2]
        right = sum(s == s and (s >= threshold) == y for s, y in test)
        accuracies.append(Fraction(right, len(test)))
        thresholds.append(threshold)
    return accuracies, thresholds


@pytest.mark.parametrize("failures", [0, 25])
def test_accuracy_by_fold_against_a_direct_implementation(failures: int) -> None:
    similarity, same = random_pairs(3, 300, steps=1000)
    folds = np.arange(300) // 60
    similarity[np.random.default_rng(4).choice(300, failures, replace=False)] = NAN
    accuracies, thresholds = metrics.accuracy_by_fold(similarity, same, folds)
    expected = direct_protocol(similarity.tolist(), same.tolist(), folds.tolist())
    np.testing.assert_allclose(accuracies, [float(a) for a in expected[0]], atol=1e-12)
    np.testing.assert_allclose(thresholds, expected[1], atol=1e-12)


def test_the_scored_fold_does_not_choose_its_threshold() -> None:
    # Each fold is perfect at its own threshold (0.25 and 0.75), which the other gets wrong by half.
    similarity = np.array([0.2, 0.3, 0.7, 0.8])
    same = np.array([False, True, False, True])
    accuracies, thresholds = metrics.accuracy_by_fold(similarity, same, np.array([0, 0, 1, 1]))
    assert thresholds == pytest.approx([0.75, 0.25])
    assert accuracies.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("similarity", "same", "message"),
    [
        ([0.1, 0.2], [True], "two arrays of one length"),
        ([[0.1, 0.2]], [[True, False]], "two arrays of one length"),
        ([0.1, 0.2], [1, 0], "expected booleans, got int"),
        ([0.1, math.inf], [True, False], "expected finite values"),
        ([], [], "there are no pairs"),
        ([0.1, 0.2], [True, True], "there is one kind"),
    ],
)
def test_refused(similarity: list[float], same: list[bool], message: str) -> None:
    flags = np.array(same) if same else np.zeros(0, bool)
    with pytest.raises(ValueError, match=message):
        metrics.roc(np.array(similarity), flags)


def test_refused_folds() -> None:
    with pytest.raises(ValueError, match="one fold alone"):
        metrics.accuracy_by_fold(SIMILARITY, SAME, np.zeros(7, int))
    with pytest.raises(ValueError, match=r"folds: expected shape \(7,\), got \(6,\)"):
        metrics.accuracy_by_fold(SIMILARITY, SAME, np.arange(6))
    with pytest.raises(ValueError, match="no pair could be compared"):
        metrics.best_threshold(np.array([NAN, NAN]), np.array([True, False]))
