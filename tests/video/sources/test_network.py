"""Sources on the network: HTTP, RTSP and plain TCP, all on loopback."""

from __future__ import annotations

import functools
import http.server
import shutil
import socket
import subprocess
import threading
import time
from fractions import Fraction
from pathlib import Path

import pytest

from facewise.errors import VideoError
from facewise.video import open_source

pytest.importorskip("av")

EVEN = [Fraction(i, 25) for i in range(75)]
PATIENCE = 20.0


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one file, with or without ranges; may break off, or fall silent."""

    def __init__(self, settings, *args):
        self.settings = settings
        super().__init__(*args)

    def do_GET(self):
        settings = self.settings
        if self.path != "/a":
            self.send_error(404)
            return
        content = settings["content"]
        begin = 0
        asked = self.headers.get("Range")
        if "kind" in settings:
            self.send_response(200)
            self.send_header("Content-Type", settings["kind"])
            self.end_headers()
            self.wfile.write(content)
            return
        if asked and settings.get("ranges", True):
            begin = int(asked.removeprefix("bytes=").split("-")[0])
            self.send_response(206)
            last = len(content) - 1
            self.send_header("Content-Range", f"bytes {begin}-{last}/{len(content)}")
        else:
            self.send_response(200)
        if settings.get("ranges", True):
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        settings.setdefault("asked", []).append(begin)
        end = settings.get("end", len(content))
        try:
            self.wfile.write(content[begin:end])
            if "silent" in settings:
                self.wfile.flush()
                settings["silent"].wait(PATIENCE)
        except OSError:  # the client has gone
            pass

    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(**settings):
        handler = functools.partial(Handler, settings)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/a"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def numbers(clips, source):
    return [clips.number(frame.image) for frame in source]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_over_http(clips, serve, ranges):
    path = clips.write("a.mkv", EVEN, audio=("libopus", 3))
    url = serve(content=path.read_bytes(), ranges=ranges)
    with open_source(url) as source:
        assert numbers(clips, source) == list(range(75))
        assert (source.live, source.duration, source.name) == (False, pytest.approx(3), url)
        assert source.report.clean
    with open_source(url, start=2, stop=2.2) as source:
        assert numbers(clips, source) == [50, 51, 52, 53, 54]
        with source.again() as second:
            assert numbers(clips, second) == [50, 51, 52, 53, 54]


def test_pictures_without_end_over_http(clips, serve):
    """Many cameras send JPEGs, one after another, as one answer that does not say its length."""
    import io

    from PIL import Image

    content = b""
    for number in range(20):
        file = io.BytesIO()
        Image.fromarray(clips.picture(number)).save(file, "JPEG", quality=95)
        content += b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + file.getvalue() + b"\r\n"
    url = serve(content=content + b"--frame\r\n", kind="multipart/x-mixed-replace; boundary=frame")
    with open_source(url, ahead=100) as source:
        assert numbers(clips, source) == list(range(20))
        assert (source.live, source.duration, source.facts.codec) == (True, None, "mjpeg")


def test_what_a_server_does_not_have(serve):
    with pytest.raises(VideoError, match=r"/b: cannot be opened \(Server returned 404"):
        open_source(serve(content=b"")[:-1] + "b")


def test_nobody_is_there():
    with pytest.raises(
        VideoError, match=r"127\.0\.0\.1:9/a: cannot be opened \(Connection refused"
    ):
        open_source("http://127.0.0.1:9/a", options={"reconnect": "0"})


def test_a_server_that_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a"
        with pytest.raises(VideoError, match=r"/a: no answer within 0\.3 s"):
            open_source(url, timeout=0.3)


def test_a_server_that_falls_silent(clips, serve):
    silent = threading.Event()
    content = clips.write("a.ts", EVEN).read_bytes()
    url = serve(content=content, end=len(content) // 2, silent=silent, ranges=False)
    with open_source(url, timeout=0.5) as source:
        got = numbers(clips, source)
    silent.set()
    assert got == list(range(len(got)))
    assert 10 < len(got) < 65
    assert source.report.broken == "no more came for 0.5 s"


def test_closing_does_not_wait_for_a_silent_server(clips, serve):
    silent = threading.Event()
    content = clips.write("a.ts", EVEN).read_bytes()
    url = serve(content=content, end=len(content) // 2, silent=silent, ranges=False)
    source = open_source(url, timeout=5, ahead=100)
    for _ in range(10):
        next(source)
    begun = time.monotonic()
    source.close()
    assert time.monotonic() - begun < 4
    silent.set()
    end = time.monotonic() + PATIENCE  # and its thread is gone after the timeout at the latest
    while any(thread.name == "facewise-video" for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.01)


def stream(server, contents):
    """Give each of these to one who connects, then hang up."""
    for content in contents:
        try:
            connection, _ = server.accept()
            with connection:
                connection.sendall(content)
        except OSError:
            return


def test_a_stream_that_is_lost_ten_times_and_comes_back(clips):
    clip = clips.write("a.ts", EVEN[:20]).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=stream, args=(server, [clip] * 11), daemon=True).start()
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        seen, last = [], -1.0
        with open_source(url, reconnect=PATIENCE, timeout=5, ahead=1000) as source:
            assert source.live
            for frame in source:
                assert frame.index == len(seen)
                assert frame.time > last
                last = frame.time
                seen.append(clips.number(frame.image))
                if len(seen) == 220:
                    break
            report = source.report
    assert seen == 11 * list(range(20))
    assert report.losses == 10
    assert report.frames >= 220


def test_a_stream_that_stays_away(clips):
    clip = clips.write("a.ts", EVEN[:20]).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        sending = threading.Thread(target=stream, args=(server, [clip]), daemon=True)
        sending.start()
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        source = open_source(url, reconnect=0.3, timeout=5, ahead=1000)
        sending.join(PATIENCE)
    with source:
        assert numbers(clips, source) == list(range(20))
    assert source.report.broken.startswith("lost after 0.76 s (tcp://127.0.0.1:")


def test_without_reconnect_a_stream_ends_where_it_ends(clips):
    clip = clips.write("a.ts", EVEN[:20]).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=stream, args=(server, [clip, clip]), daemon=True).start()
        with open_source(f"tcp://127.0.0.1:{server.getsockname()[1]}", ahead=1000) as source:
            assert numbers(clips, source) == list(range(20))
            with pytest.raises(VideoError, match="comes only once"):
                source.again()


@pytest.fixture
def rtsp(clips):
    """The address of an RTSP server that plays 75 frames; needs a Python with GStreamer."""
    python = shutil.which("python3", path="/usr/bin")
    path = clips.write("a.mp4", EVEN, options={"bf": "0"})
    script = Path(__file__).with_name("rtsp_server.py")
    if python is None:
        pytest.skip("no /usr/bin/python3")
    server = subprocess.Popen(
        [python, str(script), str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        port = server.stdout.readline().strip()
        if not port:
            pytest.skip("needs apt packages gir1.2-gst-rtsp-server-1.0, python3-gi and plugins")
        yield f"rtsp://127.0.0.1:{port}/clip"
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
        server.stderr.close()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp(clips, rtsp, transport):
    options = {"rtsp_transport": transport}
    with open_source(rtsp, options=options, timeout=5, ahead=1000) as source:
        frames = list(source)
    assert (source.live, source.duration, source.width, source.height) == (True, None, 192, 128)
    assert [clips.number(frame.image) for frame in frames] == list(range(len(frames)))
    assert len(frames) >= 73  # UDP may lose the last
    times = [frame.time for frame in frames]
    assert times == pytest.approx([i / 25 for i in range(len(frames))], abs=0.002)


def test_rtsp_without_such_a_stream(rtsp):
    with pytest.raises(VideoError, match="clipp: cannot be opened"):
        open_source(rtsp + "p", timeout=5)


def test_rtsp_closed_while_it_plays(rtsp):
    source = open_source(rtsp, timeout=5)
    next(source)
    begun = time.monotonic()
    source.close()
    assert time.monotonic() - begun < 4
