"""What a face is called, and its colour."""

from __future__ import annotations

import numpy as np

from facewise.faces import Faces
from facewise.video.results import Colors, labels_of


def named(names, people=None, tracks=None):
    n = len(names)
    faces = Faces(np.tile([0, 0, 9, 9], (n, 1)), np.full(n, 0.9)).with_data(
        name=np.array(names), track=np.array(tracks or range(1, n + 1))
    )
    return faces if people is None else faces.with_data(person=np.array(people))


def test_labels_are_names_numbers_of_strangers_or_unknown():
    assert labels_of(named(["obama", "unknown", "unknown"], [0, 3, 0])) == [
        "obama",
        "person 3",
        "unknown",
    ]
    assert labels_of(named(["obama", "unknown"])) == ["obama", "unknown"]
    assert labels_of(named(["unknown"], [0], [7]), named=False) == ["track 7"]


def test_a_label_keeps_its_colour_and_others_have_others():
    colors, labels = Colors(), [f"person {i}" for i in range(1, 25)]
    given = {label: colors(label) for label in labels}
    assert len(set(given.values())) == len(labels)
    assert {label: colors(label) for label in reversed(labels)} == given
    assert colors("one more") in given.values()
    assert colors("unknown") not in given.values()


def test_a_name_has_the_same_colour_in_every_video():
    assert Colors()("obama") == Colors()("obama")


def test_few_people_have_colours_that_differ_plainly():
    colors = Colors()
    given = np.array([colors(f"person {i}") for i in range(1, 7)], float)
    apart = np.linalg.norm(given[:, None] - given[None], axis=2)
    assert apart[~np.eye(6, dtype=bool)].min() > 60
