"""The figures: perfect for the truth itself, worse for each fault, and as TrackEval counts."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("motmetrics", reason="motmetrics is not installed")
pytest.importorskip("scipy", reason="scipy is not installed")

from bench.tracking.figures import compared, figures, problems
from bench.tracking.tracked import NOTHING, Tracked, read_tracked, write_tracked
from bench.tracking.truth import Named, Seen, Truth, read_truth, write_truth

PEOPLE = {1: Named("Ann", True), 2: Named("Bob", True), 3: Named("Eve", False)}


def box(x, y=100.0, size=50.0):
    return np.array([x, y, x + size, y + size], np.float32)


def moved(own, by):
    return own + np.array([by, 0, by, 0], np.float32)


def walk(count=100, hidden=()):
    """Three people who walk side by side; of the third, nothing is seen on some frames."""
    frames = []
    for i in range(count):
        seen = [Seen(1, box(10 + 3 * i, 50), 1.0), Seen(2, box(600 - 3 * i, 150), 0.9)]
        seen.append(Seen(3, box(100 + i, 250), 0.1 if i in hidden else 0.7))
        frames.append(seen)
    return Truth(800, 400, frames, PEOPLE)


def oracle(truth, change=lambda frame, person, own: [(person + 10, own)], *, all_faces=False):
    """The truth as a tracker would give it; `change` says what it makes of a face."""
    tracked = []
    for number, faces in enumerate(truth.frames):
        rows = [
            row
            for seen in faces
            if all_faces or seen.visible >= 0.5
            for row in change(number, seen.person, seen.box)
        ]
        ids = np.array([track for track, _ in rows], np.int64)
        boxes = np.array([own for _, own in rows], np.float32).reshape(-1, 4)
        tracked.append(Tracked(ids, boxes))
    return tracked


def test_the_truth_itself_is_perfect():
    truth = walk(hidden=range(40, 50))
    found = figures(truth, oracle(truth))
    assert found.faces == 290 == truth.counted
    assert (found.idf1, found.mota) == (1, 1)
    assert (found.switches, found.misses, found.false, found.fragments) == (0, 0, 0, 0)
    assert problems(truth, oracle(truth)) == []


def test_nothing_found_is_as_bad_as_it_can_be():
    truth = walk(10)
    found = figures(truth, [NOTHING] * 10)
    assert (found.idf1, found.mota, found.misses) == (0, 0, 30)


def test_two_who_swap_their_ids_halfway():
    truth = walk(100)
    swapped = oracle(truth, lambda i, who, own: [((3 - who if who < 3 and i >= 50 else who), own)])
    found = figures(truth, swapped)
    assert (found.switches, found.misses, found.false) == (2, 0, 0)
    assert found.switches_per_1000 == 20
    assert found.mota == pytest.approx(1 - 2 / 300)
    # 1 and 2 each keep half of their faces, 3 all: 200 of 300 right, 100 wrong on both sides.
    assert found.idf1 == pytest.approx(2 / 3)
    listed = [(p.kind, p.first, p.person, p.track) for p in problems(truth, swapped)]
    assert listed == [("switch", 50, 1, 2), ("switch", 50, 2, 1)]


def test_a_new_id_after_an_absence_is_a_switch():
    truth = walk(100, hidden=range(40, 60))
    again = oracle(truth, lambda i, who, own: [(who + (7 if who == 3 and i >= 60 else 0), own)])
    found = figures(truth, again)
    assert found.switches == 1
    assert found.idf1 == pytest.approx(2 * 240 / (280 + 280))


def test_misses_and_false_boxes_are_counted_and_listed():
    truth = walk(100)

    def change(i, who, own):
        if who == 2 and 20 <= i < 30:
            return []
        if who == 1 and i in (70, 71):
            return [(who, own), (99, own + 300)]
        return [(who, own)]

    found = figures(truth, oracle(truth, change))
    assert (found.misses, found.false, found.switches, found.fragments) == (10, 2, 0, 1)
    assert found.mota == pytest.approx(1 - 12 / 300)
    assert found.idf1 == pytest.approx(2 * 290 / (300 + 292))
    listed = [(p.kind, p.first, p.last) for p in problems(truth, oracle(truth, change))]
    assert listed == [("missed", 20, 29), ("false", 70, 71)]


def test_a_box_that_overlaps_by_less_than_half_is_both_missed_and_false():
    truth = walk(10)
    aside = oracle(truth, lambda i, who, own: [(who, moved(own, 20))])  # IoU 30/70
    found = figures(truth, aside)
    assert (found.misses, found.false, found.idf1) == (30, 30, 0)
    near = oracle(truth, lambda i, who, own: [(who, moved(own, 15))])  # IoU 35/65
    assert figures(truth, near).idf1 == 1


def test_boxes_for_faces_that_are_not_expected_count_neither_way_unless_strict():
    truth = walk(100, hidden=range(40, 50))
    everywhere = oracle(truth, all_faces=True)
    assert figures(truth, everywhere).false == 0
    assert figures(truth, everywhere).idf1 == 1
    strict = figures(truth, everywhere, strict=True)
    assert strict.false == 10
    assert strict.idf1 == pytest.approx(2 * 290 / (290 + 300))


def test_who_hides_another_keeps_its_own_box():
    """The hidden one's box is left out, never that of the face before it."""
    front, behind = box(100), box(108)
    truth = Truth(400, 400, [[Seen(1, front, 1.0), Seen(2, behind, 0.2)]], PEOPLE)
    [both] = compared(truth, [Tracked(np.array([5, 6]), np.stack([behind, front]))])
    assert both.tracks.tolist() == [6]
    [one] = compared(truth, [Tracked(np.array([6]), front[None])])
    assert one.tracks.tolist() == [6]


@pytest.mark.parametrize(("left", "right", "false"), [(125, 150, 0), (130, 190, 1)])
def test_a_box_on_the_seen_part_of_a_face_that_is_not_expected(left, right, false):
    """It is not false if it lies on the face, as a detector draws it; but if only a third does."""
    truth = Truth(400, 400, [[Seen(1, box(100), 0.3), Seen(2, box(300), 1.0)]], PEOPLE)
    part = np.array([left, 110, right, 140], np.float32)
    found = figures(truth, [Tracked(np.array([5, 6]), np.stack([part, box(300)]))])
    assert found.false == false


def test_a_second_box_on_a_face_that_is_expected_is_false():
    """Also where somebody is hidden beside it."""
    truth = Truth(400, 400, [[Seen(1, box(100), 1.0), Seen(2, box(140), 0.3)]], PEOPLE)
    twice = np.stack([box(100), box(104)])
    assert figures(truth, [Tracked(np.array([5, 6]), twice)]).false == 1


def test_boxes_are_compared_within_the_picture():
    truth = Truth(400, 400, [[Seen(1, box(-20), 0.6)]], PEOPLE)
    inside = Tracked(np.array([1]), np.array([[0, 100, 30, 150]], np.float32))
    assert figures(truth, [inside]).idf1 == 1


def test_another_number_of_frames_is_refused():
    with pytest.raises(ValueError, match="expected 10 frames, got 9"):
        figures(walk(10), [NOTHING] * 9)


def test_an_id_that_is_given_twice_on_a_frame_is_refused():
    truth = walk(10)
    with pytest.raises(ValueError, match="frame 4: an id is given twice"):
        figures(truth, oracle(truth, lambda i, who, own: [(1 if i == 4 else who, own)]))


def test_files_give_back_what_was_written(tmp_path):
    truth = walk(20, hidden=(3, 4))
    write_truth(truth, tmp_path, "walk")
    again = read_truth(tmp_path, "walk")
    assert (again.width, again.height, again.people) == (800, 400, PEOPLE)
    assert again.counted == truth.counted
    for ours, theirs in zip(truth.frames, again.frames, strict=True):
        assert [seen.person for seen in ours] == [seen.person for seen in theirs]
        np.testing.assert_allclose([s.box for s in ours], [s.box for s in theirs], atol=0.011)
    tracked = oracle(truth)
    write_tracked(tracked, tmp_path / "result.txt")
    assert figures(again, read_tracked(tmp_path / "result.txt", 20)) == figures(truth, tracked)


def test_a_file_of_another_form_is_refused(tmp_path):
    (tmp_path / "other.txt").write_text("1,1,2,3,4,5,1,1,1\n")
    with pytest.raises(ValueError, match=r"other\.txt: expected '# N frames of WxH'"):
        read_truth(tmp_path, "other")


def sequence(truth, tracked):
    """As TrackEval's metrics take a video."""
    people = sorted(truth.people)
    tracks = sorted({int(i) for frame in tracked for i in frame.ids})
    frames = list(compared(truth, tracked))
    data = {
        "gt_ids": [np.array([people.index(i) for i in f.people], int) for f in frames],
        "tracker_ids": [np.array([tracks.index(i) for i in f.tracks], int) for f in frames],
        "similarity_scores": [f.overlap for f in frames],
        "num_gt_ids": len(people),
        "num_tracker_ids": len(tracks),
        "num_timesteps": len(frames),
    }
    data["num_gt_dets"] = sum(map(len, data["gt_ids"]))
    data["num_tracker_dets"] = sum(map(len, data["tracker_ids"]))
    return data


@pytest.mark.oracle
def test_as_trackeval_counts():
    """Random faults: the same IDF1, MOTA, misses, false boxes and switches as TrackEval's."""
    trackeval = pytest.importorskip("trackeval", reason="trackeval is not installed")
    rng = np.random.default_rng(3)
    truth = walk(200, hidden=range(100, 130))
    shown = {1: 1, 2: 2, 3: 3}

    def change(i, who, own):
        if rng.random() < 0.02:
            shown[who] = 3 * int(rng.integers(1, 9)) + who
        if rng.random() < 0.05:
            return []
        near = own + np.tile(rng.normal(0, 6, 2), 2)
        return [(shown[who], near)] + [(50 + who, own + 150)] * (rng.random() < 0.05)

    tracked = oracle(truth, change)
    found, data = figures(truth, tracked), sequence(truth, tracked)
    clear = trackeval.metrics.CLEAR({"PRINT_CONFIG": False}).eval_sequence(data)
    identity = trackeval.metrics.Identity({"PRINT_CONFIG": False}).eval_sequence(data)
    assert found.switches > 3
    assert found.misses == clear["CLR_FN"] > 10
    assert found.false == clear["CLR_FP"] > 10
    assert found.switches == clear["IDSW"]
    assert found.mota == pytest.approx(clear["MOTA"])
    assert found.idf1 == pytest.approx(identity["IDF1"])
