"""Who a track that has begun is: by several looks, all newcomers together."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from facewise.video.tracking.glance import LOOKS
from facewise.video.tracking.newcomers import ENOUGH, Newcomers
from facewise.video.tracking.people import People
from facewise.video.tracking.scene import Scene
from facewise.video.tracking.tracks import Anchor, Track

SPEC = SimpleNamespace(thresholds=())


def people(remembered=10):
    return People(SimpleNamespace(spec=SPEC), remembered, 0.8)


def looks(*parts):
    vector = np.zeros(8, np.float32)
    vector[: len(parts)] = parts
    return vector / np.linalg.norm(vector)


def track(x, time, *vectors, number=None):
    box = np.array([x, 0, x + 50, 50], np.float32)
    one = Track(Anchor(box, None, 0.99, True), time, confirmed=True)
    one.vectors = list(vectors)
    one.who.number = number
    return one


def scene_of(*tracks):
    scene = Scene()
    scene.tracks = list(tracks)
    return scene


def left(known, *tracks, scene=None):
    for one in tracks:
        known.leave(one, scene or Scene())


def decided(known, newcomers, scene, *tracks, hurry=False):
    for one in tracks:
        newcomers.add(one)
    scene.tracks += tracks
    newcomers.decide(scene, lambda _: hurry)
    return [one.number for one in tracks]


def test_without_anybody_gone_numbers_are_given_at_once():
    assert decided(None, Newcomers(None), scene_of(), track(0, 0), track(90, 0)) == [1, 2]
    known = people()
    assert decided(known, Newcomers(known), scene_of(), track(0, 0, looks(1))) == [1]


def test_a_newcomer_waits_for_a_few_looks_where_somebody_is_gone():
    known = people()
    left(known, track(0, 0, looks(1), number=7))
    newcomers, scene, one = Newcomers(known), scene_of(), track(0, 9, looks(1))
    assert decided(known, newcomers, scene, one) == [None]
    one.vectors += [looks(1)] * (ENOUGH - 1)
    newcomers.decide(scene, lambda _: False)
    assert one.number == 7
    assert not known.gone
    assert len(one.vectors) <= LOOKS


def test_who_cannot_wait_is_decided_by_what_is_known():
    known = people()
    left(known, track(0, 0, looks(1), number=7))
    there = track(0, 9, looks(1)), track(90, 9, looks(0, 1)), track(180, 9)
    assert decided(known, Newcomers(known), scene_of(), *there, hurry=True) == [7, 1, 2]


def test_newcomers_are_decided_together():
    """The first is like both, the second like one of them only: each gets their own."""
    known = people()
    left(known, track(0, 0, looks(1, 0.1), number=4), track(0, 0, looks(1, 0.6), number=5))
    first = track(0, 9, *[looks(1, 0.33)] * ENOUGH)
    second = track(90, 9, *[looks(1, 0.61)] * ENOUGH)
    assert decided(known, Newcomers(known), scene_of(), first, second) == [4, 5]


def test_who_is_as_like_two_people_is_neither():
    known = people()
    left(known, track(0, 0, looks(1, 0.5), number=4), track(0, 0, looks(1, -0.5), number=5))
    assert decided(known, Newcomers(known), scene_of(), track(0, 9, *[looks(1)] * ENOUGH)) == [1]


@pytest.mark.parametrize(
    ("x", "time", "number"),
    [
        (0, 10.2, 7),
        (500, 10.2, 1),  # ten faces away a moment later
        (500, 13.0, 7),
        (0, 9.9, 1),  # it was there when the other was seen
    ],
)
def test_nobody_is_in_two_places(x, time, number):
    known = people()
    scene = scene_of()
    left(known, track(0, 10, looks(1), number=7), scene=scene)
    newcomer = track(x, time, *[looks(1, 0.6)] * ENOUGH)
    assert decided(known, Newcomers(known), scene, newcomer) == [number]


@pytest.mark.parametrize(("time", "number"), [(10.2, 7), (10, 1)])
def test_looks_beyond_doubt_count_more_than_places(time, number):
    known = people()
    scene = scene_of()
    left(known, track(0, 10, looks(1), number=7), scene=scene)
    newcomer = track(500, time, *[looks(1, 0.1)] * ENOUGH)
    assert decided(known, Newcomers(known), scene, newcomer) == [number]


def test_who_was_lost_is_found_again_and_followed_no_longer():
    known = people()
    lost = track(0, 10, looks(1), number=7)
    lost.start(Anchor(lost.anchor.box, None, 0.5, False), 0.0)
    scene, found = scene_of(lost), track(10, 10.5, *[looks(1)] * ENOUGH)
    assert decided(known, Newcomers(known), scene, found) == [7]
    assert scene.tracks == [found]


def test_a_track_that_went_over_to_somebody_else_gives_the_number_back():
    known = people()
    wrong = track(0, 10, looks(1), looks(1), number=7)
    wrong.contradicted = True
    newcomers, scene, right = (
        Newcomers(known),
        scene_of(wrong),
        track(60, 10.3, *[looks(1)] * ENOUGH),
    )
    assert decided(known, newcomers, scene, right) == [7]
    assert wrong.number is None
    assert wrong in scene.tracks
    newcomers.decide(scene, lambda _: True)
    assert wrong.number == 1


def test_people_are_remembered_up_to_a_number():
    known = people(remembered=3)
    left(known, *(track(0, i, looks(1, i), number=i + 1) for i in range(5)))
    assert [one.number for one in known.gone] == [3, 4, 5]
    left(known, track(0, 9, number=9), track(0, 9, looks(1)))
    assert len(known.gone) == 3
