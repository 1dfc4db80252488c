"""Ways through a segment, and which detection is which track."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from facewise.video.tracking.association import IMPOSSIBLE, assign, costs, plain_pairs
from facewise.video.tracking.identity import Identity
from facewise.video.tracking.observations import Observation, apart
from facewise.video.tracking.paths import Path, joined, led_to


def way(*xs, trust=None, side=40.0):
    """A square at these places from left to right."""
    boxes = np.array([[x, 0, x + side, side] for x in xs], np.float32)
    return Path(boxes, np.ones(len(xs), np.float32) if trust is None else np.float32(trust))


def xs(path):
    return path.boxes[:, 0].tolist()


def test_a_way_that_went_astray_is_bent():
    assert xs(led_to(way(0, 10, 20), np.array([26, 0, 66, 40]))) == [0, 13, 26]


def test_ways_from_both_ends_begin_and_end_where_they_do():
    path = joined(way(0, 12, 24, 36, 48), way(-8, 2, 12, 22, 40))
    assert xs(path)[0] == 0
    assert xs(path)[-1] == 40
    assert xs(path) == sorted(xs(path))
    assert (path.trust == 1).all()


def test_of_ways_that_differ_the_nearer_end_decides():
    path = joined(way(0, 0, 0, 0, 0), way(200, 200, 200, 200, 200))
    assert xs(path) in ([0, 0, 0, 200, 200], [0, 0, 200, 200, 200])


def test_between_two_known_parts_it_goes_straight():
    path = joined(
        way(0, 10, 99, 99, 99, trust=[1, 1, 0, 0, 0]),
        way(99, 99, 99, 99, 40, trust=[0, 0, 0, 0, 1]),
    )
    assert xs(path) == [0, 10, 20, 30, 40]
    assert path.trust.tolist() == [1, 1, 0, 0, 1]


def test_a_way_that_is_only_known_at_one_end_stays_there():
    path = joined(way(7, 99, 99, trust=[1, 0, 0]), way(99, 99, 99, trust=[0, 0, 0]))
    assert xs(path) == [7, 7, 7]


def test_plain_pairs_are_alone():
    tracks = np.array([[0, 0, 40, 40], [100, 0, 140, 40], [200, 0, 240, 40]], np.float32)
    found = np.array([[202, 0, 242, 40], [2, 0, 42, 40], [102, 0, 142, 40], [112, 0, 152, 40]])
    trust = np.ones(3, np.float32)
    assert plain_pairs(tracks, trust, found.astype(np.float32)) == [(0, 1), (2, 0)]
    trust[2] = 0.2
    assert plain_pairs(tracks, trust, found.astype(np.float32)) == [(0, 1)]
    assert plain_pairs(tracks, trust, np.empty((0, 4), np.float32)) == []
    assert plain_pairs(np.empty((0, 4), np.float32), trust[:0], found.astype(np.float32)) == []


def test_ways_say_more_than_ends():
    """Both end between the two that were found; each began where one of those leads back to."""
    tracks = [way(0, 20, 40), way(80, 60, 40)]
    found = [way(84, 64, 44), way(-4, 16, 36)]
    table = costs(tracks, found, [0.1, 0.1])
    assert sorted(assign(table)) == [(0, 1), (1, 0)]


def test_who_was_lost_may_be_near_where_he_should_be():
    lost = [way(0, 10, 20, trust=[1, 0, 0])]
    near, far = (way(99, 99, x, trust=[0, 0, 1]) for x in (30, 400))
    large = way(99, 99, 20, trust=[0, 0, 1], side=90.0)
    table = costs(lost, [near, far, large], [0.2])
    assert 1 < table[0, 0] < 1.5
    assert (table[0, 1:] == IMPOSSIBLE).all()
    assert costs(lost, [way(99, 99, 90, trust=[0, 0, 1])], [0.2])[0, 0] == IMPOSSIBLE
    assert costs(lost, [way(99, 99, 90, trust=[0, 0, 1])], [2.0])[0, 0] < IMPOSSIBLE


def test_assignment_is_the_best_of_all(rng):
    for _ in range(30):
        table = rng.uniform(0, 2, (4, 4)).astype(np.float32)
        table[rng.uniform(size=(4, 4)) < 0.3] = IMPOSSIBLE
        pairs = assign(table)
        assert len(dict(pairs)) == len({j for _, j in pairs}) == len(pairs)
        best = min(
            sum(table[i, j] for i, j in enumerate(order))
            for order in itertools.permutations(range(4))
        )
        total = sum(table[i, j] for i, j in pairs) + IMPOSSIBLE * (4 - len(pairs))
        assert total == pytest.approx(best, rel=1e-5)


def seen(number, x, *, detected=False):
    return Observation(
        Identity(number), np.array([x, 0, x + 40, 40], np.float32), None, 0.5, detected
    )


def test_of_two_in_one_place_the_more_trusted_is_given():
    kept = apart([(0.9, seen(1, 0)), (0.5, seen(2, 5)), (0.4, seen(3, 30))])
    assert [face.number for face in kept] == [1, 3]
    kept = apart([(0.9, seen(1, 0)), (0.5, seen(2, 5, detected=True))])
    assert [face.number for face in kept] == [2]


def test_a_guess_must_not_touch_anybody():
    kept = apart([(0.0, seen(1, 30)), (0.5, seen(2, 0)), (0.0, seen(3, 100))])
    assert [face.number for face in kept] == [2, 3]
