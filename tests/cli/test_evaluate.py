from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from facewise.cli.evaluate import app
from facewise.cli.evaluate.models import split_fusion
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


def record(lfw: Lfw, *arguments: str, status: int = 0) -> dict[str, Any]:
    result = invoke("lfw", lfw, "--json", "-", *arguments)
    assert result.exit_code == status, result.output
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def only_model(content: dict[str, Any]) -> dict[str, Any]:
    [model] = content["models"]
    entry: dict[str, Any] = model
    return entry


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
    model, protocol = only_model(content), content["protocol"]
    figures = model["figures"]
    assert figures["accuracy"] == sum(figures["folds"]) / 2
    assert figures["accuracy"] >= 0.75
    assert figures["auc"] >= 0.9
    assert [point["note"] for point in figures["tar_at_far"]] == [
        "not measurable with 8 impostor pairs"
    ] * 3
    assert -1 < figures["threshold"] < 1
    assert figures["threshold_source"] == "best on the other folds"
    assert (figures["pairs"], figures["failed_pairs"]) == (16, 0)
    assert model["failed_images"] == []
    assert protocol["images"] == len(list(lfw[0].rglob("*.jpg")))
    assert (protocol["genuine"], protocol["impostor"], protocol["folds"]) == (8, 8, 2)
    assert protocol["sha256"] == hashlib.sha256(lfw[1].read_bytes()).hexdigest()
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.relative_to(lfw[0]).as_posix()}\n"
        for file in sorted(lfw[0].rglob("*.jpg"))
    ]
    assert protocol["data_sha256"] == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert (model["model"], content["conditions"]["detector"]) == ("dlib_resnet29.dlib", "mtcnn")
    assert model["weights"] == get_spec("dlib_resnet29").weights.sha256
    settings = content["conditions"]["detector_settings"]
    assert settings["weights"] == get_spec("mtcnn").weights.sha256
    assert content["conditions"]["aligned"] is False
    assert model["crop"] == "EyeCornerCrop(size=150, padding=0.25)"
    assert content["conditions"]["versions"].keys() >= {
        "facewise",
        "python",
        "torch",
        "numpy",
        "opencv",
        "pillow",
    }
    assert content["command"].split()[-4:] == ["--images", str(lfw[0]), "--pairs", str(lfw[1])]
    assert content["comparisons"] == []
    rows = dict(re.split("  +", line.strip(), maxsplit=1) for line in result.stdout.splitlines())
    assert rows["model"].startswith("dlib_resnet29.dlib, with flip, ")
    assert rows["pairs"] == "16 in 2 folds"
    assert rows["accuracy ± sd"].startswith(f"{figures['accuracy']:.4f} ± ")
    assert rows["AUC"] == f"{figures['auc']:.5f}"
    assert rows["TAR at FAR 0.001"] == "not measurable with 8 impostor pairs"

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
    whole = only_model(record(lfw))["figures"]
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
    content = record(lfw, status=1)  # one of them could not be read
    assert only_model(content)["failed_images"] == expected
    failed = only_model(content)["figures"]
    assert (failed["pairs"], failed["failed_pairs"]) == (16, 2)
    assert content["conditions"]["missing"] == "fail"
    assert failed["accuracy"] < whole["accuracy"]
    content = record(lfw, "--missing", "drop", status=1)
    assert only_model(content)["failed_images"] == expected
    dropped = only_model(content)["figures"]
    assert (dropped["pairs"], dropped["failed_pairs"]) == (14, 2)
    assert content["conditions"]["missing"] == "drop"
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
    content = only_model(record(lfw, "--folds", "1"))["figures"]
    assert content["pairs"] == 8
    assert content["folds"] == [content["accuracy"]]
    assert content["accuracy_std"] is None
    assert content["threshold"] == 0.93
    assert content["threshold_source"] == "for FAR 0.001, measured on a test"


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
    content = record(lfw, "--aligned", "--model", "mobilefacenet")
    plain = only_model(content)
    assert plain["figures"]["accuracy"] == 1
    assert (content["conditions"]["aligned"], plain["flip"]) == (True, False)
    assert content["conditions"]["detector"] is None
    assert content["conditions"]["detector_settings"] is None
    assert only_model(record(lfw, "--aligned", "--model", "mobilefacenet")) == plain  # the cache
    flipped = only_model(record(lfw, "--aligned", "--model", "mobilefacenet", "--flip"))
    assert flipped["flip"] is True
    assert flipped["figures"]["threshold"] != plain["figures"]["threshold"]


@pytest.mark.shared
def test_models_side_by_side_and_fused(
    lfw: Lfw, shared: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = shared("weights/mobilefacenet-ms1m-128d.pt")
    mobile = f"mobilefacenet={weights}"
    models = ("--model", "dlib_resnet29", "--model", mobile, "--model", f"dlib_resnet29+{mobile}")
    content = record(lfw, *models)
    first, second, fused = content["models"]
    assert fused["model"] == "dlib_resnet29.dlib+mobilefacenet.ms1m"
    parts = fused["parts"]
    assert [part["model"] for part in parts] == ["dlib_resnet29.dlib", "mobilefacenet.ms1m"]
    assert sum(part["share"] for part in parts) == pytest.approx(1)
    assert parts[0]["share"] > parts[1]["share"]  # dlib's similarities lie close together
    assert [(each["a"], each["b"]) for each in content["comparisons"]] == [
        (first["model"], second["model"]),
        (first["model"], fused["model"]),
        (second["model"], fused["model"]),
    ]
    for each in content["comparisons"]:
        assert sum(each[key] for key in ("both", "only_a", "only_b", "neither")) == 16
        assert each["p_single"] <= each["p_value"] <= 1
    alone = only_model(record(lfw, "--model", mobile))
    assert alone["figures"] == second["figures"]
    shown = invoke("lfw", lfw, *models).stdout
    assert "dlib_resnet29.dlib against mobilefacenet.ms1m" in shown

    again = invoke("lfw", lfw, "--model", "dlib_resnet29", "--model", "dlib_resnet29.dlib")
    assert "is named twice" in str(again.exception)
    itself = invoke("lfw", lfw, "--model", "dlib_resnet29+dlib_resnet29")
    assert itself.exit_code == 2


@pytest.mark.shared
def test_view_1_decides_by_its_training_pairs(lfw: Lfw, tmp_path: Path) -> None:
    lines = lfw[1].read_text().splitlines()
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("\n".join(["4", *lines[1:9]]))
    test.write_text("\n".join(["4", *lines[9:]]))
    content = record((lfw[0], test), "--threshold-pairs", str(train))
    figures = only_model(content)["figures"]
    assert figures["threshold_source"] == "best on 8 other pairs"
    # Two folds, of which each decides by the other: the second fold's threshold is this one.
    both = only_model(record(lfw))["figures"]
    assert figures["accuracy"] == both["folds"][1]
    given = only_model(record((lfw[0], test), "--threshold", "0.9"))["figures"]
    assert (given["threshold"], given["threshold_source"]) == (0.9, "given")
    twice = invoke("lfw", (lfw[0], test), "--threshold", "0.9", "--threshold-pairs", str(train))
    assert twice.exit_code == 2
    outside = invoke("lfw", (lfw[0], test), "--threshold", "1.2")
    assert outside.exit_code == 2


@pytest.mark.shared
def test_a_fusion_is_weighted_as_its_threshold_was_chosen(
    lfw: Lfw, tmp_path: Path, shared: Callable[[str], Path]
) -> None:
    weights = shared("weights/mobilefacenet-ms1m-128d.pt")
    lines = lfw[1].read_text().splitlines()
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("\n".join(["4", *lines[1:9]]))
    test.write_text("\n".join(["4", *lines[9:]]))
    model = ("--model", f"dlib_resnet29+mobilefacenet={weights}")

    def shares(pairs: Path, *arguments: str) -> list[float]:
        parts = only_model(record((lfw[0], pairs), *model, *arguments))["parts"]
        return [part["share"] for part in parts]

    chosen = shares(test, "--threshold-pairs", str(train))
    assert chosen == shares(train, "--threshold", "0.8")
    assert chosen != shares(test, "--threshold", "0.8")


@pytest.mark.shared
def test_two_weights_of_one_architecture(
    lfw: Lfw, shared: Callable[[str], Path], tmp_path: Path
) -> None:
    weights = shared("weights/mobilefacenet-ms1m-128d.pt")
    other, same = tmp_path / "other.pt", tmp_path / "same.pt"
    state = torch.load(weights, weights_only=True, map_location="cpu")
    name = next(key for key, value in state.items() if value.ndim == 4)
    torch.save(state | {name: state[name] * 1.5}, other)
    same.symlink_to(weights)
    one, two, again = (f"mobilefacenet={file}" for file in (weights, other, same))
    content = record(lfw, "--model", one, "--model", two)
    first, second = content["models"]
    assert first["model"] == f"mobilefacenet.ms1m@{first['weights'][:8]}"
    assert second["model"] == f"mobilefacenet.ms1m@{second['weights'][:8]}"
    assert first["weights"] != second["weights"]
    twice = invoke("lfw", lfw, "--model", one, "--model", again)
    assert "is named twice" in str(twice.exception)
    assert invoke("lfw", lfw, "--model", f"{one}+{again}").exit_code == 2


@pytest.mark.shared
def test_when_all_images_fail_the_error_says_why(lfw: Lfw) -> None:
    for file in lfw[0].rglob("*.jpg"):
        file.write_bytes(b"no image")
    message = failure("lfw", lfw)
    assert message.startswith("16 of 16 pairs could not be compared")
    assert "/Abdullah_Gul_0007.jpg (not an image file that Pillow can read) and 22 more" in message


@pytest.mark.shared
def test_which_face_counts(lfw: Lfw) -> None:
    assert record(lfw)["conditions"]["select"] == "most_central"
    content = record(lfw, "--select", "largest")
    assert content["conditions"]["select"] == "largest"
    assert "--select largest" in content["command"]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--far", "2"], "--far: expected a rate in (0, 1), got 2"),
        (["--far", "nan"], "--far: expected a rate in (0, 1), got nan"),
        (["--threshold", "1.2"], "--threshold: expected a similarity in [-1, 1], got 1.2"),
    ],
)
def test_wrong_values_are_refused_before_anything_is_done(
    lfw: Lfw, arguments: list[str], message: str, cache: Path
) -> None:
    result = invoke("lfw", lfw, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())
    assert not cache.exists()


@pytest.mark.shared
def test_groups(lfw: Lfw, tmp_path: Path) -> None:
    people = sorted(folder.name for folder in lfw[0].iterdir())
    groups = tmp_path / "groups.csv"
    groups.write_text("\n".join(f"{name},{'early' if name < 'E' else 'late'}" for name in people))
    entry = only_model(record(lfw, "--groups", str(groups)))["groups"]
    assert [row["group"] for row in entry["rows"]] == ["early", "late"]
    assert sum(row["pairs"] for row in entry["rows"]) + entry["mixed_pairs"] == 16
    assert entry["warning"] is None
    shown = invoke("lfw", lfw, "--groups", str(groups)).stdout
    assert "by group, at" in shown
    groups.write_text("Nobody,early")
    assert "have no group" in failure("lfw", lfw, "--groups", str(groups))


@pytest.mark.shared
def test_report(lfw: Lfw, tmp_path: Path) -> None:
    page = tmp_path / "report"
    result = invoke("lfw", lfw, "--report", str(page), "--json", str(tmp_path / "one.json"))
    assert result.exit_code == 0, result.output
    assert str(page / "report.html") in result.stdout
    content = json.loads((tmp_path / "one.json").read_text())
    assert json.loads((page / "report.json").read_text()) == content
    html = (page / "report.html").read_text()
    assert content["protocol"]["data_sha256"] in html
    assert f"{only_model(content)['figures']['accuracy']:.4f}" in html or "100" in html
    assert html.count("data:image/jpeg;base64,") >= 4
    first = (page / "report.html").read_bytes(), (page / "report.json").read_bytes()
    assert invoke("lfw", lfw, "--report", str(page)).exit_code == 0
    assert ((page / "report.html").read_bytes(), (page / "report.json").read_bytes()) == first


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("a", ("a",)),
        ("a+b", ("a", "b")),
        ("a=FILE+b", ("a=FILE", "b")),
        ("b+a=FILE", ("b", "a=FILE")),
        ("FILE", ("FILE",)),
    ],
)
def test_a_plus_in_a_file_name_is_no_fusion(
    word: str, parts: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "c++.pt"
    file.touch()
    expected = tuple(part.replace("FILE", str(file)) for part in parts)
    assert split_fusion(word.replace("FILE", str(file))) == expected


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
