"""The judge of names: right, wrong, nameless, and names that change."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from bench.tracking.naming import judge_names
from bench.tracking.tracked import Tracked
from bench.tracking.truth import Named, Seen, Truth

PEOPLE = {1: Named("Ann", True), 2: Named("Bob", True), 3: Named("Eve", False)}


def box(person):
    return np.array([100 * person, 50, 100 * person + 60, 120], np.float32)


TRUTH = Truth(640, 200, [[Seen(p, box(p), 1.0) for p in PEOPLE] for _ in range(10)], PEOPLE)


def called(*rows):
    """Tracks `(id, person whose place it has, names from frame to frame)`, or one name."""
    frames = []
    for i in range(10):
        names = [name if isinstance(name, str) else name[i] for _, _, name in rows]
        boxes = np.array([box(place) for _, place, _ in rows], np.float32).reshape(-1, 4)
        frames.append(Tracked(np.array([track for track, _, _ in rows], np.int64), boxes, names))
    return frames


def test_everybody_rightly_named_and_the_stranger_by_any_other_name():
    naming = judge_names(TRUTH, called((5, 1, "Ann"), (6, 2, "Bob"), (7, 3, "person 1")))
    assert [one.right for one in naming.tracks] == [True] * 3
    assert [one.person for one in naming.tracks] == [1, 2, 3]
    assert (naming.wrong, naming.nameless, naming.most_changes) == ([], [], 0)


def test_a_wrong_name_a_named_stranger_and_one_without_a_name():
    naming = judge_names(TRUTH, called((5, 1, "Bob"), (6, 2, "unknown"), (7, 3, "Ann")))
    assert [one.track for one in naming.wrong] == [5, 7]
    assert [one.track for one in naming.nameless] == [6]


def test_a_name_of_somebody_enrolled_who_is_not_in_the_video():
    frames = called((7, 3, "Zoe"))
    assert judge_names(TRUTH, frames).wrong == []
    assert [one.track for one in judge_names(TRUTH, frames, ["Zoe"]).wrong] == [7]


def test_a_track_on_nobody_must_have_no_name():
    naming = judge_names(TRUTH, called((8, 5, "Ann"), (9, 5, "unknown")))
    assert [(one.track, one.person, one.right) for one in naming.tracks] == [
        (8, None, False),
        (9, None, True),
    ]


def test_the_last_name_counts_and_changes_are_counted():
    names = ["unknown"] * 3 + ["Bob"] * 2 + ["Ann"] * 5
    naming = judge_names(TRUTH, called((5, 1, names), (6, 2, ["unknown"] * 4 + ["Bob"] * 6)))
    assert [one.right for one in naming.tracks] == [True, True]
    assert [one.changes for one in naming.tracks] == [2, 1]
    assert naming.most_changes == 2


def test_another_number_for_an_unknown_person_is_no_change_of_name():
    naming = judge_names(TRUTH, called((7, 3, ["unknown"] * 5 + ["person 2"] * 5)))
    assert naming.most_changes == 0


def test_a_track_belongs_to_whom_it_shows_most():
    frames = called((5, 1, "Bob"))[:4] + called((5, 2, "Bob"))[4:]
    naming = judge_names(TRUTH, frames)
    [one] = naming.tracks
    assert (one.person, one.right) == (2, True)
    assert naming.faces == (10, 6)


def test_tracks_without_names_are_refused():
    with pytest.raises(ValueError, match="zip"):
        judge_names(TRUTH, [Tracked(f.ids, f.boxes) for f in called((5, 1, "Ann"))])


def test_what_is_decided_after_the_last_frame_is_the_name():
    frames = called((5, 1, "unknown"), (6, 2, "Bob"), (7, 3, "unknown"))
    naming = judge_names(TRUTH, frames, final={5: "Ann", 7: "person 1"})
    assert [one.right for one in naming.tracks] == [True] * 3
    assert [one.label for one in naming.tracks] == ["Ann", "Bob", "person 1"]
    assert naming.most_changes == 1


def test_numbers_of_strangers():
    people = {p: Named(f"P{p}", False) for p in PEOPLE}
    truth = Truth(640, 200, TRUTH.frames, people)
    good = called((5, 1, "person 1"), (6, 2, "person 2"), (7, 3, "unknown"))
    assert (judge_names(truth, good).mixed, judge_names(truth, good).split) == ([], [])
    first = called((5, 1, "person 1"), (6, 2, "person 1"), (7, 3, "person 2"))
    later = called((8, 3, "person 3"), (9, 2, "person 1"))
    naming = judge_names(truth, [*first[:5], *later[5:]])
    assert (naming.mixed, naming.split) == (["person 1"], [3])
