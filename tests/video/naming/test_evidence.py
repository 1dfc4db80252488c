"""Which faces of a track are embedded, and how many."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from facewise.video.naming.evidence import MOST, Evidence, Look

CHIP = np.zeros((4, 4, 3), np.uint8)


def look(quality, time):
    return Look(quality, CHIP, round(time * 25), time, (0, 0, 1, 1))


def vector(value=0):
    found = np.zeros(4, np.float32)
    found[value] = 1
    return found


def offered(qualities, step=0.1):
    """Evidence of a track that shows a face every `step` seconds; and when it learnt."""
    evidence, learnt = Evidence(), []
    for i, quality in enumerate(qualities):
        time = i * step
        if evidence.wants(quality):
            evidence.offer(look(quality, time))
        if evidence.ready(time):
            best = evidence.waiting
            evidence.learn(best, vector(), time)
            learnt.append((time, best.quality))
    return evidence, learnt


def test_the_first_face_is_embedded_at_once_and_others_at_growing_intervals():
    _, learnt = offered(np.full(300, 0.5))
    times = [time for time, _ in learnt]
    assert times[0] == 0
    assert len(times) == MOST
    gaps = np.diff(times)
    assert gaps.min() > 0.35
    assert all(later > 1.7 * earlier for earlier, later in pairwise(gaps))


def test_between_two_times_the_best_face_is_taken():
    qualities = np.full(20, 0.2)
    qualities[2] = 0.9  # before the second time, 0.4 s
    _, learnt = offered(qualities)
    assert learnt[1][1] == 0.9


def test_the_work_is_bounded_however_long_the_track(rng):
    for _ in range(5):
        evidence, learnt = offered(rng.uniform(0, 1, 20_000))
        assert len(evidence.faces) == MOST
        assert len(learnt) < 20
        assert min(quality for quality, _ in evidence.faces) > 0.8


def test_what_is_no_better_is_not_wanted():
    evidence, _ = offered([0.5] * 300)
    assert not evidence.wants(0.54)
    assert evidence.wants(0.56)
    assert not Evidence().wants(0)


def test_a_template_is_the_mean_weighted_by_quality():
    evidence = Evidence()
    evidence.learn(look(0.6, 0), vector(0), 0)
    evidence.learn(look(0.2, 1), vector(1), 1)
    assert evidence.template.tolist() == pytest.approx([3 / 10**0.5, 1 / 10**0.5, 0, 0], abs=1e-6)
    assert evidence.quality == pytest.approx((0.36 + 0.04) / 0.8)
    assert Evidence().quality == 0


def test_weight_counts_good_faces_whole_and_poor_ones_in_part():
    evidence = Evidence()
    weights = [evidence.weight]
    for time, quality in enumerate([0.9, 0.25, 0.125]):
        evidence.learn(look(quality, time), vector(), time)
        weights.append(evidence.weight)
    assert weights == pytest.approx([0, 1, 2, 2.5])


def test_vectors_that_cancel_out_are_no_error():
    evidence = Evidence()
    evidence.learn(look(0.5, 0), vector(), 0)
    evidence.learn(look(0.5, 1), -vector(), 1)
    assert np.isfinite(evidence.template).all()
