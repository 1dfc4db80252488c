"""Names: given when they fit, changed at most once, and never twice on one frame."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from facewise.recognition import UNKNOWN
from facewise.video.naming.deciding import claim, decide, part
from facewise.video.naming.evidence import Evidence
from facewise.video.naming.known import Likeness
from facewise.video.naming.limits import Limits
from facewise.video.naming.subject import Subject

LIMITS = Limits(sure=0.8, enough=0.7, kept=0.6, people=3, judge=None)
VECTOR = np.ones(2, np.float32)


def subject(id_, ranking=(), good=3, **fields):
    evidence = Evidence(faces=[(0.25, VECTOR)] * good)
    return Subject(id_, evidence, ranking=alike(ranking), **fields)


def alike(ranking):
    return tuple(Likeness(name, value) for name, value in ranking)


def meet(one, other):
    one.met[other.id] = other.met[one.id] = True
    part(one, other)


def decided(*subjects, last=False):
    decide(subjects, {one.id: one for one in subjects}, LIMITS, last=last)
    return [one.name for one in subjects]


@pytest.mark.parametrize(
    ("good", "similarity", "last", "name"),
    [
        (3, 0.71, False, "ann"),
        (3, 0.69, False, UNKNOWN),
        (0, 0.75, False, UNKNOWN),  # little is known
        (0, 0.81, False, "ann"),
        (0, 0.75, True, "ann"),  # and no more will be
        (0, 0.69, True, UNKNOWN),
    ],
)
def test_a_name_is_given_from_a_similarity_on(good, similarity, last, name):
    assert decided(subject(1, [("ann", similarity)], good), last=last) == [name]


def test_nobody_to_compare_with_means_no_name():
    assert decided(subject(1), last=True) == [UNKNOWN]


def test_a_name_stays_unless_another_fits_much_better():
    one = subject(1, [("ann", 0.75)])
    for ranking, name in [
        ([("ann", 0.72), ("bob", 0.6)], "ann"),
        ([("bob", 0.79), ("ann", 0.65)], "ann"),  # not sure
        ([("bob", 0.85), ("ann", 0.75)], "ann"),  # both fit
        ([("bob", 0.85), ("ann", 0.65)], "bob"),
        ([("ann", 0.95), ("bob", 0.3)], "bob"),  # it has changed once
    ]:
        decided(one)
        one.ranking = alike(ranking)
        assert decided(one) == [name]


def test_a_name_that_fits_no_more_is_taken_back_for_good():
    one = subject(1, [("ann", 0.75)])
    assert decided(one) == ["ann"]
    one.ranking = alike([("ann", 0.59)])
    assert decided(one) == [UNKNOWN]
    one.ranking = alike([("ann", 0.9)])
    assert decided(one, last=True) == [UNKNOWN]


def test_of_two_on_a_frame_the_more_similar_has_the_name():
    one, other = subject(1, [("ann", 0.8)]), subject(2, [("ann", 0.9)])
    meet(one, other)
    assert decided(one, other) == [UNKNOWN, "ann"]
    late = subject(3, [("ann", 0.95)])
    meet(late, other)
    meet(late, one)
    assert decided(one, other, late) == [UNKNOWN, UNKNOWN, "ann"]


def test_two_who_meet_with_one_name_do_not_both_keep_it():
    one, other = subject(1, [("ann", 0.8)]), subject(2, [("ann", 0.9)])
    assert decided(one, other) == ["ann", "ann"]
    meet(one, other)
    assert [one.name, other.name] == [UNKNOWN, "ann"]
    assert one.fixed
    assert not other.fixed


def test_a_name_is_claimed_by_the_same_rules():
    one, other = subject(1, [("bob", 0.5)]), subject(2, [("ann", 0.9)])
    meet(one, other)
    decided(other)
    everybody = {1: one, 2: other}
    assert not claim(one, "ann", everybody)
    assert claim(one, "bob", everybody)
    assert not claim(subject(3, fixed=True), "bob", everybody)


def test_whatever_happens_names_change_once_at_most_and_are_not_double_on_a_frame(rng):
    """Tracks with changing evidence come, meet and part at random."""
    names = ["ann", "bob", "cyd"]
    changes = 0
    for _ in range(300):
        subjects = {i: subject(i) for i in range(5)}
        shown = {i: [] for i in subjects}
        for _ in range(25):
            some = rng.permutation(5)[: int(rng.integers(1, 4))].tolist()
            for one in some:
                for other in some:
                    if one < other and other not in subjects[one].met:
                        meet(subjects[one], subjects[other])
            asked = [subjects[i] for i in some if rng.random() < 0.6]
            for one in asked:
                values = np.sort(rng.uniform(0.4, 1, 3))[::-1].tolist()
                order = rng.permutation(3)[: int(rng.integers(1, 4))]
                one.ranking = alike([(names[k], v) for k, v in zip(order, values, strict=False)])
                one.evidence.faces = one.evidence.faces[: int(rng.integers(0, 4))]
                one.evidence.faces += [(0.2, VECTOR)] * int(rng.integers(0, 4))
            decide(asked, subjects, LIMITS, last=bool(rng.random() < 0.2))
            here = [subjects[i].name for i in some if subjects[i].name != UNKNOWN]
            assert len(set(here)) == len(here)
            for i in some:
                shown[i].append(subjects[i].name)
        for given in shown.values():
            known = given[next((k for k, n in enumerate(given) if n != UNKNOWN), len(given)) :]
            count = sum(a != b for a, b in pairwise(known))
            assert count <= 1
            changes += count
    assert changes > 50  # it was put to the test
