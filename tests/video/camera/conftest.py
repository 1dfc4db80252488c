"""A scene of the example people, played as a camera; and a camera session on it."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import facewise

PATIENCE = 90.0
SIZE = (360, 640)
RATE = 10

PLACES = {"biden": (40, 60), "stranger": (250, 90), "obama": (455, 50)}
"""Left and top of the head of each, in the middle of its way."""

PICTURES = {
    "obama": "photos/obama.jpg",
    "biden": "people/biden/1.jpg",
    "stranger": "photos/astronaut.jpg",
}


@pytest.fixture(scope="session")
def heads(examples):
    """Cut-out heads of the example people, about equally large."""
    found = {}
    for name, path in PICTURES.items():
        image = facewise.load_image(examples / path)
        [x1, y1, x2, y2] = facewise.detect(image)[0].select().boxes[0]
        half, middle = (y2 - y1) * 0.95, np.array([x1 + x2, y1 + y2]) / 2
        low, high = np.maximum(middle - half, 0).astype(int), (middle + half).astype(int)
        factor = 92 / (y2 - y1)
        part = image[low[1] : high[1], low[0] : high[0]]
        found[name] = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return found


@pytest.fixture(scope="session")
def pictures(heads):
    """The frames of a scene in which three people move a little, without end if it is looped."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    wall = np.stack([70 + x / 12, 88 + x / 14 + y / 20, 104 + y / 9], axis=2).astype(np.uint8)
    frames = []
    for number in range(20):
        frame = wall.copy()
        for place, (name, (left, top)) in enumerate(PLACES.items()):
            turn = 2 * np.pi * (number / 20 + place / 3)
            at = round(left + 6 * np.cos(turn)), round(top + 4 * np.sin(turn))
            head = heads[name]
            frame[at[1] : at[1] + head.shape[0], at[0] : at[0] + head.shape[1]] = head
        frames.append(frame)
    return frames


@pytest.fixture(scope="session")
def scene(pictures, tmp_path_factory):
    """The same as a folder of pictures."""
    folder = tmp_path_factory.mktemp("scene")
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number:02}.jpg", quality=92)
    return folder


@pytest.fixture
def people(examples, tmp_path):
    """A folder of people that may be changed."""
    return Path(shutil.copytree(examples / "people", tmp_path / "people"))


@dataclass
class Watched:
    """A session and what it has told."""

    session: object = None
    told: list = field(default_factory=list)

    def events(self, *kinds):
        return [event for event in list(self.told) if event["event"] in kinds]

    def until(self, condition, what="it"):
        """Wait until something is so, and give it."""
        end = time.monotonic() + PATIENCE
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > end or (self.session.done.is_set() and not condition()):
                raise AssertionError(f"waited in vain for {what}; told: {self.told}")
            time.sleep(0.01)

    def track_of(self, name):
        """The number of the face at the place of one of the people."""
        left, top = PLACES[name]
        middle = (left + 85) / SIZE[1], (top + 85) / SIZE[0]

        def find():
            shown = self.session.latest
            faces = shown.header()["faces"] if shown else []
            for face in faces:
                x1, y1, x2, y2 = face["box"]
                if x1 < middle[0] < x2 and y1 < middle[1] < y2:
                    return face["track"]
            return None

        return self.until(find, f"the face of {name}")

    def name_of(self, track):
        shown = self.session.latest
        return next((f["name"] for f in shown.header()["faces"] if f["track"] == track), None)


@pytest.fixture(scope="session")
def models():
    """Loaded once, and not while a session is using others: PyTorch traces them."""
    return facewise.load_detector(), facewise.load_embedder()


class NoFaces:
    """A detector that finds nothing, for tests that are about the camera or the page."""

    device = "cpu"
    settings = {"detector": "none"}  # noqa: RUF012

    def detect(self, images):
        return [facewise.Faces.empty() for _ in images]


@pytest.fixture(scope="session")
def quick(models):
    """Models that find nothing."""
    return NoFaces(), models[1]


@pytest.fixture
def watch(tmp_path, models):
    """Sessions on a source, which have begun; they are ended at the end."""
    pytest.importorskip("av")
    pytest.importorskip("scipy")
    from facewise.video.camera.feed import open_feed
    from facewise.video.camera.opening import open_session

    stack = ExitStack()

    @contextmanager
    def ended(session):
        yield
        session.stop()
        session.join()

    def begin(source, *, feed=None, start=True, **options):
        watched = Watched()
        if feed is None:
            feed = open_feed(source, rate=RATE, loop=True)
        stack.callback(feed.source.close)
        options.setdefault("out", tmp_path / "out")
        watched.session = open_session(
            stack,
            feed,
            *options.pop("models", models),
            tell=watched.told.append,
            **options,
        )
        if start:
            stack.enter_context(ended(watched.session))
            watched.session.start()
        return watched

    with stack:
        yield begin


class LostServer:
    """A camera on a TCP port that sends a clip to each who connects, and hangs up then."""

    def __init__(self, clip, *, held=False):
        self._clip = clip
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self.again = threading.Semaphore(0)
        self.served = 0
        self._held = held
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._server.accept()
                with connection:
                    if self._held and self.served:
                        self.again.acquire()
                    connection.sendall(self._clip)
                    self.served += 1
            except OSError:
                return

    def close(self):
        self._server.close()
        self.again.release(100)


@pytest.fixture
def lost_server(clips):
    servers = []

    def make(frames=20, **settings):
        times = [Fraction(i, 25) for i in range(frames)]
        servers.append(LostServer(clips.write("a.ts", times).read_bytes(), **settings))
        return servers[-1]

    yield make
    for server in servers:
        server.close()
