"""Whose faces are covered, and what is done in doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from facewise.video.results import Whom, anonymise
from tracked_parts import Limits, a_track

OBAMA = a_track(1, [(0, 9)], name="obama", similarity=0.97, confidence=0.9)
BIDEN = a_track(2, [(0, 9)], name="biden", similarity=0.97, confidence=0.9)
STRANGER = a_track(3, [(0, 9)], person=1, similarity=0.4)
ANOTHER = a_track(4, [(0, 9)], person=2, similarity=0.4)
PEOPLE = [OBAMA, BIDEN, STRANGER, ANOTHER]


def chosen(whom, tracks=PEOPLE):
    return [track.label for track in tracks if whom.covers(track, Limits())]


@pytest.mark.parametrize(
    ("whom", "expected"),
    [
        (Whom(), ["obama", "biden", "person 1", "person 2"]),
        (Whom("unknown"), ["person 1", "person 2"]),
        (Whom("named"), ["obama", "biden"]),
        (Whom(names=frozenset({"biden"})), ["biden"]),
        (Whom(names=frozenset({"person 2"})), ["person 2"]),
        (Whom(spared=frozenset({"obama"})), ["biden", "person 1", "person 2"]),
        (Whom("named", spared=frozenset({"obama"})), ["biden"]),
        (Whom("unknown", names=frozenset({"person 1"})), ["person 1"]),
    ],
)
def test_who_is_chosen(whom, expected):
    assert chosen(whom) == expected
    assert whom.covers(None, Limits())  # nothing is known of it


@pytest.mark.parametrize(
    "doubtful",
    [
        replace(OBAMA, confidence=0.4),  # a name that is not sure
        replace(STRANGER, person=0, best=None, embedded=0),  # never looked at
        replace(STRANGER, similarity=0.85),  # nearly as like somebody as is enough
        replace(STRANGER, best=replace(STRANGER.best, quality=0.1)),  # was hardly to be seen
    ],
)
def test_who_is_in_doubt_is_covered_whoever_is_asked_for(doubtful):
    for whom in (
        Whom(),
        Whom("unknown"),
        Whom("named"),
        Whom(names=frozenset({"biden"})),
        Whom(spared=frozenset({"obama", "person 1"})),
    ):
        assert whom.covers(doubtful, Limits())


def test_without_limits_every_stranger_is_in_doubt():
    assert Whom("named").covers(STRANGER, None)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="whom: expected one of everyone, unknown, named"):
        Whom("nobody")
    with pytest.raises(ValueError, match="give one of them"):
        Whom(names=frozenset({"a"}), spared=frozenset({"b"}))
    with pytest.raises(ValueError, match="'unknown' is not a name"):
        Whom(names=frozenset({"unknown"}))


@pytest.mark.parametrize("field", ["names", "spared"])
def test_one_name_is_no_collection_of_letters(field):
    with pytest.raises(
        ValueError, match=rf"{field}: expected a collection of names, as \['obama'\]"
    ):
        anonymise("clip.mp4", "covered.mp4", **{field: "obama"})
