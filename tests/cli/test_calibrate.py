from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from facewise.cli.loading import probable
from facewise.recognition import load_calibration
from facewise.zoo import Threshold, get_spec

Lfw = tuple[Path, Path]
EACH = 16


@pytest.fixture(scope="module")
def lfw(shared: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Lfw:
    """One fold, as View 1 has it, with its photos; every genuine pair of other people."""
    source = shared("data/lfw/lfw-deepfunneled")
    folder = tmp_path_factory.mktemp("view1")
    lines = shared("data/lfw/pairsDevTest.txt").read_text().splitlines()[1:]
    genuine: dict[str, str] = {}
    for line in lines[:500]:
        genuine.setdefault(line.split()[0], line)
    chosen = [*list(genuine.values())[:EACH], *lines[500 : 500 + EACH]]
    (folder / "pairs.txt").write_text("\n".join([str(EACH), *chosen]))
    for line in chosen:
        words = line.split()
        if len(words) == 3:
            words.insert(2, words[0])
        for name, number in (words[:2], words[2:]):
            photo = f"{name}/{name}_{int(number):04d}.jpg"
            (folder / "lfw" / name).mkdir(parents=True, exist_ok=True)
            copyfile(source / photo, folder / "lfw" / photo)
    return folder / "lfw", folder / "pairs.txt"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the tests of this file share, so that each photo is embedded once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(facewise: Any, store: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("FACEWISE_CACHE", str(store))
    return facewise


@pytest.mark.shared
def test_pairs(run: Any, lfw: Lfw, tmp_path: Path, examples: Path) -> None:
    images, pairs = lfw
    out, record, plot = (tmp_path / name for name in ("cal.json", "record.json", "plot.svg"))
    options = ["calibrate", "--pairs", pairs, "--images", images, "--out", out]
    shown = run(*options, "--json", record, "--plot", plot)
    calibration = load_calibration(out)
    assert (calibration.model, calibration.detector) == ("dlib_resnet29.dlib", "mtcnn")
    found_by = calibration.detector_settings
    assert found_by["weights"] == get_spec("mtcnn").weights.sha256
    assert (found_by["type"], found_by["mode"]) == ("Mtcnn", "exact")
    assert found_by["thresholds"] == [0.6, 0.7, 0.7]
    assert found_by.keys() == {
        *("type", "weights", "min_face_size", "thresholds", "factor", "mode")
    }
    assert calibration.prior == 0.5
    counts = calibration.counts
    assert (counts.genuine_pairs, counts.impostor_pairs) == (EACH, EACH)
    assert counts.images == len(list(images.rglob("*.jpg")))
    assert counts.people == len(list(images.iterdir()))
    assert calibration.threshold(0.01).measured_on.startswith(
        f"lfw: {counts.impostor_comparisons:,} pairs of different people, all that "
    )
    assert calibration.probability(0.97) > 0.8
    assert calibration.probability(0.80) < 0.2
    content = json.loads(record.read_text())
    assert content["scores"] == calibration.to_dict()["scores"]
    assert content["failed_images"] == []
    assert content["model"]["weights"] == calibration.embedder["weights"]
    assert sum(row["pairs"] for row in content["reliability"]) == 2 * EACH
    assert "--out" not in content["command"]
    assert plot.read_text().endswith("</svg>\n")
    assert f"{EACH} of one person, {EACH} of two" in shown.stdout
    assert shown.stdout.count("(kept)") == 1
    assert f"calibration: {out}" in shown.stdout

    # Another run writes the same bytes.
    before = out.read_bytes(), record.read_bytes(), plot.read_bytes()
    run(*options, "--json", record, "--plot", plot)
    assert (out.read_bytes(), record.read_bytes(), plot.read_bytes()) == before

    # --spec prints what stands in the source of a spec.
    lines = run(*options, "--spec").stdout
    names: dict[str, Any] = {"Threshold": Threshold}
    exec(lines.replace("thresholds=", "thresholds = "), names)
    [points] = names["thresholds"]
    assert [point.far for point in points] == [0.01, 0.1]
    assert points[0] == calibration.threshold(0.01)
    assert [Threshold(**row) for row in content["thresholds"]] == list(points)

    # compare and recognize take it.
    a, b = examples / "people/obama/1.jpg", examples / "people/obama/2.jpg"
    told = run("compare", a, b, "--calibration", out, "--far", "0.01").stdout
    assert told.startswith("same person: probability 0.")
    assert " at this similarity), threshold 0." in told
    answer = json.loads(
        run("compare", a, b, "--calibration", out, "--far", "0.01", "--json", "-").stdout
    )
    assert answer["probability"] == calibration.probability(answer["similarity"])
    assert answer["far_is"] == "below"
    told = run("compare", a, examples / "photos/astronaut.jpg", "--calibration", out, "--far", 0.01)
    assert told.stdout.startswith("different people: probability of one person 0.")
    message = run("compare", a, b, "--calibration", out, status=1).stderr
    assert "measure FAR 0.0" in message
    assert "and FAR 0.001 is outside" in message
    flipped = {**calibration.to_dict(), "embedder": {**calibration.embedder, "flip": False}}
    (tmp_path / "other.json").write_text(json.dumps(flipped))
    message = run("compare", a, b, "--calibration", tmp_path / "other.json", status=1).stderr
    assert "made for flip False; this model has flip True" in message
    message = run(
        *("compare", a, b, "--calibration", out, "--far", "0.01", "--mode", "fast"), status=1
    ).stderr
    assert "made with mtcnn of mode exact; this detector has mode fast" in message
    photos = [examples / "photos/obama.jpg", "--people", examples / "people"]
    table = run("recognize", *photos, "--calibration", out, "--far", "0.01").stdout
    assert "probability  FAR" in table
    found = run("recognize", *photos, "--calibration", out, "--far", "0.01", "--json", "-").stdout
    [face] = json.loads(found)["images"][0]["faces"]
    assert face["probability"] == calibration.probability(face["similarity"])


@pytest.mark.shared
def test_people(run: Any, lfw: Lfw, tmp_path: Path) -> None:
    out = tmp_path / "cal.json"
    run("calibrate", "--people", lfw[0], "--out", out, "--prior", "0.1")
    calibration = load_calibration(out)
    counts = calibration.counts
    images = len(list(lfw[0].rglob("*.jpg")))
    assert counts.genuine_pairs >= EACH
    assert counts.genuine_pairs + counts.impostor_pairs == images * (images - 1) // 2
    assert counts.impostor_comparisons == counts.impostor_pairs
    assert calibration.prior == 0.1
    assert calibration.measured_on.startswith(f"lfw: {counts.impostor_pairs:,} pairs of different")


@pytest.mark.shared
def test_csv(run: Any, lfw: Lfw, tmp_path: Path) -> None:
    images, pairs = lfw
    rows = []
    for line in pairs.read_text().splitlines()[1:]:
        words = line.split()
        same = len(words) == 3
        if same:
            words.insert(2, words[0])
        first, second = (
            f"{name}/{name}_{int(number):04d}.jpg" for name, number in (words[:2], words[2:])
        )
        rows.append(f"{first},{second},{int(same)}")
    (tmp_path / "pairs.csv").write_text("\n".join(rows) + "\n")
    options = ["--images", images, "--out", tmp_path / "cal.json"]
    message = run("calibrate", "--pairs", tmp_path / "pairs.csv", *options).stdout
    assert f"{EACH} of one person, {EACH} of two" in message
    counts = load_calibration(tmp_path / "cal.json").counts
    assert counts.genuine_pairs == EACH


def test_wrong_use(facewise: Any, tmp_path: Path, examples: Path) -> None:
    people, out = examples / "people", tmp_path / "cal.json"
    for arguments, message in [
        (["--out", out], "give --pairs FILE with --images DIR, or --people DIR"),
        (["--out", out, "--pairs", "pairs.txt"], "give --pairs FILE with --images DIR"),
        (["--out", out, "--people", people, "--images", people], "--people DIR alone"),
        (["--people", people], "--out"),
        (["--people", people, "--out", "-"], "--out: expected a file"),
        (["--people", people, "--out", out, "--prior", "1"], "--prior: expected a number from"),
        (
            ["--people", tmp_path / "no", "--out", out, "--prior", "1e-13"],
            "--prior: expected a number from 1e-12 to 1 - 1e-12, got 1e-13",
        ),
        (["--people", people, "--out", out, "--plot", "a.pdf"], "ends in .svg or .png"),
        (["--people", people, "--out", out, "--model", "a+b"], "a fusion cannot be"),
        (["--people", people, "--out", out, "--aligned", "--detector", "mtcnn"], "--detector"),
    ]:
        result = facewise("calibrate", *arguments, status=2)
        assert message in " ".join(result.output.replace("│", " ").split())
    assert not out.exists()
    inside = people / "cal.json"
    message = facewise("calibrate", "--people", people, "--out", inside, status=1).stderr
    assert message == f"error: --out {inside}: lies among the images; choose another folder\n"
    message = facewise("calibrate", "--people", tmp_path / "no", "--out", out, status=1).stderr
    assert "no such folder of people" in message


def test_too_few_pictures(facewise: Any, tmp_path: Path, examples: Path) -> None:
    out = tmp_path / "cal.json"
    message = facewise("calibrate", "--people", examples / "people", "--out", out, status=1).stderr
    assert "too few to measure a false-accept rate" in message
    assert not out.exists()


def test_a_file_that_is_no_calibration(facewise: Any, tmp_path: Path, examples: Path) -> None:
    a = examples / "people/obama/1.jpg"
    (tmp_path / "cal.json").write_text("{}")
    message = facewise("compare", a, a, "--calibration", tmp_path / "cal.json", status=1).stderr
    assert message.startswith(f"error: {tmp_path / 'cal.json'}: not a calibration file")
    message = facewise("compare", a, a, "--calibration", tmp_path / "no.json", status=1).stderr
    assert message == f"error: {tmp_path / 'no.json'}: no such calibration file\n"
    kept = (tmp_path / "cal.json").read_text()
    options = ["--calibration", tmp_path / "cal.json", "--json", tmp_path / "cal.json"]
    assert "would overwrite" in facewise("compare", a, a, *options, status=1).stderr
    assert (tmp_path / "cal.json").read_text() == kept


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.5, "0.500"),
        (0.9641, "0.964"),
        (0.9971, "0.9971"),
        (0.99909, "0.99909"),
        (0.000912, "0.00091"),
    ],
)
def test_probabilities_are_told_from_certainty(probability: float, text: str) -> None:
    assert probable(probability) == text
