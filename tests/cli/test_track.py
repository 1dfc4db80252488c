"""`facewise track`."""

from __future__ import annotations

import io
import json
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import facewise as package

pytest.importorskip("av")
pytest.importorskip("scipy")

from facewise.cli.track.spool import JsonSpool
from facewise.video import VideoWriter, open_source


@pytest.fixture(scope="session")
def picture(examples):
    """Obama and a stranger beside each other."""
    heads = []
    for path in ("photos/obama.jpg", "photos/astronaut.jpg"):
        image = package.load_image(examples / path)
        [x1, y1, x2, y2] = package.detect(image)[0].select().boxes[0]
        middle, half = np.array([x1 + x2, y1 + y2]) / 2, (y2 - y1) * 0.9
        low, high = np.maximum(middle - half, 0).astype(int), (middle + half).astype(int)
        heads.append(cv2.resize(image[low[1] : high[1], low[0] : high[0]], (130, 130)))
    picture = np.full((150, 300, 3), 110, np.uint8)
    picture[10:140, 10:140], picture[10:140, 160:290] = heads
    return picture


@pytest.fixture
def clip(picture, tmp_path):
    return write(tmp_path / "clip.mp4", picture, 12)


def write(path, picture, frames):
    path.parent.mkdir(exist_ok=True)
    with VideoWriter(path) as writer:
        for i in range(frames):
            writer.write(picture, i / 25)
    return path


def content(path):
    return json.loads(path.read_text())


def test_everything_at_once(facewise, clip, examples, tmp_path):
    out = tmp_path / "out"
    result = facewise(
        "track", clip, "--people", examples / "people", "--out", out / "a.mp4",
        "--json", out / "a.json", "--parquet", out / "a.parquet", "--timeline", out / "t.png",
        "--contact-sheet", out / "c.jpg", "--chips", out / "chips", "--subtitles", out / "a.vtt",
    )  # fmt: skip
    assert "obama" in result.stdout
    assert "person 1" in result.stdout
    assert str(out / "a.mp4") in result.stdout
    [video] = content(out / "a.json")["videos"]
    assert content(out / "a.json")["model"] == "dlib_resnet29.dlib"
    assert video["video"] == str(clip)
    assert video["error"] is None
    assert [one["label"] for one in video["people"]] == ["obama", "person 1"]
    assert len(video["faces"]) == 24
    assert {row["name"] for row in video["faces"]} == {"obama", "unknown"}
    from pyarrow import parquet

    assert parquet.read_table(out / "a.parquet").num_rows == 24
    with open_source(out / "a.mp4") as source:
        assert len(list(source)) == 12
    assert package.load_image(out / "t.png").shape[1] == 1600
    assert package.load_image(out / "c.jpg").ndim == 3
    assert {folder.name for folder in (out / "chips").iterdir()} == {"obama", "person 1"}
    assert "obama, person 1" in (out / "a.vtt").read_text()
    assert len(list(out.iterdir())) == 7


def test_json_alone_on_standard_output(facewise, clip):
    result = facewise("track", clip, "--json", "-", "--no-names")
    [video] = json.loads(result.stdout)["videos"]
    assert [one["label"] for one in video["people"]] == ["track 1", "track 2"]
    assert json.loads(result.stdout)["model"] is None


def test_a_part_of_it(facewise, clip, tmp_path):
    facewise(
        "track",
        clip,
        "--json",
        tmp_path / "a.json",
        "--start",
        "0:0.2",
        "--stop",
        "0.36",
        "--no-names",
    )
    [video] = content(tmp_path / "a.json")["videos"]
    assert (video["first_time"], video["last_time"], video["frames"]) == (0.2, 0.32, 4)


def test_one_bad_video_does_not_stop_the_others(facewise, clip, picture, tmp_path):
    write(tmp_path / "more" / "clip.mp4", picture, 5)
    (tmp_path / "more" / "broken.mp4").write_bytes(b"no video")
    result = facewise(
        "track", clip, tmp_path / "more", tmp_path / "none.mp4", "--no-names",
        "--json", tmp_path / "a.json", "--out", tmp_path / "out" / "{name}.mkv", status=1,
    )  # fmt: skip
    assert "failed: 2 of 4" in result.stderr
    assert "none.mp4: no such file" in result.stderr
    videos = content(tmp_path / "a.json")["videos"]
    assert [bool(video["error"]) for video in videos] == [False, True, False, True]
    assert [video.get("frames") for video in videos] == [12, None, 5, None]
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["clip-2.mkv", "clip.mkv"]


def test_a_video_that_breaks_off_is_done_up_to_there(facewise, picture, tmp_path):
    whole = write(tmp_path / "a.mkv", picture, 60)
    part = tmp_path / "part.mkv"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = facewise(
        "track",
        part,
        "--no-names",
        "--json",
        tmp_path / "a.json",
        "--out",
        tmp_path / "o.mkv",
        status=1,
    )
    assert "read only in part" in result.stderr
    [video] = content(tmp_path / "a.json")["videos"]
    assert 0 < video["frames"] < 60
    assert video["error"]
    with open_source(tmp_path / "o.mkv") as source:
        assert len(list(source)) == video["frames"]


def test_pictures_and_standard_input(facewise, clip, picture, tmp_path, monkeypatch):
    folder = tmp_path / "shots"
    folder.mkdir()
    for i in range(3):
        cv2.imwrite(str(folder / f"{i}.png"), picture[:, :, ::-1])
    result = facewise("track", folder, "--no-names", "--rate", "2", "--json", "-")
    assert [row["time"] for row in json.loads(result.stdout)["videos"][0]["faces"]][::2] == [
        0,
        0.5,
        1,
    ]
    stream = io.TextIOWrapper(io.BytesIO(clip.read_bytes()))
    from facewise.cli.track import videos

    monkeypatch.setattr(videos.sys, "stdin", stream)
    found = videos.expand(["-"])[0]
    with videos.readable_twice(found) as copy, open_source(copy) as source:
        assert len(list(source)) == 12
    assert found.name == "standard input"


def covered(path, box):
    """Whether a box of the first frame is all of one colour."""
    with open_source(path) as source:
        image = next(iter(source)).image
    x1, y1, x2, y2 = np.round(box).astype(int)
    return bool((np.abs(image[y1:y2, x1:x2].astype(int) - 32).max(axis=2) < 40).mean() > 0.95)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], (True, True)),
        (["--people", "PEOPLE", "--whom", "named"], (True, False)),
        (["--people", "PEOPLE", "--whom", "everyone", "--spare", "obama"], (False, True)),
        (["--cover", "person 1"], (True, False)),
    ],
)
def test_anonymise(facewise, clip, picture, examples, tmp_path, options, expected):
    options = [str(examples / "people") if one == "PEOPLE" else one for one in options]
    facewise("track", clip, "--anonymise", "solid", "--out", tmp_path / "o.mp4", *options)
    faces = package.detect(picture)[0]
    left, right = sorted(faces.boxes.tolist())
    assert (covered(tmp_path / "o.mp4", left), covered(tmp_path / "o.mp4", right)) == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--anonymise", "blur"], "--out FILE"),
        (["--anonymise", "blur", "--out", "x.mp4", "--whom", "named"], "needs --people"),
        (["--whom", "named"], "go with --anonymise"),
        (["--anonymise", "blur", "--out", "x.mp4", "--cover", "a", "--spare", "b"], "give one"),
        (["--people", "x", "--no-names"], "give one of them"),
        (["--start", "2", "--stop", "1"], "after --start"),
        (["--start", "1:x"], "expected seconds"),
        (["--timeline", "x.txt"], "expected a name that ends in"),
        (["--subtitles", "x.txt"], "expected a name that ends in"),
        (["--resize", "2"], "resize"),
        (["--key-file", "x", "--out", "x.mp4"], "--key-file"),
        (["--no-names", "--hardware", "abacus"], "hardware: expected auto or one of"),
        (["--no-names", "--rate", "0"], "rate: expected more than 0"),
    ],
)
def test_wrong_usage(facewise, clip, tmp_path, monkeypatch, options, text):
    monkeypatch.chdir(tmp_path)
    result = facewise("track", clip, *options, status=2)
    assert text in " ".join(result.stderr.replace("│", " ").split())
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["clip.mp4"]


def test_several_videos_want_names_in_the_results(facewise, clip, picture, tmp_path):
    other = write(tmp_path / "other.mp4", picture, 3)
    result = facewise("track", clip, other, "--out", tmp_path / "x.mp4", status=2)
    assert "{name}" in result.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--out", "x.txt"], "expected a name that ends in .mp4"),
        (["--out", "clip.mp4"], "would overwrite"),
        (["--json", "clip.mp4"], "would overwrite"),
        (["--out", "x.mp4", "--parquet", "x.mp4"], "named for two results"),
        (["--chips", "."], "is not empty"),
        (
            ["--out", "x.mp4", "--anonymise", "blur", "--spare", "obma", "--people", "PEOPLE"],
            "nobody is called obma",
        ),
        (["--people", "PEOPLE", "--out", "PEOPLE/x.mp4"], "lies among the images"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    facewise, clip, examples, tmp_path, monkeypatch, options, text
):
    monkeypatch.chdir(tmp_path)
    options = [one.replace("PEOPLE", str(examples / "people")) for one in options]
    result = facewise("track", "clip.mp4", *options, status=1)
    assert text in result.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["clip.mp4"]


def test_a_gallery_may_say_who_is_known(facewise, clip, examples, tmp_path):
    store = tmp_path / "people.db"
    facewise("gallery", "create", store)
    facewise("gallery", "enrol", store, examples / "people")
    result = facewise("track", clip, "--people", store, "--json", "-")
    labels = [one["label"] for one in json.loads(result.stdout)["videos"][0]["people"]]
    assert labels == ["obama", "person 1"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_an_interruption_leaves_no_half_file(process, picture, tmp_path):
    clip = write(tmp_path / "in" / "clip.mp4", picture, 250)
    out = tmp_path / "out"

    def interrupt(child):
        until = time.monotonic() + 100
        while child.poll() is None and time.monotonic() < until:
            drafts = list(out.glob(".*")) if out.exists() else []
            if any(draft.stat().st_size for draft in drafts if draft.exists()):
                child.send_signal(signal.SIGINT)
                break
            time.sleep(0.01)

    result = process(
        "track", clip, "--no-names", "--out", out / "a.mp4", "--json", out / "a.json",
        meanwhile=interrupt,
    )  # fmt: skip
    assert result.returncode == 130, result.stderr
    assert list(out.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_being_asked_to_end_leaves_no_half_file(facewise, clip, tmp_path, monkeypatch, name):
    from facewise.video.results import chips

    number = getattr(signal, name)

    def ask(*_):
        assert list((tmp_path / "out").glob(".*"))
        assert signal.getsignal(number) != signal.SIG_DFL
        signal.raise_signal(number)

    monkeypatch.setattr(chips, "_save", ask)
    before = signal.getsignal(number)
    facewise(
        "track", clip, "--no-names", "--chips", tmp_path / "out" / "chips", "--json",
        tmp_path / "a.json", status=128 + number,
    )  # fmt: skip
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "a.json").exists()
    assert signal.getsignal(number) is before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_json_for_which_there_is_no_space_is_named():
    with JsonSpool(Path("/dev/full"), None) as spool, pytest.raises(OSError, match="/dev/full"):
        spool.deliver()


def test_a_live_source_is_written_as_it_comes(facewise, clip, tmp_path, monkeypatch):
    from functools import partial

    from facewise import video

    monkeypatch.setattr(video, "open_source", partial(open_source, real_time=True))
    facewise(
        "track", clip, "--no-names", "--out", tmp_path / "o.mp4", "--json", tmp_path / "a.json"
    )
    [found] = content(tmp_path / "a.json")["videos"]
    with open_source(tmp_path / "o.mp4") as source:
        assert len(list(source)) == found["frames"] > 0
    for options in (
        ["--anonymise", "blur", "--out", tmp_path / "p.mp4"],
        ["--chips", tmp_path / "c"],
    ):
        result = facewise("track", clip, *options, status=1)
        assert "comes only once" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} - {"cache"} == {"clip.mp4", "o.mp4", "a.json"}


def test_subtitles_fit_the_video_that_is_written(facewise, picture, tmp_path):
    clip = write(tmp_path / "long.mp4", picture, 50)
    begins = {}
    for name, more in {"source": [], "part": ["--out", tmp_path / "part.mp4"]}.items():
        file = tmp_path / f"{name}.vtt"
        facewise("track", clip, "--start", 1, "--subtitles", file, *more)
        begins[name] = next(
            line.split(" --> ")[0] for line in file.read_text().splitlines() if " --> " in line
        )
    assert begins == {"source": "00:00:01.000", "part": "00:00:00.000"}
