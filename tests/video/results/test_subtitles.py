"""Who is to be seen, as subtitles."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from facewise.video.results import cues, subtitles, write_subtitles
from tracked_parts import a_track


@pytest.fixture
def made(tracked_video):
    def make(*tracks, frames=300):
        return tracked_video([{}] * frames, tracks)

    return make


def test_a_cue_for_each_time_with_the_same_people(made):
    video = made(
        a_track(1, [(0, 99), (200, 249)], name="obama"),
        a_track(2, [(50, 149)], person=1),
        a_track(3, [(52, 149)], person=1),  # the same stranger in a second track
    )
    assert [(c.start, c.end, c.labels) for c in cues(video)] == [
        (0.0, 2.0, ("obama",)),
        (2.0, 4.0, ("obama", "person 1")),
        (4.0, 6.0, ("person 1",)),
        (8.0, 10.0, ("obama",)),
    ]
    assert [c.labels for c in cues(video, strangers=False)] == [("obama",), ("obama",)]


def test_short_changes_are_one_and_nobody_is_lost(made):
    video = made(
        a_track(1, [(0, 100)], name="a"),
        a_track(2, [(3, 101)], name="b"),
        a_track(3, [(40, 41)], name="c"),
    )
    found = cues(video)
    assert found[0].labels == ("a", "b")
    assert (found[0].start, found[-1].end) == (0.0, pytest.approx(4.08))
    assert all(cue.end - cue.start >= 0.05 for cue in found)
    assert any("c" in cue.labels for cue in found)


def test_cues_never_overlap_and_say_what_the_spans_say(made, rng):
    tracks = []
    for number in range(1, 12):
        starts = sorted(rng.choice(280, 3, replace=False).tolist())
        tracks.append(a_track(number, [(s, s + int(rng.integers(0, 20))) for s in starts]))
    video = made(
        *[t for t in tracks if all(a.last_frame < b.first_frame for a, b in pairs(t.spans))]
    )
    video.named = False
    found = cues(video)
    assert all(one.end <= other.start + 1e-9 for one, other in pairs(found))
    for cue in found:
        assert cue.end > cue.start
        assert cue.labels == tuple(dict.fromkeys(cue.labels))
    for track in video.tracks:
        for span in track.spans:
            if span.last_time - span.first_time >= 0.6:
                middle = (span.first_time + span.last_time) / 2
                assert any(
                    f"track {track.id}" in c.labels for c in found if c.start <= middle < c.end
                )


def pairs(items):
    return list(pairwise(items))


def test_vtt_and_srt_have_their_forms(made):
    video = made(
        a_track(1, [(0, 99)], name="Tom & <Jerry>\n--> x"), a_track(2, [(50, 99)], person=2)
    )
    text = subtitles(video)
    assert text == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.000\nTom &amp; &lt;Jerry&gt; --&gt; x\n\n"
        "2\n00:00:02.000 --> 00:00:04.000\nTom &amp; &lt;Jerry&gt; --&gt; x, person 2\n"
    )
    text = subtitles(video, "srt")
    assert text.startswith("1\n00:00:00,000 --> 00:00:02,000\n")
    assert [line for line in text.splitlines() if "-->" in line] == re.findall(
        r"\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}", text
    )
    assert not set("<{}") & set(text)
    assert subtitles(video, offset=1.5).splitlines()[3] == "00:00:00.000 --> 00:00:00.500"
    assert subtitles(made()) == "WEBVTT\n"


def test_times_of_hours(made):
    track = a_track(1, [(100 * 3600 * 25, 100 * 3600 * 25 + 50)], name="a")
    assert "100:00:00.000 --> 100:00:02.040" in subtitles(made(track))


def test_the_suffix_says_the_form(made, tmp_path):
    video = made(a_track(1, [(0, 99)], name="a"))
    write_subtitles(video, tmp_path / "a.VTT")
    assert (tmp_path / "a.VTT").read_text().startswith("WEBVTT")
    write_subtitles(video, tmp_path / "a.srt")
    assert (tmp_path / "a.srt").read_text().startswith("1\n")
    with pytest.raises(ValueError, match=r"expected a name that ends in \.vtt or \.srt"):
        write_subtitles(video, tmp_path / "a.txt")
    with pytest.raises(ValueError, match="form: expected one of vtt, srt"):
        subtitles(video, "ass")
