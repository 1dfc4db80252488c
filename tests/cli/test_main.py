from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import facewise as package
from facewise import cli


def test_version_and_help(facewise: Any) -> None:
    assert facewise("--version").stdout == f"facewise {package.__version__}\n"
    text = facewise("--help").stdout
    for command in ("detect", "embed", "compare", "recognize", "doctor", "models", "evaluate"):
        assert f" {command} " in text


def test_an_error_is_one_line(process: Any, tmp_path: Path) -> None:
    result = process("compare", "a.jpg", "b.jpg", "--threshold", "0.9", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout == b""
    assert result.stderr == b"error: a.jpg: no such file\n"


def test_debug_shows_where(process: Any, tmp_path: Path) -> None:
    arguments = ("compare", "a.jpg", "b.jpg", "--threshold", "0.9")
    result = process("--debug", *arguments, cwd=tmp_path)
    assert result.returncode == 1
    lines = result.stderr.decode().splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "facewise.errors.ImageError: a.jpg: no such file"


def test_debug_by_the_environment(facewise: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWISE_DEBUG", "1")
    result = facewise("compare", "a.jpg", "b.jpg", "--threshold", "0.9", status=1)
    assert type(result.exception).__name__ == "ImageError"


def test_wrong_usage(facewise: Any) -> None:
    for arguments in (
        ["no-such-command"],
        ["detect"],
        ["detect", "a.jpg", "--no-such-option"],
        ["detect", ""],
        ["detect", "a.jpg", "--min-face-size", "0"],
        ["detect", "a.jpg", "--min-score", "2"],
        ["recognize", "a.jpg"],
        ["recognize", "a.jpg", "--people", ".", "--threshold", "1.5"],
        ["recognize", "a.jpg", "--people", ".", "--far", "0"],
        ["compare", "a.jpg"],
        ["compare", "-", "-"],
        ["compare", "a.jpg", "b.jpg", "--far", "0.1", "--threshold", "0.5"],
        ["embed", "a.jpg"],
        ["embed", "a.jpg", "--json", "-", "--precision", "float31"],
        ["detect", "a.jpg", "--mode", "faster"],
        ["detect", "a.jpg", "--backend", "tensorflow"],
        ["detect", "a.jpg", "--precision", "int8"],
        ["compare", "a.jpg", "b.jpg", "--backend", ""],
        ["evaluate", "lfw", "--images", ".", "--pairs", ".", "--aligned", "--mode", "fast"],
    ):
        facewise(*arguments, status=2)


def test_the_options_of_networks_reach_them(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}

    def keep_detector(*_: object, **options: object) -> object:
        given["detector"] = {key: value for key, value in options.items() if key != "device"}
        raise package.ModelError("far enough")

    def keep_embedder(*_: object, **options: object) -> object:
        given["embedder"] = {key: value for key, value in options.items() if key != "device"}
        return object()

    monkeypatch.setattr("facewise.detection.load_detector", keep_detector)
    monkeypatch.setattr("facewise.embedding.load_embedder", keep_embedder)
    options = ["--mode", "exact", "--backend", "torch", "--precision", "bfloat16"]
    arguments = ["embed", "a.jpg", "--json", "-"]
    assert CliRunner().invoke(cli.app, [*arguments, *options]).exit_code == 1
    assert given == {
        "detector": {"mode": "exact", "backend": "torch"},
        "embedder": {"flip": None, "backend": "torch", "precision": "bfloat16"},
    }
    assert CliRunner().invoke(cli.app, arguments).exit_code == 1
    assert given == {"detector": {}, "embedder": {"flip": None}}  # their own defaults


@pytest.mark.parametrize("value", ["0", "two"])
def test_a_wrong_number_of_threads(facewise: Any, monkeypatch: Any, value: str) -> None:
    monkeypatch.setenv("FACEWISE_THREADS", value)
    result = facewise("detect", "a.jpg", status=1)
    assert result.stdout == ""
    assert result.stderr.startswith("error: FACEWISE_THREADS: expected a whole number")


def test_pytorch_is_limited_too(facewise: Any, monkeypatch: Any, examples: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        monkeypatch.setenv("FACEWISE_THREADS", "1")
        facewise("detect", examples / "photos/astronaut.jpg")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_an_unknown_model_or_device(facewise: Any, examples: Path) -> None:
    photo = examples / "photos/astronaut.jpg"
    result = facewise("detect", photo, "--detector", "mtcn", status=1)
    assert result.stderr.startswith("error: unknown model 'mtcn'; did you mean mtcnn")
    result = facewise("detect", photo, "--device", "cuda:99", status=1)
    assert result.stderr.startswith("error: device 'cuda:99': not available on this machine")
    people = examples / "people"
    result = facewise("recognize", photo, "--people", people, "--model", "mtcnn", status=1)
    assert result.stderr.startswith("error: mtcnn is a detector, not an embedder")


def test_a_file_that_cannot_be_written(facewise: Any, examples: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "faces.json"
    result = facewise("detect", examples / "photos/astronaut.jpg", "--json", target, status=1)
    assert result.stderr == f"error: {target}: cannot be written, {target.parent} is not a folder\n"


def test_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("facewise.cli.inputs.expand", interrupt)
    result = CliRunner().invoke(cli.app, ["detect", "a.jpg"])
    assert result.exit_code == 130
    assert result.stderr == "interrupted\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_while_reading(process: Any) -> None:
    def interrupt(child: subprocess.Popen[bytes]) -> None:
        assert child.stdin is not None
        # More than a pipe holds, and no end of file: after this the command is waiting for more.
        child.stdin.write(bytes(1 << 20))
        child.stdin.flush()
        child.send_signal(signal.SIGINT)

    result = process("detect", "-", meanwhile=interrupt)
    assert (result.returncode, result.stdout, result.stderr) == (130, b"", b"interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_went_away(process: Any, examples: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = process("detect", examples / "photos/astronaut.jpg", stdout=writing)
    os.close(writing)
    assert (result.returncode, result.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes and devices of POSIX")
def test_pipes_and_devices_do_not_hang(facewise: Any, examples: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    shutil.copy(examples / "photos/astronaut.jpg", tmp_path / "a.jpg")
    assert "pipe.jpg" not in facewise("detect", tmp_path).output
    result = facewise("detect", "/dev/zero", status=1)
    assert "/dev/zero: is a device, expected an image file" in result.stderr


def test_what_is_read_is_not_written_over(facewise: Any, examples: Path, tmp_path: Path) -> None:
    photo = Path(shutil.copy(examples / "photos/astronaut.jpg", tmp_path / "a.jpg"))
    content = photo.read_bytes()
    facewise("compare", photo, examples / "photos/obama.jpg", "--json", photo, status=1)
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("1\t1\nA\t1\t2\nA\t1\tB\t1\n")
    for target in (pairs, tmp_path / "lfw" / "A" / "A_0001.jpg"):
        result = facewise(
            "evaluate",
            "lfw",
            "--images",
            tmp_path / "lfw",
            "--pairs",
            pairs,
            "--json",
            target,
            status=1,
        )
        assert str(target) in result.stderr
    assert photo.read_bytes() == content
    assert pairs.read_text().startswith("1\t1")
