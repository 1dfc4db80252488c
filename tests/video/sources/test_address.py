"""What is meant by what is written: file, address, camera or pictures."""

from __future__ import annotations

import io
import sys
from fractions import Fraction

import numpy as np
import pytest

from facewise.errors import VideoError
from facewise.video import open_source
from facewise.video.sources.address import address_of
from facewise.video.sources.numbered import in_natural_order

linux = pytest.mark.skipif(sys.platform != "linux", reason="names of cameras on Linux")


@pytest.mark.parametrize(("what", "kind", "target", "form", "live"), [
    ("http://h/a.mp4", "address", "http://h/a.mp4", None, False),
    ("https://h/a.m3u8", "address", "https://h/a.m3u8", None, False),
    ("rtsp://h:554/1", "address", "rtsp://h:554/1", None, True),
    ("rtmp://h/app/key", "address", "rtmp://h/app/key", None, True),
    ("udp://239.0.0.1:1234", "address", "udp://239.0.0.1:1234", None, True),
    ("srt://h:9000", "address", "srt://h:9000", None, True),
    ("v4l2:/dev/video2", "camera", "/dev/video2", "v4l2", True),
    ("avfoundation:0", "camera", "0", "avfoundation", True),
    ("dshow:video=Integrated Camera", "camera", "video=Integrated Camera", "dshow", True),
    ("lavfi:testsrc2=rate=30", "camera", "testsrc2=rate=30", "lavfi", False),
    ("-", "stream", "pipe:0", None, False),
])  # fmt: skip
def test_addresses(what, kind, target, form, live):
    address = address_of(what)
    assert (address.kind, address.target, address.format, address.live) == (
        kind,
        target,
        form,
        live,
    )


@linux
@pytest.mark.parametrize("what", [3, "3", np.int64(3), "/dev/video3"])
def test_cameras_of_linux(what):
    address = address_of(what)
    assert (address.kind, address.target, address.format) == ("camera", "/dev/video3", "v4l2")
    assert address.live


@pytest.mark.parametrize(("platform", "target", "form"), [("darwin", "1", "avfoundation")])
def test_cameras_of_a_mac(monkeypatch, platform, target, form):
    monkeypatch.setattr(sys, "platform", platform)
    address = address_of(1)
    assert (address.target, address.format, address.live) == (target, form, True)


def test_cameras_of_windows_have_names(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(VideoError, match="camera 1: on Windows name the camera, as dshow:video="):
        address_of(1)


@linux
@pytest.mark.parametrize("what", [97, "97", "/dev/video97", "v4l2:/dev/video97"])
def test_no_camera_is_there(what):
    pytest.importorskip("av")
    with pytest.raises(VideoError, match="/dev/video97: no such camera"):
        open_source(what)


@linux
def test_what_is_no_camera():
    pytest.importorskip("av")
    with pytest.raises(VideoError, match="v4l2:/dev/null: cannot be opened"):
        open_source("v4l2:/dev/null")


def test_what_is_asked_of_a_camera(monkeypatch):
    """Size and rate reach FFmpeg's device as its options, and its own options win."""
    av = pytest.importorskip("av")
    asked = {}

    def refuse(target, mode, **settings):
        asked.update(settings, target=target)
        raise av.error.FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(VideoError, match="no such camera"):
        open_source(
            "v4l2:/dev/video0", size=(1280, 720), rate=30, options={"input_format": "mjpeg"}
        )
    assert (asked["target"], asked["format"]) == ("/dev/video0", "v4l2")
    assert asked["timeout"] == 10.0
    wanted = {"video_size": "1280x720", "framerate": "30", "input_format": "mjpeg"}
    assert wanted.items() <= asked["options"].items()


def test_a_device_of_ffmpeg():
    pytest.importorskip("av")
    with open_source("lavfi:testsrc2=size=64x48:rate=10:duration=1") as source:
        frames = list(source)
    assert [round(frame.time, 3) for frame in frames] == [i / 10 for i in range(10)]
    assert (source.width, source.height, source.rate) == (64, 48, 10)


def test_passwords_are_not_told():
    address = address_of("rtsp://admin:secret@10.0.0.7:554/stream")
    assert address.name == "rtsp://***@10.0.0.7:554/stream"
    assert address.target.startswith("rtsp://admin:secret@")
    assert address_of("rtsp://admin@10.0.0.7/stream").name == "rtsp://admin@10.0.0.7/stream"


@pytest.mark.parametrize("name", ["a:b.mp4", "http: a.mp4", "100%.mp4", "é 漢.mp4", "7", "-x.mp4"])
def test_strange_names_of_files(clips, monkeypatch, name):
    clips.write("a.mp4", [0, Fraction(1, 25)]).rename(clips.folder / name)
    monkeypatch.chdir(clips.folder)
    for what in (
        name,
        clips.folder / name,
        str(clips.folder / name),
        f"file:{clips.folder / name}",
    ):
        with open_source(what) as source:
            assert len(list(source)) == 2


def test_file_objects(clips):
    content = clips.write("a.mp4", [Fraction(i, 25) for i in range(30)]).read_bytes()
    with open_source(io.BytesIO(content), start=0.4) as source:
        assert [clips.number(frame.image) for frame in source] == list(range(10, 30))
        with source.again() as second:
            assert [clips.number(frame.image) for frame in second] == list(range(10, 30))


@pytest.mark.parametrize("what", [None, True, b"abc", 3.5, object()])
def test_what_is_no_source(what):
    with pytest.raises(VideoError, match="expected a path, address, camera number"):
        address_of(what)


def test_a_negative_camera():
    with pytest.raises(VideoError, match="camera -1: expected a number of at least 0"):
        address_of(-1)


def test_a_name_that_cannot_be():
    with pytest.raises(VideoError, match=r"b\.mp4: (no such file|cannot be read)"):
        address_of("a\0b.mp4")


def test_a_local_file_does_not_reach_the_network(tmp_path):
    """A playlist that names an address is a way to make somebody else's computer ask for it."""
    pytest.importorskip("av")
    import http.server
    import threading

    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = tmp_path / "a.m3u8"
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
        f"http://127.0.0.1:{server.server_port}/a.ts\n#EXT-X-ENDLIST\n"
    )
    try:
        with pytest.raises(VideoError, match=r"a\.m3u8"):
            open_source(path)
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


def test_natural_order(tmp_path):
    names = ["b2.png", "a10.png", "a9.png", "a010.png", "1.png", "a.png"]
    ordered = in_natural_order(tmp_path / name for name in names)
    assert [p.name for p in ordered] == [
        "1.png",
        "a9.png",
        "a010.png",
        "a10.png",
        "a.png",
        "b2.png",
    ]


def test_a_file_that_is_open_as_text_is_refused(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_text("no video")
    with path.open() as file, pytest.raises(VideoError, match=r"clip\.mp4: is open as text"):
        open_source(file)
