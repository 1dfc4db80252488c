"""Timeline and contact sheet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import facewise
from facewise.video.results import contact_sheet, presences, timeline, write_picture
from facewise.video.results.writing import colors_of
from tracked_parts import a_track, jpeg


def with_face(track, color):
    return replace(track, best=replace(track.best, jpeg=jpeg(color)))


@pytest.fixture
def video(tracked_video):
    tracks = [
        with_face(a_track(1, [(0, 49)], person=1), (220, 30, 30)),
        with_face(a_track(2, [(25, 49), (75, 99)], name="obama", similarity=0.9), (30, 200, 30)),
        replace(a_track(3, [(99, 99)]), best=None),
    ]
    return tracked_video([{}] * 100, tracks)


def columns_of(picture, color):
    return np.flatnonzero((np.abs(picture.astype(int) - color).max(axis=2) <= 2).sum(axis=0) > 15)


def test_people_come_in_order_and_their_tracks_together(video):
    people = presences([*video.tracks, a_track(9, [(60, 69)], person=1)])
    assert [one.label for one in people] == ["obama", "person 1", "unknown"]
    assert [tuple(span)[:2] for span in people[1].spans] == [(0, 49), (60, 69)]
    assert people[1].frames == 60
    overlapping = presences([a_track(1, [(0, 9)], person=1), a_track(2, [(5, 20)], person=1)])
    assert [tuple(span)[:2] for span in overlapping[0].spans] == [(0, 20)]


def test_bars_stand_where_people_are(video):
    picture = timeline(video)
    assert picture.dtype == np.uint8
    left, right = 330, 1600 - 24
    colors = colors_of(video)
    bar = columns_of(picture, colors("person 1"))
    assert (bar.min(), bar.max()) == (
        pytest.approx(left, abs=2),
        pytest.approx((left + right) / 2, abs=2),
    )
    bar = columns_of(picture, colors("obama"))
    quarter = (right - left) / 4
    gap = np.flatnonzero(np.diff(bar) > 1)
    assert [bar.min(), bar[gap[0]], bar[gap[0] + 1], bar.max()] == pytest.approx(
        [left + quarter, left + 2 * quarter, left + 3 * quarter, right], abs=3
    )


def test_the_sheet_shows_every_best_face(video):
    picture = contact_sheet(video)
    for color in ((220, 30, 30), (30, 200, 30)):
        assert (np.abs(picture.astype(int) - color).max(axis=2) < 12).sum() > 150 * 150
    # With one column less wide, the third goes to the next row.
    assert contact_sheet(video, columns=2).shape[0] <= contact_sheet(video, columns=1).shape[0]


def test_very_many_people_are_counted_and_names_may_be_anything(tracked_video):
    tracks = [a_track(i, [(i, i + i % 7)], person=i) for i in range(1, 130)]
    tracks.append(a_track(500, [(0, 99)], name="Ωμέγα\t\x00" + "long " * 60, similarity=0.5))
    video = tracked_video([{}] * 300, tracks)
    assert timeline(video).shape[0] < 100 * 44 + 300
    assert timeline(video, most=3).shape[0] < 400
    assert contact_sheet(video, most=20).shape[0] < contact_sheet(video).shape[0]
    with pytest.raises(ValueError, match="at least 1"):
        contact_sheet(video, columns=0)


def test_nobody(tracked_video):
    video = tracked_video([{}], [])
    assert timeline(video).shape[1] == 1600
    assert contact_sheet(video).ndim == 3


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_pictures_are_written_by_their_suffix(tmp_path, suffix):
    picture = np.full((40, 60, 3), (10, 200, 90), np.uint8)
    write_picture(picture, tmp_path / f"a{suffix}")
    assert np.abs(facewise.load_image(tmp_path / f"a{suffix}").astype(int) - picture).max() < 6
    with pytest.raises(ValueError, match=r"expected a name that ends in \.png"):
        write_picture(picture, tmp_path / "a.txt")
