"""A session without a page: who is there, enrolling, saving, losing the camera."""

from __future__ import annotations

import io
import os
import shutil
import socket
from collections import namedtuple

import numpy as np
import pytest
from PIL import Image

import facewise
from facewise.errors import FacewiseError, GalleryError, ModelMismatchError, NoFaceError, VideoError
from facewise.recognition import UNKNOWN

pytest.importorskip("av")
pytest.importorskip("scipy")

from facewise.video import open_source
from facewise.video.camera.events import Events
from facewise.video.camera.feed import open_feed
from facewise.video.camera.saving import RESERVE


def test_who_is_there_comes_is_named_and_goes(watch, scene, people):
    watched = watch(scene, people=people)
    tracks = {name: watched.track_of(name) for name in ("obama", "biden", "stranger")}
    assert len(set(tracks.values())) == 3
    for name in ("obama", "biden"):
        watched.until(lambda name=name: watched.name_of(tracks[name]) == name, f"the name {name}")
    assert watched.name_of(tracks["stranger"]) == UNKNOWN
    state = watched.session.state()
    assert state["status"] == "live"
    here = {one["track"]: one for one in state["here"]}
    assert here[tracks["obama"]]["name"] == "obama"
    assert here[tracks["obama"]]["similarity"] > 0.9
    assert all(one["visible"] for one in here.values())
    watched.session.stop()
    watched.session.join()
    assert watched.session.state()["status"] == "ended"
    went = {event["track"]: event for event in watched.events("went")}
    assert went[tracks["obama"]]["label"] == "obama"
    assert went[tracks["stranger"]]["label"] == "person 1"
    kinds = [event["event"] for event in watched.told]
    assert (kinds[0], kinds[-1]) == ("started", "ended")
    assert [event["number"] for event in watched.told] == list(range(1, len(kinds) + 1))


def test_enrolling_into_a_folder_gives_the_name_at_once_and_for_good(watch, scene, people):
    watched = watch(scene, people=people)
    track = watched.track_of("stranger")
    watched.until(lambda: watched.session.portraits.of(track), "a portrait")
    enrolled = watched.session.enrol(track, "  Eileen O'Neil-Müller ").result()
    assert (enrolled.name, enrolled.new) == ("Eileen O'Neil-Müller", True)
    watched.until(lambda: watched.name_of(track) == enrolled.name, "the new name")
    [event] = watched.events("enrolled")
    assert event["name"] == enrolled.name
    assert enrolled.file.parent == people / enrolled.name
    # Another picture of the same person, whatever the case of the name.
    again = watched.session.enrol(track, "EILEEN O'NEIL-MÜLLER").result()
    assert (again.name, again.new) == (enrolled.name, False)
    assert len(list((people / enrolled.name).iterdir())) == 2
    watched.session.stop()
    watched.session.join()
    [found] = facewise.recognize(enrolled.file, people).images
    assert found.faces.data["name"].tolist() == [enrolled.name]


def test_enrolling_into_a_gallery(watch, scene, examples, tmp_path):
    with facewise.Gallery.create(tmp_path / "people.db") as gallery:
        watched = watch(scene, gallery=gallery)
        track = watched.track_of("stranger")
        watched.until(lambda: watched.session.portraits.of(track), "a portrait")
        name = 'a/b\\c: "<Zoë>" 名前'
        enrolled = watched.session.enrol(track, name).result()
        assert (enrolled.name, enrolled.new) == (name, True)
        watched.until(lambda: watched.name_of(track) == name, "the new name")
        [photo] = gallery.identify(examples / "photos" / "astronaut.jpg").images
        assert photo.faces.data["name"].tolist() == [name]
        version = watched.session.portraits.of(track).version
        again = [watched.session.enrol(track, name, version) for _ in range(2)]
        with pytest.raises(FacewiseError, match="already"):
            again[1].result()
        watched.session.stop()
        watched.session.join()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "at least one character"),
        ("unknown", "what strangers are called"),
        ("a/b", "has a '/'"),
        ("..", "begins with a dot"),
        (".hidden", "begins with a dot"),
        ("a\nb", "control character"),
        ("a\0b", "control character"),
        ("\ud800", "half of a character"),
        ("ä" * 200, "too long"),
        ("x" * 501, "at most 500"),
    ],
)
def test_names_that_cannot_be(tmp_path, name, why):
    from facewise.video.camera.enrolling import IntoFolder

    folder = IntoFolder(tmp_path, None, None)
    with pytest.raises(FacewiseError, match=why):
        folder.enrol(None, name)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_enrolled(watch, scene, people):
    watched = watch(scene, people=people)
    with pytest.raises(FacewiseError, match="face 99: is not there"):
        watched.session.enrol(99, "ann").result()
    bare = watch(scene)
    track = bare.track_of("stranger")
    with pytest.raises(FacewiseError, match="start with --people"):
        bare.session.enrol(track, "ann").result()


def portrait_of(image, box):
    from facewise.video.camera.portraits import Portrait

    return Portrait(1, 1, image, box, 1.0, 0.0)


def test_only_the_face_that_was_meant_is_enrolled(heads):
    from facewise.recognition.people import plain_subject
    from facewise.video.camera.alone import alone

    detector = facewise.load_detector()
    ours, other = heads["stranger"], heads["obama"]
    image = np.full((200, 400, 3), 90, np.uint8)
    image[: ours.shape[0], : ours.shape[1]] = ours
    image[: other.shape[0], 200 : 200 + other.shape[1]] = other
    [faces] = detector.detect([image])
    assert len(faces) == 2
    for box in faces.boxes.tolist():
        [found] = detector.detect([alone(portrait_of(image, tuple(box)), detector)])
        subject, _ = plain_subject(found)
        assert np.abs(found.boxes[subject] - box).max() < 3
    with pytest.raises(NoFaceError, match="looks to the camera"):
        alone(portrait_of(image, (0.0, 150.0, 40.0, 190.0)), detector)
    with pytest.raises(NoFaceError, match="looks to the camera"):
        alone(portrait_of(np.zeros_like(image), (10.0, 10.0, 90.0, 90.0)), detector)


def test_a_portrait_at_the_border_keeps_the_face_in_the_middle(heads, pictures):
    from facewise.video.camera.portraits import cut_out

    faces = facewise.Faces([[-10.0, 20.0, 70.0, 100.0]], [0.9])
    image, box = cut_out(pictures[0], faces, 0)
    assert image.shape == (176, 176, 3)
    assert box == (48.0, 48.0, 128.0, 128.0)
    assert not image[:, :50].any()
    np.testing.assert_array_equal(image[48:, 58:70], pictures[0][20:148, 0:12])


def test_a_snapshot_and_a_recording(watch, scene, people, tmp_path):
    watched = watch(scene, people=people)
    session = watched.session
    obama = watched.track_of("obama")
    watched.until(lambda: watched.name_of(obama) == "obama", "the name")
    shown = session.latest
    plain, drawn = session.snapshot(shown, drawn=False), session.snapshot(shown)
    pixels = [np.asarray(Image.open(path), int) for path in (plain, drawn)]
    assert np.abs(pixels[0] - shown.tracked.image).mean() < 1.5
    assert np.abs(pixels[1] - pixels[0]).max() > 3
    assert plain != drawn
    path = session.record()
    with pytest.raises(VideoError, match="is being recorded already"):
        session.record()
    watched.until(lambda: (session.state()["recording"] or {}).get("frames", 0) >= 8, "frames")
    assert not path.exists()  # it appears when it is whole
    assert session.end_recording() == path
    assert session.end_recording() is None
    [event] = watched.events("recorded")
    with open_source(path) as source:
        frames = list(source)
    assert len(frames) == event["frames"] >= 8
    assert frames[-1].time == pytest.approx(event["seconds"], abs=0.06)
    assert [p.name for p in (plain, drawn, path)] == session.state()["saved"]
    assert session.saved(path.name) == path
    assert session.saved("../people.db") is None


def test_a_recording_is_finished_when_the_session_ends(watch, scene, tmp_path):
    watched = watch(scene)
    path = watched.session.record()
    watched.until(lambda: watched.session.state()["recording"]["frames"] >= 3, "frames")
    watched.session.stop()
    watched.session.join()
    with open_source(path) as source:
        assert len(list(source)) >= 3
    with pytest.raises(VideoError, match="has ended"):
        watched.session.record()


def test_a_full_disk_ends_a_recording_which_is_kept(watch, scene, monkeypatch):
    watched = watch(scene)
    usage = namedtuple("usage", "total used free")
    free = [RESERVE]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, free[0]))
    monkeypatch.setattr("facewise.video.camera.recording._LOOK", 2)
    path = watched.session.record()
    free[0] -= 1
    [event] = watched.until(lambda: watched.events("recorded"), "the end of the recording")
    assert "the disk is full, 63 MB are left" in event["why"]
    with open_source(path) as source:
        assert len(list(source)) == event["frames"] == 2
    assert watched.session.state()["recording"] is None
    for refused in (watched.session.record, watched.session.snapshot):
        with pytest.raises(VideoError, match="the disk is full"):
            refused()
    assert watched.session.state()["status"] == "live"


def test_a_recording_that_cannot_be_written_does_not_end_the_camera(watch, scene, monkeypatch):
    watched = watch(scene)

    def fail(self, image, time):
        raise VideoError(f"{self.path}: cannot be written (No space left on device)")

    monkeypatch.setattr("facewise.video.writing.VideoWriter.write", fail)
    path = watched.session.record()
    [event] = watched.until(lambda: watched.events("record_failed"), "the failure")
    assert event["file"] == path.name
    assert "No space left on device" in event["why"]
    seen = watched.session.latest.number
    watched.until(lambda: watched.session.latest.number > seen + 2, "more frames")
    assert not any(path.parent.iterdir())


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(watch, scene, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    watched = watch(scene, out=closed)
    watched.until(lambda: watched.session.latest, "a frame")
    with pytest.raises(VideoError, match="does not allow it"):
        watched.session.record()


def test_a_file_where_the_folder_would_be(watch, scene, tmp_path):
    (tmp_path / "file").write_text("")
    watched = watch(scene, out=tmp_path / "file")
    watched.until(lambda: watched.session.latest, "a frame")
    with pytest.raises(VideoError, match="cannot be written"):
        watched.session.snapshot()


def test_a_camera_that_is_lost_ten_times_and_comes_back(watch, lost_server, quick):
    server = lost_server(held=True)
    watched = watch(None, feed=open_feed(server.url, timeout=20), models=quick)
    for time in range(1, 11):
        watched.until(lambda n=time: len(watched.events("lost")) == n, f"loss {time}")
        assert watched.session.feed.lost is not None
        state = watched.session.state()
        assert state["status"] == "lost"
        assert state["why"]
        server.again.release()
        watched.until(lambda n=time: len(watched.events("back")) == n, f"return {time}")
    kinds = [event["event"] for event in watched.events("lost", "back")]
    assert kinds[:20] == ["lost", "back"] * 10
    assert watched.session.state()["losses"] >= 10


def test_a_camera_that_is_not_there_is_an_error_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(VideoError, match="Connection refused"):
        open_feed(f"tcp://127.0.0.1:{port}")
    with pytest.raises(VideoError, match="no such file"):
        open_feed("no/such/file.mp4")
    with pytest.raises(VideoError, match="only files and pictures"):
        open_feed(f"tcp://127.0.0.1:{port}", loop=True)
    with pytest.raises(ValueError, match="retry"):
        open_feed("0", retry=-1)


def test_a_camera_that_stays_away_is_given_up(watch, lost_server):
    server = lost_server()
    watched = watch(None, feed=open_feed(server.url, retry=0.2, timeout=5), start=False)
    watched.session.start()
    watched.until(lambda: watched.session.latest, "a frame")
    server.close()
    with pytest.raises(VideoError, match="lost after"):
        watched.session.join()
    assert watched.events("ended")[0]["why"]


def test_a_file_that_ends_ends_the_session(watch, pictures):
    watched = watch(None, feed=open_feed(pictures[:5], rate=25), start=False)
    watched.session.start()
    watched.session.join()
    assert watched.told[-1]["event"] == "ended"
    assert watched.told[-1]["why"] == ""


def test_nobody_listens_any_more(watch, scene):
    watched = watch(scene, start=False)

    def fail(event):
        if event["event"] == "came":
            raise BrokenPipeError(32, "nobody reads")

    watched.session.events = events = Events(fail)
    watched.session._presence._events = events
    watched.session.start()
    with pytest.raises(BrokenPipeError):
        watched.session.join()


def test_people_who_cannot_be(watch, scene, people, tmp_path):
    with pytest.raises(FacewiseError, match="no such folder"):
        watch(scene, people=tmp_path / "none", start=False)
    with facewise.Gallery.create(tmp_path / "people.db") as gallery:
        from dataclasses import replace

        facts = gallery.store.facts()
        other = replace(facts, settings={**facts.settings, "weights": "0" * 64})
        with pytest.raises(ModelMismatchError):
            other.require(facts)
        gallery.close()
        with pytest.raises(GalleryError):
            watch(scene, gallery=gallery, start=False)


def test_nobody_is_known_yet(watch, scene, tmp_path):
    (tmp_path / "new").mkdir()
    watched = watch(scene, people=tmp_path / "new")
    track = watched.track_of("biden")
    watched.until(lambda: watched.session.portraits.of(track), "a portrait")
    assert watched.session.enrol(track, "joe").result().new
    watched.until(lambda: watched.name_of(track) == "joe", "the first name")


@pytest.mark.shared
def test_the_real_video_in_real_time(watch, shared):
    feed = open_feed(shared("data/photos/video.mp4"), loop=True)
    watched = watch(None, feed=feed)
    watched.until(lambda: len(watched.session.state()["here"]) >= 2, "faces of the video")
    message = watched.session.latest.message()
    length = int.from_bytes(message[:4], "big")
    assert Image.open(io.BytesIO(message[4 + length :])).width == 1280  # made smaller for viewers
    assert Image.open(watched.session.snapshot()).width == 1920
