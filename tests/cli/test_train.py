from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image as PILImage

from facewise.training import loop
from facewise.training.config import load_config

SHORT = ["--batch-size", "4", "--epochs", "1", "--device", "cpu", "--no-tensorboard"]


@pytest.fixture(scope="module")
def chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five people with four chips each: patterns with noise."""
    root = tmp_path_factory.mktemp("chips") / "people"
    rng = np.random.default_rng(1)
    for person in "abcde":
        (root / person).mkdir(parents=True)
        pattern = rng.integers(0, 256, (14, 14, 3)).repeat(8, axis=0).repeat(8, axis=1)
        for number in range(4):
            noisy = np.clip(pattern + rng.normal(0, 20, pattern.shape), 0, 255)
            PILImage.fromarray(noisy.astype(np.uint8)).save(root / person / f"{number}.png")
    return root


def steps(run: Path) -> list[dict[str, str]]:
    with (run / "log.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_folder_of_people_becomes_a_model(
    facewise: Any, chips: Path, examples: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    options = ["--data", chips, "--aligned", "--backbone", "mobilefacenet", "--loss", "arcface"]
    result = facewise("train", *options, *SHORT, "--loss-option", "margin=0.3", "--out", run)
    assert result.stdout == f"5 steps\nmodel: {run} (--model {run})\n"
    assert [row["step"] for row in steps(run)] == ["1", "2", "3", "4", "5"]
    config = load_config(run / "config.yaml")
    assert (config.data, config.loss, config.loss_options) == (
        str(chips),
        "arcface",
        {"margin": 0.3},
    )
    photos = [examples / "photos", "--people", examples / "people"]
    found = facewise("recognize", *photos, "--model", run, "--threshold", "0.99", "--json", "-")
    assert json.loads(found.stdout)["model"] == "mobilefacenet.run"


def test_the_same_by_yaml_and_in_two_sittings(
    facewise: Any, chips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = loop._Run._step

    def interrupted(run: Any, *arguments: Any) -> None:
        step(run, *arguments)
        if run._parts.progress.step == 3:
            signal.raise_signal(signal.SIGTERM)

    settings = {"data": str(chips), "aligned": True, "batch_size": 4, "epochs": 1, "device": "cpu"}
    settings |= {"tensorboard": False, "backbone": "mobilefacenet", "lr": 0.01}
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(settings))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    facewise("train", "--config", file, "--out", whole)
    with monkeypatch.context() as patch:
        patch.setattr(loop._Run, "_step", interrupted)
        result = facewise("train", "run", "--config", file, "--out", parts, status=143)
    assert result.stderr.startswith("stopped by SIGTERM, and saved; go on with: facewise train")
    assert len(steps(parts)) == 3
    assert facewise("train", "--out", parts, "--resume").stdout.startswith("5 steps\n")
    assert [r["loss"] for r in steps(parts)] == [r["loss"] for r in steps(whole)]
    model = (whole / "model.safetensors").read_bytes()
    assert model == (parts / "model.safetensors").read_bytes()
    result = facewise("train", "--out", parts, "--resume", "--lr", "0.02", status=1)
    assert result.stderr.startswith("error: lr: the run was begun with 0.01 and cannot go on with")
    result = facewise("train", "--config", file, "--out", parts, status=1)
    assert result.stderr == (
        f"error: {parts}: holds a run; resume it (--resume), or choose another folder\n"
    )


def test_fine_tuning_the_bundled_model(facewise: Any, examples: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    from facewise.embedding.architectures import ARCHITECTURES
    from facewise.runtime.weights import read_tensors
    from facewise.training.heads import head_parameters
    from facewise.zoo import get_spec, weights_path

    run = tmp_path / "run"
    start = ["--backbone", "dlib_resnet29", "--pretrained", "dlib_resnet29.dlib"]
    learn = ["--freeze", "head-only", "--loss", "triplet", "--loss-option", "mining=all"]
    size = ["--batch-size", "4", "--pictures-each", "2", "--lr", "0.1", "--max-steps", "2"]
    data = ["--data", examples / "people", "--no-tensorboard", "--device", "cpu"]
    facewise("train", *data, *start, *learn, *size, "--out", run)
    before = read_tensors(weights_path(get_spec("dlib_resnet29.dlib")))
    after = load_file(run / "model.safetensors")
    head = head_parameters(ARCHITECTURES["dlib_resnet29"]())
    changed = {name for name, tensor in after.items() if (tensor != before[name].float()).any()}
    assert changed == head


def test_names_are_predicted(facewise: Any, examples: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ["--data", examples / "people", "--backbone", "mobilefacenet", "--batch-size", "2"]
    learn = ["--task", "classify", "--epochs", "4", "--lr", "0.01", "--device", "cpu"]
    facewise("train", *options, *learn, "--no-tensorboard", "--out", run)
    photo = examples / "photos" / "obama.jpg"
    result = facewise("train", "predict", run, photo, "--least", "0", "--json", "-")
    [image] = json.loads(result.stdout)["images"]
    [face] = image["faces"]
    assert face["name"] in ("biden", "obama")
    assert 0.5 <= face["probability"] <= 1
    shown = facewise("train", "predict", run, photo, "--least", "1")
    assert re.fullmatch(rf"{re.escape(str(photo))}: unknown \(0\.\d+\)\n", shown.stdout)
    result = facewise("train", "predict", tmp_path, photo, status=1)
    assert "names nobody; expected the folder of a run with the task classify" in result.stderr


def test_chips_are_cut_for_a_backbone(facewise: Any, examples: Path, tmp_path: Path) -> None:
    out = tmp_path / "chips"
    arguments = ["align", examples / "people", "--backbone", "mobilefacenet", "--out", out]
    assert facewise(*arguments).stdout == f"3 chips of 112×112 pixels: {out}\n"
    assert facewise(*arguments).stdout == f"0 chips of 112×112 pixels, 3 were there: {out}\n"
    files = sorted(path.relative_to(out).as_posix() for path in out.glob("*/*.png"))
    assert files == ["biden/1.png", "obama/1.png", "obama/2.png"]
    with PILImage.open(out / files[0]) as chip:
        assert chip.size == (112, 112)
    wrong = ["align", examples / "people", "--out", examples / "people" / "chips"]
    assert "lies among the photos" in facewise(*wrong, status=1).stderr


def test_index_and_split(facewise: Any, chips: Path, tmp_path: Path) -> None:
    (tmp_path / "people").symlink_to(chips)
    index, train, test = (tmp_path / f"{name}.csv" for name in ("all", "train", "test"))
    result = facewise("train", "index", tmp_path / "people", "--out", index)
    assert result.stdout == f"20 pictures of 5 people: {index}\n"
    rows = index.read_text().splitlines()
    assert rows[:2] == ["path,person", "people/a/0.png,a"]
    facewise("train", "split", index, "--share", "0.4", "--train", train, "--test", test)
    people = [
        {line.split(",")[1] for line in file.read_text().splitlines()[1:]} for file in (train, test)
    ]
    assert people[0] & people[1] == set()
    assert people[0] | people[1] == set("abcde")
    result = facewise(
        "train", "split", index, "--share", "2", "--train", train, "--test", test, status=2
    )
    assert "--share: expected a share between 0 and 1, got 2" in result.stderr


def test_overlap(facewise: Any, examples: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for name, picture in {"Obama": "obama/2.jpg", "somebody": "obama/1.jpg"}.items():
        (other / name).mkdir(parents=True)
        (other / name / "1.jpg").write_bytes((examples / "people" / picture).read_bytes())
    result = facewise("train", "overlap", examples / "people", other, status=1)
    lines = result.stdout.splitlines()
    assert lines[0] == "name: obama = Obama"
    assert sorted(re.sub(r" \(.*", "", line) for line in lines[1:3]) == [
        "face: obama = Obama",
        "face: obama = somebody",
    ]
    assert lines[3] == f"2 of 2 people of {other} stand in {examples / 'people'}"
    (other / "Obama").rename(other / "else")
    assert facewise("train", "overlap", examples / "people", other, "--no-faces").stdout == (
        f"0 of 2 people of {other} stand in {examples / 'people'}\n"
    )


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--data", "a"], 2, "out: expected a folder for the run"),
        (["--out", "run"], 2, "data: expected a folder of people"),
        (["--data", "a", "--out", "run", "--epochs", "0"], 2, "epochs: expected a number at least"),
        (
            ["--data", "a", "--out", "run", "--loss-option", "m"],
            2,
            "--loss-option m: expected NAME",
        ),
        (["--data", "a", "--out", "run", "--optimizer", "sdg"], 2, "'sdg' is not one of"),
        (["--data", "a", "index", "b", "--out", "c"], 2, "options of a training go after `run`"),
        (["--data", "none", "--out", "run"], 1, "none: expected a folder of people, or a .csv"),
        (["--config", "none.yaml"], 1, "none.yaml: cannot be read"),
    ],
)
def test_wrong_usage(
    facewise: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    assert message in facewise("train", *options, status=status).stderr


def test_a_file_with_a_wrong_setting(facewise: Any, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("data: a\nout: b\nepoch: 3\n")
    result = facewise("train", "--config", file, status=1)
    assert result.stderr.startswith(f"error: {file}: unknown setting 'epoch'; the settings are")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(
    process: Any, chips: Path, tmp_path: Path, number: signal.Signals
) -> None:
    run = tmp_path / "run"

    def interrupt(child: subprocess.Popen[bytes]) -> None:
        while child.poll() is None and not (run / "checkpoints").is_dir():
            time.sleep(0.05)
        child.send_signal(number)

    options = ["--data", chips, "--aligned", "--batch-size", "4", "--epochs", "10000"]
    options += ["--device", "cpu", "--out", run]
    result = process("train", *options, meanwhile=interrupt)
    assert result.returncode == 128 + number
    said = f"stopped by {number.name}, and saved; go on with: facewise train --out {run} --resume\n"
    assert result.stderr.decode() == said
    last = max(path.name for path in (run / "checkpoints").glob("step-*"))
    assert int(last.removeprefix("step-")) == len(steps(run))
