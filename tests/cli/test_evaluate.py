from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from facewise.cli.evaluate import app
from facewise.errors import ProtocolError
from facewise.zoo import Threshold, get_spec, registry

Lfw = tuple[Path, Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def threshold(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give the default embedder measured thresholds, or none."""

    def give(*thresholds: Threshold) -> None:
        spec = replace(get_spec("dlib_resnet29.dlib"), thresholds=thresholds)
        monkeypatch.setitem(registry._specs, spec.id, spec)

    return give


@pytest.fixture
def lfw(shared: Callable[[str], Path], tmp_path: Path) -> Lfw:
    """Two folds of four genuine and four impostor pairs, with their photos."""
    source = shared("data/lfw/lfw-deepfunneled")
    lines = shared("data/lfw/pairs.txt").read_text().splitlines()[1:]
    chosen = [line for start in (0, 300, 600, 900) for line in lines[start : start + 4]]
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("\n".join(["2\t4", *chosen]))
    for line in chosen:
        words = line.split("\t")
        if len(words) == 3:
            words.insert(2, words[0])
        for name, number in (words[:2], words[2:]):
            photo = f"{name}/{name}_{int(number):04d}.jpg"
            (tmp_path / "lfw" / name).mkdir(parents=True, exist_ok=True)
            copyfile(source / photo, tmp_path / "lfw" / photo)
    return tmp_path / "lfw", pairs


def invoke(command: str, lfw: Lfw, *arguments: str) -> Result:
    images, pairs = lfw
    return CliRunner().invoke(
        app, [command, "--images", str(images), "--pairs", str(pairs), *arguments]
    )


def record(lfw: Lfw, *arguments: str) -> dict[str, Any]:
    result = invoke("lfw", lfw, "--json", "-", *arguments)
    assert result.exit_code == 0, result.output
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def failure(command: str, lfw: Lfw, *arguments: str) -> str:
    """The error that `facewise` turns into a line and exit status 1."""
    result = invoke(command, lfw, *arguments)
    assert isinstance(result.exception, ProtocolError)
    return str(result.exception)


@pytest.mark.shared
def test_end_to_end(lfw: Lfw, tmp_path: Path, cache: Path) -> None:
    result = invoke("lfw", lfw, "--json", str(tmp_path / "one.json"))
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "one.json").read_text())
    assert content["accuracy"] == sum(content["folds"]) / 2
    assert content["accuracy"] >= 0.75
    assert content["auc"] >= 0.9
    assert content["tar_at_far"] == {"0.01": None, "0.001": None}
    assert -1 < content["threshold"] < 1
    assert content["threshold_source"] == "best on the other folds"
    assert (content["pairs"], content["failed_pairs"]) == (16, 0)
    assert content["failed_images"] == []
    assert content["images"] == len(list(lfw[0].rglob("*.jpg")))
    assert (content["model"], content["detector"]) == ("dlib_resnet29.dlib", "mtcnn")
    assert content["weights"] == get_spec("dlib_resnet29").weights.sha256
    assert content["detector_settings"]["weights"] == get_spec("mtcnn").weights.sha256
    assert content["aligned"] is False
    assert content["crop"] == "EyeCornerCrop(size=150, padding=0.25)"
    assert content["versions"].keys() == {
        "facewise",
        "python",
        "torch",
        "numpy",
        "opencv",
        "pillow",
    }
    rows = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert rows["model"].startswith("dlib_resnet29.dlib, with")
    assert rows["pairs"].strip() == "16 in 2 folds"
    assert rows["accuracy"].startswith(f"{content['accuracy']:.4f} ± ")
    assert rows["AUC"].strip() == f"{content['auc']:.5f}"
    assert "TAR at FAR 0.001  too few pairs to measure" in result.stdout

    # The cache is filled; a second run, with it or without, writes the same bytes.
    assert (cache / "results.sqlite").exists()
    for again in ("--cache", "--no-cache"):
        assert invoke("lfw", lfw, "--json", str(tmp_path / "two.json"), again).exit_code == 0
        assert (tmp_path / "two.json").read_bytes() == (tmp_path / "one.json").read_bytes()


@pytest.mark.shared
def test_no_cache_leaves_nothing(lfw: Lfw, cache: Path) -> None:
    record(lfw, "--no-cache")
    assert not (cache / "results.sqlite").exists()


@pytest.mark.shared
def test_images_without_a_face(lfw: Lfw) -> None:
    whole = record(lfw)
    images, _ = lfw
    blank, damaged = (
        images / "Abel_Pacheco/Abel_Pacheco_0001.jpg",
        sorted(images.rglob("*.jpg"))[-1],
    )
    Image.new("RGB", (250, 250), "grey").save(blank)
    damaged.write_bytes(b"no image")
    name = damaged.relative_to(images).as_posix()
    expected = [
        {"image": "Abel_Pacheco/Abel_Pacheco_0001.jpg", "reason": "no face found"},
        {"image": name, "reason": "not an image file that Pillow can read"},
    ]
    failed = record(lfw)
    assert failed["failed_images"] == expected
    assert (failed["pairs"], failed["failed_pairs"], failed["missing"]) == (16, 2, "fail")
    assert failed["accuracy"] < whole["accuracy"]
    dropped = record(lfw, "--missing", "drop")
    assert dropped["failed_images"] == expected
    assert (dropped["pairs"], dropped["failed_pairs"], dropped["missing"]) == (14, 2, "drop")
    assert dropped["accuracy"] > failed["accuracy"]

    shown = invoke("lfw", lfw).stdout
    assert "2 pairs, counted as wrong" in shown
    assert "Abel_Pacheco/Abel_Pacheco_0001.jpg: no face found" in shown
    assert "2 pairs, left out" in invoke("lfw", lfw, "--missing", "drop").stdout


@pytest.mark.shared
def test_one_fold_takes_the_threshold_of_the_model(
    lfw: Lfw, threshold: Callable[..., None]
) -> None:
    threshold(Threshold(0.93, 1e-3, "a test"))
    content = record(lfw, "--folds", "1")
    assert content["pairs"] == 8
    assert content["folds"] == [content["accuracy"]]
    assert content["accuracy_std"] is None
    assert content["threshold"] == 0.93
    assert content["threshold_source"] == "fixed for FAR 0.001, measured on a test"


@pytest.mark.shared
def test_one_fold_without_a_threshold(lfw: Lfw, threshold: Callable[..., None]) -> None:
    threshold()
    message = failure("lfw", lfw, "--folds", "1")
    assert message.startswith("one fold alone has no others to choose a threshold on")
    assert "no threshold has been measured for dlib_resnet29.dlib" in message


@pytest.mark.shared
def test_aligned(
    shared: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = shared("weights/mobilefacenet-ms1m-128d.pt")
    monkeypatch.setenv("FACEWISE_WEIGHTS", str(weights.parent))
    lines = shared("data/lfw/pairs.txt").read_text().splitlines()
    chosen = [line for start in (1, 301, 601, 901) for line in lines[start : start + 3]]
    (tmp_path / "pairs.txt").write_text("\n".join(["2 3", *chosen]))
    lfw = shared("data/lfw-aligned-112"), tmp_path / "pairs.txt"
    plain = record(lfw, "--aligned", "--model", "mobilefacenet")
    assert plain["accuracy"] == 1
    assert (plain["aligned"], plain["flip"]) == (True, False)
    assert (plain["detector"], plain["detector_settings"]) == (None, None)
    flipped = record(lfw, "--aligned", "--model", "mobilefacenet", "--flip")
    assert flipped["flip"] is True
    assert flipped["threshold"] != plain["threshold"]


@pytest.mark.shared
def test_thresholds(lfw: Lfw, tmp_path: Path) -> None:
    shown = invoke("thresholds", lfw)
    assert shown.exit_code == 0, shown.output
    names: dict[str, Any] = {"Threshold": Threshold}
    exec(shown.stdout.replace("thresholds=", "thresholds = "), names)
    [[point]] = names["thresholds"]
    assert point.far == 0.1
    assert 0.8 < point.value < 1
    assert "pairs of different people, all that" in point.measured_on
    assert point.measured_on.endswith("; mtcnn") or point.measured_on.endswith("; mtcnn, flip")

    file = tmp_path / "thresholds.json"
    assert invoke("thresholds", lfw, "--json", str(file)).exit_code == 0
    assert [Threshold(**each) for each in json.loads(file.read_text())] == [point]


@pytest.mark.shared
def test_wrong_use(lfw: Lfw) -> None:
    for arguments, message in [
        (["--aligned", "--detector", "mtcnn"], "take no --detector"),
        (["--folds", "0"], "--folds"),
        (["--missing", "ignore"], "--missing"),
    ]:
        result = invoke("lfw", lfw, *arguments)
        assert result.exit_code == 2
        assert message in " ".join(result.output.replace("│", " ").split())
    assert "has 2 folds, and 3 were asked for" in failure("lfw", lfw, "--folds", "3")
    next(lfw[0].rglob("*.jpg")).unlink()
    assert "are missing" in failure("lfw", lfw)
