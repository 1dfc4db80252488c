"""The truth of the real video: it fits the video, and exact detection to which it goes back."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from bench.overlap import intersection_over_union
from bench.tracking.truth import COUNTED, read_truth

import facewise

FOLDER = Path(__file__).parents[3] / "bench" / "tracking"


@pytest.fixture(scope="module")
def truth():
    return read_truth(FOLDER, "video")


def test_it_holds_together(truth):
    assert (truth.width, truth.height, len(truth.frames)) == (1920, 1080, 105)
    assert truth.counted == 592
    for faces in truth.frames:
        assert max(Counter(seen.person for seen in faces).values()) == 1
        for seen in faces:
            assert seen.person in truth.people
            assert (seen.box[2:] > seen.box[:2]).all()


def test_nobody_jumps(truth):
    """From one frame to the next a face of a person overlaps itself."""
    for before, after in zip(truth.frames, truth.frames[1:], strict=False):
        last = {seen.person: seen.box for seen in before}
        for seen in after:
            if seen.person in last:
                overlap = intersection_over_union(last[seen.person][None], seen.box[None])
                assert overlap[0, 0] > 0.25, (seen, last[seen.person])


@pytest.mark.shared
def test_it_is_of_this_video_and_its_boxes_are_those_of_exact_detection(truth, shared):
    pytest.importorskip("av", reason="av is not installed")
    from facewise.video import open_source

    path = shared("data/photos/video.mp4")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest[:16] in (FOLDER / "video.txt").read_text().splitlines()[1]
    detector = facewise.load_detector("mtcnn")
    with open_source(path) as source:
        picture = next(frame.image for frame in source if frame.index == 60)
    counted = np.array([s.box for s in truth.frames[60] if s.visible >= COUNTED], np.float32)
    overlap = intersection_over_union(counted, detector.detect([picture])[0].boxes)
    assert len(counted) == 6
    assert (overlap.max(axis=1) > 0.98).all()
