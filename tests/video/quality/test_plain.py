"""The plain tracker: ids by overlap, and its kept detections."""

from __future__ import annotations

import numpy as np
import pytest
from bench.tracking.plain import by_overlap, exact_faces
from bench.tracking.sheets import describe, draw_problems

from facewise.faces import Faces

pytest.importorskip("scipy", reason="scipy is not installed")


def faces(*lefts):
    boxes = np.array([[x, 10, x + 50, 70] for x in lefts], np.float32).reshape(-1, 4)
    return Faces(boxes, np.ones(len(boxes)))


def ids(*frames, **options):
    return [tracked.ids.tolist() for tracked in by_overlap(frames, **options)]


def test_who_moves_little_keeps_the_id_and_who_is_new_gets_the_next():
    assert ids(faces(0), faces(10), faces(200, 20), faces(30, 205)) == [[1], [1], [2, 1], [1, 2]]


def test_a_jump_is_somebody_else():
    assert ids(faces(0), faces(40), faces(80)) == [[1], [2], [3]]


def test_a_track_waits_for_some_frames_where_it_was():
    gap = [faces()] * 3
    assert ids(faces(0), *gap, faces(5), patience=3) == [[1], [], [], [], [1]]
    assert ids(faces(0), *gap, faces(5), patience=2) == [[1], [], [], [], [2]]


def test_no_faces_at_all():
    assert ids(faces(), faces(), faces(3)) == [[], [], [1]]


class Counting:
    """A detector that finds a face whose left side is the number of its call, and may fail."""

    def __init__(self, fails_at=None, name="a"):
        self.calls, self.fails_at, self.settings = 0, fails_at, {"name": name}

    def detect(self, images):
        if self.calls == self.fails_at:
            raise KeyboardInterrupt
        self.calls += 1
        return [faces(self.calls)]


@pytest.fixture
def clip(clips):
    return clips.write("clip.mp4", [i / 25 for i in range(60)])


def test_detections_are_kept_and_an_interrupted_run_goes_on(clip, tmp_path):
    cache = tmp_path / "faces.json"
    with pytest.raises(KeyboardInterrupt):
        exact_faces(clip, Counting(fails_at=55), cache)
    rest = Counting()
    found = exact_faces(clip, rest, cache)
    assert len(found) == 60
    assert rest.calls == 10  # 50 were kept
    again = Counting()
    assert exact_faces(clip, again, cache) == found
    assert again.calls == 0


def test_those_of_another_detector_or_video_are_not_used(clip, clips, tmp_path):
    cache = tmp_path / "faces.json"
    exact_faces(clip, Counting(), cache)
    other = Counting(name="b")
    exact_faces(clip, other, cache)
    assert other.calls == 60
    longer = Counting(name="b")
    exact_faces(clips.write("long.mp4", [i / 25 for i in range(61)]), longer, cache)
    assert longer.calls == 61


def test_what_went_wrong_is_drawn(clip, tmp_path):
    from bench.tracking.figures import Problem
    from bench.tracking.tracked import NOTHING
    from bench.tracking.truth import Named, Seen, Truth

    box = np.array([20, 20, 60, 70], np.float32)
    truth = Truth(192, 128, [[Seen(1, box, 1.0)]] * 60, {1: Named("Ann", True)})
    wrong = [Problem("missed", 3, 7, 1, None), Problem("switch", 9, 9, 1, 4)]
    wrong += [Problem("false", i, i, None, 2) for i in range(20, 31)]
    sheets = draw_problems(clip, truth, [NOTHING] * 60, wrong, tmp_path, "none")
    assert [path.name for path in sheets] == ["clip.none.00.png", "clip.none.01.png"]
    assert describe(wrong[0]) == "3-7: person 1 missed"
    assert describe(wrong[1]) == "9: person 1 becomes track 4"
    assert [p.name for p in draw_problems(clip, truth, [NOTHING] * 60, [], tmp_path, "none")] == []
    assert not list(tmp_path.glob("clip.none.*.png"))
