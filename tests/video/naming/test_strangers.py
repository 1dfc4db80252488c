"""Strangers' numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from facewise.video.naming.strangers import Looks, Strangers, Who

JUDGE = SimpleNamespace(strangers=lambda people: 0.8, decade=0.05)


def vector(person, rng=None, noise=0.0):
    found = np.random.default_rng(person).normal(size=32)
    found /= np.linalg.norm(found)
    if rng is not None:
        found += rng.normal(size=32) * noise
    return (found / np.linalg.norm(found)).astype(np.float32)


def looks(id_, person, apart=(), name="", quality=1.0, similar=None):
    template = vector(person)
    if similar is not None:  # to another person: a vector at this cosine
        other = vector(similar[0]).astype(float)
        rest = template - (template @ other) * other
        template = similar[1] * other + (1 - similar[1] ** 2) ** 0.5 * rest / np.linalg.norm(rest)
    return Looks(id_, name, template.astype(np.float32), 3.0, quality, set(apart))


def numbers(found):
    return {track: who.number for track, who in found.items()}


def test_tracks_of_one_person_have_one_number_in_the_order_they_come():
    strangers = Strangers(JUDGE, 10)
    found = strangers.assign([looks(4, 8), looks(5, 9), looks(7, 8), looks(9, 10), looks(11, 9)])
    assert numbers(found) == {4: 1, 5: 2, 7: 1, 9: 3, 11: 2}
    assert set(found.values()) == {Who(1, ""), Who(2, ""), Who(3, "")}


def test_who_was_seen_at_the_same_time_is_not_one():
    strangers = Strangers(JUDGE, 10)
    assert numbers(strangers.assign([looks(1, 8), looks(2, 8, apart=[1])])) == {1: 1, 2: 2}
    # Nor does a third bring them together.
    strangers = Strangers(JUDGE, 10)
    found = strangers.assign([looks(1, 8), looks(2, 8, apart=[1]), looks(3, 8)])
    assert numbers(found) in ({1: 1, 2: 2, 3: 1}, {1: 1, 2: 2, 3: 2})


def test_numbers_stay_from_call_to_call():
    strangers = Strangers(JUDGE, 10)
    strangers.assign([looks(1, 8), looks(2, 9)])
    assert numbers(strangers.assign([looks(3, 9), looks(2, 9), looks(4, 5)])) == {3: 2, 2: 2, 4: 3}
    # Two who have numbers are not joined by somebody between them.
    between = looks(5, 8)._replace(template=(vector(8) + vector(9)) / 1.4)
    found = numbers(strangers.assign([between, looks(6, 8), looks(7, 9)]))
    assert (found[6], found[7]) == (1, 2)


def test_all_at_once_or_one_by_one_is_the_same_where_people_differ(rng):
    people = rng.integers(0, 12, 60).tolist()
    tracks = [
        Looks(i, "", vector(p, rng, 0.03), float(rng.uniform(0.5, 5)), 0.7, ())
        for i, p in enumerate(people)
    ]
    together = Strangers(JUDGE, 100).assign(tracks)
    single = Strangers(JUDGE, 100)
    apiece = {}
    for track in tracks:
        apiece |= single.assign([track])
    assert together == apiece
    assert len({who.number for who in together.values()}) == len(set(people))


def test_a_track_of_somebody_with_a_name_gets_it():
    strangers = Strangers(JUDGE, 10)
    found = strangers.assign([looks(1, 8, name="ann"), looks(2, 8), looks(3, 9)])
    assert found == {1: Who(0, "ann"), 2: Who(0, "ann"), 3: Who(1, "")}
    assert strangers.assign([looks(4, 8)]) == {4: Who(0, "ann")}
    assert strangers.assign([looks(5, 8, apart=[1])]) == {5: Who(2, "")}


def test_people_with_different_names_are_not_one_however_alike():
    strangers = Strangers(JUDGE, 10)
    found = strangers.assign([looks(1, 8, name="ann"), looks(2, 8, name="bob"), looks(3, 8)])
    assert found[1] == Who(0, "ann")
    assert found[2] == Who(0, "bob")
    alike = [looks(1, 8, name="ann"), looks(2, 9, name="bob", similar=(8, 0.9))]
    found = Strangers(JUDGE, 10).assign([*alike, alike[1]._replace(id=3, name="")])
    assert found[3] == Who(0, "bob")


@pytest.mark.parametrize(
    ("quality", "similarity", "one"),
    [
        (1.0, 0.81, True),
        (0.6, 0.81, True),
        (0.1, 0.81, False),
        (0.1, 0.88, False),
        (0.1, 0.9, True),
    ],
)
def test_poor_faces_must_be_more_alike(quality, similarity, one):
    """With 0.05 for a power of ten, two of quality 0.1 need 0.8 + 0.05 * 2.4 * (5 / 6)² = 0.883."""
    tracks = [looks(1, 8, quality=quality), looks(2, 9, quality=quality, similar=(8, similarity))]
    assert (len(set(Strangers(JUDGE, 10).assign(tracks).values())) == 1) == one


def test_a_poor_face_beside_a_good_one_is_as_good():
    tracks = [looks(1, 8), looks(2, 9, quality=0.1, similar=(8, 0.81))]
    assert len(set(Strangers(JUDGE, 10).assign(tracks).values())) == 1


def test_who_was_seen_last_longest_ago_is_forgotten_first():
    strangers = Strangers(JUDGE, 2)
    strangers.assign([looks(1, 8)])
    strangers.assign([looks(2, 9)])
    strangers.assign([looks(3, 8)])
    strangers.assign([looks(4, 10)])  # of 8 and 9, 9 was seen longer ago
    assert numbers(strangers.assign([looks(5, 8)])) == {5: 1}
    assert numbers(strangers.assign([looks(6, 9)])) == {6: 4}
    assert numbers(Strangers(JUDGE, 0).assign([looks(1, 8)])) == {1: 1}


def test_a_forgotten_track_is_a_new_one_and_its_person_the_old():
    strangers = Strangers(JUDGE, 10)
    strangers.assign([looks(1, 8), looks(2, 9, apart=[1])])
    strangers.forget([1, 2])
    assert numbers(strangers.assign([looks(1, 9), looks(3, 8)])) == {1: 2, 3: 1}


def test_two_that_meet_after_they_were_joined_stay_joined():
    strangers = Strangers(JUDGE, 10)
    strangers.assign([looks(1, 8), looks(2, 8)])
    found = strangers.assign([looks(1, 8, apart=[2]), looks(2, 8, apart=[1]), looks(3, 8)])
    assert numbers(found)[1] == numbers(found)[2] == 1


def test_a_similarity_of_ones_own_takes_the_place_of_the_judges():
    tracks = [looks(1, 8), looks(2, 9, similar=(8, 0.7))]
    assert numbers(Strangers(JUDGE, 10, 0.69).assign(tracks)) == {1: 1, 2: 1}
    assert numbers(Strangers(JUDGE, 10, 0.71).assign(tracks)) == {1: 1, 2: 2}
