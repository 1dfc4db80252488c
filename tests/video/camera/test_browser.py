"""The page in a real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("av")
pytest.importorskip("aiohttp")
pytest.importorskip("scipy")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE = 90.0
NAME = "Zoë <b>& Co"


@pytest.fixture
def browser_page():
    """A page of Chromium, and what it has complained of and loaded."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs Chromium: apt install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="dark")
        page.set_default_timeout(PATIENCE * 1000)
        page.complaints, page.loaded = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.loaded.append(request.url))
        yield page
        browser.close()


class Camera:
    """`facewise camera` as a process."""

    def __init__(self, *arguments, folder):
        self._errors = (folder / "stderr").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "facewise", "camera", *map(str, arguments), "--json", "-"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        self.address = ""
        for line in self.process.stderr:
            self._errors.write(line)
            if line.startswith("page: "):
                self.address = line.removeprefix("page: ").strip()
            if line.startswith("Ctrl-C"):
                break
        assert self.address, Path(self._errors.name).read_text()

    def end(self, number=signal.SIGINT):
        """Its exit status, and the events it has told."""
        self.process.send_signal(number)
        told, errors = self.process.communicate(timeout=PATIENCE)
        assert not errors, errors
        return self.process.returncode, [json.loads(line) for line in told.splitlines()]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self._errors.close()


@pytest.fixture
def start(tmp_path):
    cameras = []

    def begin(*arguments):
        cameras.append(Camera(*arguments, folder=tmp_path))
        return cameras[-1]

    yield begin
    for camera in cameras:
        camera.close()


def picture(page):
    """What the canvas shows, as a text."""
    return page.evaluate("() => document.getElementById('canvas').toDataURL()")


def recorded(seconds):
    """What the page says of a recording of at least so many seconds."""
    return re.compile(rf"REC (0:0[{seconds}-9]|0:[1-5]|[1-9])")


def keep(page, name, tmp_path):
    """A screenshot; also in the folder that FACEWISE_SCREENSHOTS names."""
    folder = Path(os.environ.get("FACEWISE_SCREENSHOTS", tmp_path))
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1000
    return path


def test_click_a_face_enrol_it_save_and_record(browser_page, start, scene, people, tmp_path):
    camera = start(
        *(scene, "--loop", "--rate", 10, "--people", people, "--out", tmp_path / "out"),
        *("--port", 0),
    )
    page = browser_page
    page.goto(camera.address)
    faces = page.locator(".face")
    faces.nth(2).wait_for()
    faces.filter(has_text="obama").wait_for()
    faces.filter(has_text="biden").wait_for()
    page.locator("#here img[src]").nth(2).wait_for()
    assert page.locator("#status").inner_text() == "live"
    assert page.locator("#size").inner_text() == "640×360"

    # Click the stranger in the picture, type a name, and see it on the face.
    box = faces.filter(has_text="unknown").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator("#portrait[alt^=The]").wait_for()
    assert page.evaluate("() => document.activeElement.id") == "name"
    page.keyboard.type("a/b")
    page.keyboard.press("Enter")
    message = page.locator("#message")
    page.locator("#problem", has_text="has a '/'").wait_for()
    page.locator("#name").fill(NAME)
    keep(page, "camera-enrol", tmp_path)
    page.keyboard.press("Enter")
    faces.filter(has_text=NAME).wait_for()
    page.locator("#here b", has_text=NAME).wait_for()
    assert (people / NAME).is_dir()
    assert page.locator("b b").count() == 0  # a name is text

    # By keys alone: the third of the list, another picture of it.
    page.keyboard.press("3")
    page.locator("#portrait[alt^=The]").wait_for()
    assert page.locator("#name").input_value() == NAME
    page.keyboard.press("Escape")
    assert not page.locator("#form").is_visible()
    assert page.get_by_role("button", name=f"Select {NAME}").count() == 1

    page.keyboard.press("s")
    page.locator("#message a").wait_for()
    snapshot = tmp_path / "out" / message.locator("a").inner_text()
    assert Image.open(snapshot).size == (640, 360)

    page.get_by_role("button", name="Record").click()
    page.locator("#badge", has_text=recorded(2)).wait_for()
    keep(page, "camera", tmp_path)
    page.get_by_role("button", name="Finish").click()
    page.locator("#message a[href$='.mp4']").wait_for()
    from facewise.video import open_source

    with open_source(tmp_path / "out" / message.locator("a").inner_text()) as source:
        times = [frame.time for frame in source]
    assert times[-1] >= 2
    assert float(page.locator("#fps").inner_text()) > 1

    page.keyboard.press("p")
    page.locator("#paused").wait_for()
    still = picture(page)
    page.wait_for_timeout(400)
    assert picture(page) == still
    page.keyboard.press("p")
    page.locator("#paused").wait_for(state="hidden")
    for _ in range(100):
        if picture(page) != still:
            break
        page.wait_for_timeout(100)
    assert picture(page) != still

    # The end: a recording that goes on is finished, and the page says so.
    page.keyboard.press("r")
    page.locator("#badge", has_text=recorded(1)).wait_for()
    status, told = camera.end()
    assert status == 0
    page.locator("#banner", has_text="The camera has ended").wait_for()
    [event] = [event for event in told if event["event"] == "recorded"][1:]
    with open_source(tmp_path / "out" / event["file"]) as source:
        assert len(list(source)) == event["frames"]
    assert told[-1]["event"] == "ended"
    assert [event["name"] for event in told if event["event"] == "enrolled"] == [NAME]

    own = re.escape(camera.address)
    assert all(re.match(f"{own}|blob:", url) for url in page.loaded), page.loaded
    refused = [text for text in page.complaints if "ERR_" not in text and "422" not in text]
    assert not refused


@pytest.mark.slow  # what is behind it is seen in test_page.py
def test_a_lost_camera_in_the_browser(browser_page, start, lost_server, tmp_path):
    server = lost_server(held=True)
    camera = start(server.url, "--port", 0)
    page = browser_page
    page.goto(camera.address)
    banner = page.locator("#banner", has_text="Camera lost, retrying")
    for time in range(1, 4):
        page.locator("#events li[data-event=lost]").nth(time - 1).wait_for()
        banner.wait_for()
        if time == 3:
            keep(page, "camera-lost", tmp_path)
        server.again.release()
        page.locator("#events li[data-event=back]").nth(time - 1).wait_for()
    status, told = camera.end(signal.SIGTERM)
    assert status == 0
    kinds = [event["event"] for event in told if event["event"] in {"lost", "back"}]
    assert kinds[:6] == ["lost", "back"] * 3
