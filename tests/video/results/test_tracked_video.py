"""A video that was tracked to its end."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from facewise.errors import VideoError
from facewise.video import open_source
from facewise.video.results import Whom, collect, hidden
from facewise.video.results import tracked_video as module
from facewise.video.results.table import json_text
from facewise.video.tracking import TrackedFrame
from tracked_parts import a_track, faces_of

PICTURES = [np.full((64, 96, 3), shade, np.uint8) for shade in range(0, 200, 20)]
BOX = (10, 10, 40, 50)


class Tracking:
    """Gives a face on every frame, each of a track of its own, and hands out tracks that ended."""

    final = False
    limits = None

    def __init__(self, source, fail_at=None):
        self.source = source
        self.fail_at = fail_at
        self.closed = False
        self.frames = None
        self._seen = []
        self._given = 0

    def __iter__(self):
        if self.frames is not None:
            yield from self.frames
            return
        for frame in self.source:
            if frame.index == self.fail_at:
                raise RuntimeError("the model failed")
            number = frame.index % 4 + 1  # they come back
            self._seen.append((number, frame.index))
            yield TrackedFrame(frame.index, frame.time, frame, faces_of({number: BOX}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True

    def ended(self):
        fresh = self._seen[self._given :]
        self._given = len(self._seen)
        return [a_track(n, [(i, i)], name=f"name {n}") for n, i in fresh]

    @property
    def tracks(self):
        return tuple(a_track(n, [(i, i)], name=f"name {n}") for n, i in self._seen[self._given :])


def test_final_names_are_on_all_frames():
    pytest.importorskip("scipy")
    with open_source(PICTURES) as source:
        tracking = Tracking(source)
        each = []
        video = collect(tracking, each=lambda tracked: each.append(tracked.index))
    assert tracking.closed
    assert each == list(range(10))
    with video:
        assert video.frames == 10
        assert video.times == (0.0, 0.36)
        seen = list(video.faces())
        assert [one.index for one in seen] == list(range(10))
        assert [one.faces.data["name"].tolist() for one in seen[:3]] == [
            ["name 1"],
            ["name 2"],
            ["name 3"],
        ]
        again = list(video.again())
        assert all((one.image == PICTURES[one.index]).all() for one in again)
        assert [one.faces for one in again] == [one.faces for one in seen]


def test_tracks_that_were_handed_out_are_put_together_again(monkeypatch):
    monkeypatch.setattr(module, "_HANDED_OUT", 2)
    with open_source(PICTURES) as source:
        video = collect(Tracking(source))
    with video:
        assert [track.id for track in video.tracks] == [1, 2, 3, 4]
        first = video.track(1)
        assert [span.first_frame for span in first.spans] == [0, 4, 8]
        assert first.frames == 3
        assert video.track(5) is None


def test_a_failure_is_told_and_a_second_final_pass_refused():
    with open_source(PICTURES) as source, pytest.raises(RuntimeError, match="the model failed"):
        collect(Tracking(source, fail_at=4))
    with open_source(PICTURES) as source:
        tracking = Tracking(source)
        tracking.final = True
        with pytest.raises(ValueError, match="reads the video twice"):
            collect(tracking)
    with pytest.raises(TypeError, match=r"expected what .* gives, got str 'clip\.mp4'"):
        collect("clip.mp4")


@pytest.mark.parametrize("number", [4, 8])
def test_another_video_the_second_time_is_noticed(tracked_video, number):
    video = tracked_video([{1: BOX}] * 6, [a_track(1, [(0, 5)])])
    video.source = open_source(PICTURES[:number])
    with pytest.raises(VideoError, match="another one now" if number > 6 else "fewer frames now"):
        list(video.again())
    video.source.close()


def test_a_live_source_cannot_be_read_again(tracked_video, tmp_path):
    video = tracked_video([{1: BOX}], [a_track(1, [(0, 0)])])
    video.source = open_source(PICTURES, real_time=True)
    with pytest.raises(VideoError, match="comes only once"):
        next(video.again())
    video.source.close()


def test_memory_does_not_grow_with_the_length_of_the_video():
    """Neither while it is tracked, nor while results are made of it."""

    def peak(frames):
        with open_source(PICTURES[:1]) as source:
            tracking = Tracking(source)
            boxes = {number: (10 * number, 10, 10 * number + 8, 50) for number in range(1, 7)}
            faces, frame = faces_of(boxes), next(iter(source))
            many = (TrackedFrame(i, i / 25, frame, faces) for i in range(frames))
            tracking.frames = many
            tracemalloc.start()
            with collect(tracking) as video:
                assert sum(len(piece) for piece in json_text(video)) > 1000 * frames
                assert sum(len(one.regions) for one in hidden(video, Whom())) >= 6 * frames
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return most

    peak(10)
    short, long = peak(100), peak(600)
    assert long - short < 150_000  # the faces of one more frame take more than 1,000 as objects
