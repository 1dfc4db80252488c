"""`facewise camera`, without a page."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from facewise.cli import app
from facewise.gallery import Gallery

pytest.importorskip("av")
pytest.importorskip("scipy")


@pytest.fixture
def camera(monkeypatch, tmp_path, models):
    """`camera(*arguments, status=0)`: the command in this process, with models loaded before."""
    monkeypatch.setattr("facewise.cli.loading.the_detector", lambda *_, **__: models[0])
    monkeypatch.setattr("facewise.cli.loading.the_embedder", lambda *_, **__: models[1])
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FACEWISE_CAMERA_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments, status=0):
        result = CliRunner().invoke(app, ["camera", *map(str, arguments)])
        assert result.exit_code == status, (result.output, result.exception)
        return result

    return run


def test_without_a_page_it_tells_what_happens(camera, scene, people, tmp_path):
    told = camera(scene, "--rate", 10, "--no-page", "--people", people, "--json", "-", "--record")
    events = [json.loads(line) for line in told.stdout.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[:2] == ["started", "recording"]
    assert kinds[-1] == "ended"
    [recorded] = [event for event in events if event["event"] == "recorded"]
    assert (tmp_path / "camera" / recorded["file"]).stat().st_size > 1000
    words = camera(scene, "--rate", 25, "--no-page", "--json", "events.jsonl")
    assert words.stdout == ""
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines][-1] == "ended"
    words = camera(scene / "00.jpg", "--no-page").stdout.splitlines()
    assert words[0].endswith(f"started {scene / '00.jpg'}")
    assert words[-1].endswith("ended")


def test_people_who_are_made(camera, scene, tmp_path):
    camera(scene / "00.jpg", "--no-page", "--people", "new.db", status=1)
    for _ in range(2):  # the second time it is there
        camera(scene / "00.jpg", "--no-page", "--people", "new.db", "--create")
    with Gallery.open(tmp_path / "new.db") as gallery:
        assert gallery.store.counts().people == 0
    error = camera(scene / "00.jpg", "--no-page", "--people", "folk", status=1)
    assert "folk: no such folder of people" in error.stderr
    camera(scene / "00.jpg", "--no-page", "--people", "folk", "--create")
    assert (tmp_path / "folk").is_dir()


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["no/such.mp4"], 1, "no/such.mp4: no such file"),
        (["/dev/video99"], 1, "error: /dev/video99: "),
        (["--size", "large"], 2, "expected a size such as 1280x720"),
        (["--size", "0x0", "0"], 2, "size: expected"),
        (["--rate", "0"], 2, "rate: expected more than 0"),
        (["--resize", "2"], 2, "resize"),
        (["--create"], 2, "says nothing without --people"),
        (["--people", ""], 2, "--people: the name is empty"),
        ([""], 2, "the name of the camera is empty"),
        (["--key-file", "key"], 2, "without a gallery there is no key"),
        (["--fpir", "0.1", "--far", "0.1", "{scene}"], 2, "give one of them"),
        (["--token", "short", "{scene}"], 2, "token: expected at least 16"),
        (["--host", "203.0.113.1", "{scene}"], 1, "203.0.113.1:8460: cannot be listened on"),
        (["--loop", "tcp://127.0.0.1:9"], 1, "only files and pictures can be played in a loop"),
        (["--json", "{scene}", "--no-page", "{scene}"], 2, "is a directory"),
    ],
)
def test_wrong_usage(camera, scene, arguments, status, why):
    error = camera(*[text.replace("{scene}", str(scene)) for text in arguments], status=status)
    assert why in " ".join(error.stderr.replace("│", " ").split())


def test_nobody_reads_the_events_any_more(scene, people):
    """As in `facewise camera … --json - | head -1`: it ends, quietly."""
    command = [sys.executable, "-m", "facewise", "camera", str(scene), "--loop", "--rate", "5"]
    process = subprocess.Popen(
        [*command, "--no-page", "--people", str(people), "--json", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    names = set()
    while not {"obama", "biden"} <= names:
        event = json.loads(process.stdout.readline())
        assert event["event"] in {"started", "came", "named", "went"}
        names.add(event.get("name"))
    process.stdout.close()
    # The next event finds nobody: at the latest the one of its end.
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) != 0
    assert process.stderr.read() == ""
    process.stderr.close()
