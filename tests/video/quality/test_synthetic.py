"""The synthetic videos: made of LFW's heads, found by the detector, kept apart by the tracker."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed")
pytest.importorskip("motmetrics", reason="motmetrics is not installed")

from bench.overlap import intersection_over_union
from bench.synthetic_video import enrol, make, make_all
from bench.tracking.cast import Person, choose_cast
from bench.tracking.figures import figures
from bench.tracking.heads import cut_head
from bench.tracking.scripts import SCRIPTS
from bench.tracking.tracked import from_frames
from bench.tracking.truth import COUNTED, read_truth

import facewise
from facewise.video import open_source

pytestmark = pytest.mark.shared

FRAMES = 24


@pytest.fixture(scope="module")
def folder(shared):
    return shared("data/lfw/lfw-deepfunneled").parents[2]


@pytest.fixture(scope="module")
def cast(folder):
    lfw = folder / "data/lfw/lfw-deepfunneled"
    return choose_cast(lfw, enrolled=5, strangers=3, heads=1, seed=7)


@pytest.fixture(scope="module")
def walk(folder, cast, tmp_path_factory):
    """The beginning of `walkers`, and its truth as its file has it."""
    target = tmp_path_factory.mktemp("walk")
    make(SCRIPTS["walkers"](cast, folder), target, cast, limit=FRAMES)
    return target / "walkers.mp4", read_truth(target, "walkers")


def dummies():
    """A cast without faces, for what can be known without drawing it."""
    gray = np.full((250, 250, 3), 127, np.uint8)
    heads = [cut_head(gray, (80, 75, 165, 180), "Ann", "1.jpg")] * 2
    return [Person(n + 1, f"P{n}", n < 20, [], heads) for n in range(40)]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_long_enough_and_the_same_every_time(folder, name):
    script, again = (SCRIPTS[name](dummies(), folder) for _ in range(2))
    assert script.name == name
    assert (script.width, script.height) in {(1280, 720), (1920, 1080)}
    assert 25 <= script.rate <= 30
    seconds = sum(shot.seconds for shot in script.shots)
    assert 20 <= seconds <= 60
    for one, other in zip(script.shots, again.shots, strict=True):
        for a, b in zip(one.actors, other.actors, strict=True):
            assert a.person.number == b.person.number
            assert [a.path.at(t) for t in range(9)] == [b.path.at(t) for t in range(9)]
            assert (a.bob, a.tilt, a.light, a.layer) == (b.bob, b.tilt, b.light, b.layer)
        np.testing.assert_array_equal(one.background(7), other.background(7))
        height, width = one.background(0).shape[:2]
        assert (width, height) >= (script.width, script.height)


def test_all_scripts_together_show_everybody_who_is_enrolled(folder):
    cast = dummies()
    shots = itertools.chain(*(SCRIPTS[name](cast, folder).shots for name in SCRIPTS))
    shown = {actor.person.number for shot in shots for actor in shot.actors}
    assert shown >= {person.number for person in cast if person.enrolled}
    assert sum(not cast[number - 1].enrolled for number in shown) >= 15


def test_the_cast(cast, folder, tmp_path):
    assert [person.enrolled for person in cast] == [True] * 5 + [False] * 3
    assert len({person.name for person in cast}) == 8
    for person in cast:
        assert person.heads[0].picture not in {path.name for path in person.portraits}
    enrol(cast, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {p.name for p in cast if p.enrolled}
    assert all(len(list(path.iterdir())) == 3 for path in tmp_path.iterdir())


def test_the_detector_finds_the_faces_of_the_truth_and_no_others(walk):
    path, truth = walk
    detector = facewise.load_detector("mtcnn")
    with open_source(path) as source:
        frames = {frame.index: frame.image for frame in source}
    assert len(frames) == len(truth.frames) == FRAMES
    for number in (0, FRAMES - 1):
        counted = np.array([seen.visible >= COUNTED for seen in truth.frames[number]])
        [found] = detector.detect([frames[number]])
        overlap = intersection_over_union(truth.boxes(number)[counted], found.boxes)
        assert (overlap.max(axis=1) > 0.6).all()
        assert len(found) == counted.sum() >= 4


def test_the_tracker_keeps_them_apart(walk):
    from facewise.video.tracking import Tracker

    path, truth = walk
    tracker = Tracker(facewise.load_detector("mtcnn"))
    with open_source(path) as source:
        found = figures(truth, from_frames(tracker.run(source), FRAMES))
    assert found.switches == 0
    assert found.idf1 > 0.97


def test_what_is_there_is_not_made_again(folder, tmp_path):
    for name in SCRIPTS:
        (tmp_path / f"{name}.people.csv").touch()
    make_all(tmp_path, folder)
    assert len(list(tmp_path.iterdir())) == len(SCRIPTS)


def test_without_the_pictures_it_is_said(tmp_path):
    from bench.contest import UnavailableError

    with pytest.raises(UnavailableError, match="no people; see --shared"):
        choose_cast(tmp_path)
