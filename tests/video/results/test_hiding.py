"""What of a frame is covered, and who is still to be seen."""

from __future__ import annotations

from facewise.video.results import Whom, hidden
from tracked_parts import a_track

OBAMA = a_track(1, [(0, 29)], name="obama", similarity=0.97, confidence=0.9)
STRANGER = a_track(2, [(0, 29)], person=1, similarity=0.2)


def holds(regions, box):
    return any(
        r.x1 <= box[0] and r.y1 <= box[1] and r.x2 >= box[2] and r.y2 >= box[3] for r in regions
    )


def test_only_those_who_are_meant_are_covered(tracked_video):
    apart = {1: (5, 5, 25, 25), 2: (60, 5, 80, 25)}
    video = tracked_video([apart] * 5, [OBAMA, STRANGER])
    for one in hidden(video, Whom(spared=frozenset({"obama"}))):
        assert one.shown.data["name"].tolist() == ["obama"]
        assert holds(one.regions, apart[2])
        assert not any(r.x1 < 25 for r in one.regions)
    for one in hidden(video, Whom()):
        assert len(one.shown) == 0
        assert all(holds(one.regions, box) for box in apart.values())


def test_faces_that_touch_one_that_is_covered_are_covered_too(tracked_video):
    def frame(i):
        return {1: (5, 5, 25, 25), 2: (45 - 2 * i, 6, 65 - 2 * i, 26)}

    frames = [frame(i) for i in range(20)]
    video = tracked_video(frames, [OBAMA, STRANGER])
    found = list(hidden(video, Whom(spared=frozenset({"obama"}))))
    assert len(found[0].shown) == 1
    assert not holds(found[0].regions, frame(0)[1])
    assert len(found[19].shown) == 0  # 20 of 20 pixels lie over each other but for 2
    assert holds(found[19].regions, frame(19)[1])


def test_a_track_of_which_nothing_is_known_is_covered(tracked_video):
    video = tracked_video([{9: (5, 5, 25, 25)}], [OBAMA])
    [one] = hidden(video, Whom("named"))
    assert len(one.shown) == 0
    assert holds(one.regions, (5, 5, 25, 25))
