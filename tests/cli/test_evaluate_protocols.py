"""Every protocol from its published layout to its figures, on small sets made of LFW's pictures."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from facewise.cli.evaluate import app
from facewise.detection import load_detector
from facewise.images import load

pytestmark = pytest.mark.shared
FOLDS, EACH = 2, 4  # pairs of each kind in a fold


@pytest.fixture(autouse=True)
def settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Callable[[str], Path]
) -> None:
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FACEWISE_WEIGHTS", str(shared("weights/mobilefacenet-ms1m-128d.pt").parent))


@pytest.fixture
def people(shared: Callable[[str], Path]) -> dict[str, list[Path]]:
    """Eight people of the first genuine pairs of LFW, each with two pictures or more."""
    folder = shared("data/lfw/lfw-deepfunneled")
    lines = shared("data/lfw/pairs.txt").read_text().splitlines()[1:40]
    names = list(dict.fromkeys(line.split("\t")[0] for line in lines))[: FOLDS * EACH]
    return {name: sorted((folder / name).glob("*.jpg"))[:3] for name in names}


def figures(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*arguments, "--json", "-"])
    assert result.exit_code == 0, (result.output, result.exception)
    content: dict[str, Any] = json.loads(result.stdout)
    [model] = content["models"]
    assert model["failed_images"] == []
    return {**model["figures"], "protocol": content["protocol"]}


def told_apart(found: dict[str, Any]) -> None:
    """Sixteen pairs of two folds, nearly all of them decided rightly."""
    assert (found["pairs"], found["failed_pairs"], len(found["folds"])) == (16, 0, 2)
    assert found["auc"] >= 0.95
    assert found["accuracy"] >= 0.8


@pytest.mark.parametrize("name", ["calfw", "cplfw"])
def test_cross_lfw(name: str, people: dict[str, list[Path]], tmp_path: Path) -> None:
    images = tmp_path / "aligned images"
    images.mkdir()
    number = "{:04d}" if name == "calfw" else "{}"
    shots = {person: [f"{person}_{number.format(i)}.jpg" for i in (1, 2)] for person in people}
    for person, files in people.items():
        for source, shot in zip(files, shots[person], strict=False):
            copyfile(source, images / shot)
    lines = []
    for place, (first, second) in enumerate(shots.values()):
        lines += [f"{file} {1 + place // EACH}" for file in (first, second)]
    rows = list(shots.values())
    for place in range(len(rows)):
        lines += [f"{file} 0" for file in (rows[place][0], rows[place - 1][1])]
    pairs = tmp_path / f"pairs_{name.upper()}.txt"
    pairs.write_text("\r\n".join(lines) + "\r\n")
    told_apart(figures(name, "--images", str(images), "--pairs", str(pairs)))


@pytest.mark.parametrize("kind", ["ff", "fp"])
def test_cfp(kind: str, people: dict[str, list[Path]], tmp_path: Path) -> None:
    root = tmp_path / "cfp"
    protocol = root / "Protocol"
    lists: dict[str, list[str]] = {"F": [], "P": []}
    for person, files in enumerate(people.values(), start=1):
        for letter, folder, sources in (("F", "frontal", files[:2]), ("P", "profile", files[1:2])):
            for shot, source in enumerate(sources, start=1):
                place = f"Data/Images/{person:03d}/{folder}/{shot:02d}.jpg"
                (root / place).parent.mkdir(parents=True, exist_ok=True)
                copyfile(source, root / place)
                lists[letter].append(f"{len(lists[letter]) + 1} ../{place}")
    protocol.mkdir()
    for letter, lines in lists.items():
        (protocol / f"Pair_list_{letter}.txt").write_text("\n".join(lines))
    for fold in range(FOLDS):
        own = range(fold * EACH, (fold + 1) * EACH)

        # Of a person i the frontal images are 2i + 1 and 2i + 2, the profile is i + 1.
        def row(a: int, b: int) -> str:
            return f"{2 * a + 1},{2 * b + 2}" if kind == "ff" else f"{2 * a + 1},{b + 1}"

        place = protocol / "Split" / kind.upper() / f"{fold + 1:02d}"
        place.mkdir(parents=True)
        (place / "same.txt").write_text("\n".join(row(i, i) for i in own))
        (place / "diff.txt").write_text("\n".join(row(i, (i + 1) % 8) for i in own))
    found = figures(f"cfp-{kind}", "--root", str(root))
    told_apart(found)


def test_agedb(people: dict[str, list[Path]], tmp_path: Path) -> None:
    images = tmp_path / "agedb"
    images.mkdir()
    shots = []
    for place, (person, files) in enumerate(people.items()):
        name = person.replace("_", "")
        pair = [f"{2 * place + i}_{name}_{30 + i}_{'fm'[place % 2]}.jpg" for i in (0, 1)]
        for source, shot in zip(files, pair, strict=False):
            copyfile(source, images / shot)
        shots.append(pair)
    lines = []
    for fold in range(FOLDS):
        own = range(fold * EACH, (fold + 1) * EACH)
        lines += [f"{shots[i][0]} {shots[i][1]} 1 {fold + 1}" for i in own]
        lines += [f"{shots[i][0]} {shots[i - 1][1]} 0 {fold + 1}" for i in own]
    pairs = tmp_path / "agedb_pairs.txt"
    pairs.write_text("\n".join(lines))
    told_apart(figures("agedb", "--images", str(images), "--pairs", str(pairs)))


def test_own_pairs(people: dict[str, list[Path]], tmp_path: Path) -> None:
    root = next(iter(people.values()))[0].parents[1]
    rows = [[f"{f.parent.name}/{f.name}" for f in files] for files in people.values()]
    lines = ["left;right;same;fold"]
    for place, files in enumerate(rows):
        fold = place // EACH
        lines += [f"{files[0]};{files[1]};1;{fold}", f"{files[0]};{rows[place - 1][1]};0;{fold}"]
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("\n".join(lines))
    told_apart(figures("pairs", "--images", str(root), "--pairs", str(pairs)))


def test_bin(shared: Callable[[str], Path], tmp_path: Path) -> None:
    folder = shared("data/lfw-aligned-112")
    lines = shared("data/lfw/pairs.txt").read_text().splitlines()
    bins, same = [], []
    for start in (1, 301, 601, 901):
        for line in lines[start : start + EACH]:
            words = line.split("\t")
            genuine = len(words) == 3
            if genuine:
                words.insert(2, words[0])
            for name, number in (words[:2], words[2:]):
                bins.append((folder / name / f"{name}_{int(number):04d}.jpg").read_bytes())
            same.append(genuine)
    pack = tmp_path / "lfw.bin"
    pack.write_bytes(pickle.dumps((bins, same), protocol=2))
    found = figures(
        "bin", "--pack", str(pack), "--folds", "2", "--aligned", "--model", "mobilefacenet"
    )
    told_apart(found)
    assert found["auc"] == 1


def test_ijb(people: dict[str, list[Path]], tmp_path: Path) -> None:
    root = tmp_path / "IJBC"
    (root / "meta").mkdir(parents=True)
    (root / "loose_crop").mkdir()
    detector = load_detector()
    faces, points, templates = [], [], {}
    for person, files in enumerate(people.values()):
        for half in (0, 1):  # two templates a person; the second of one picture or two
            template = 100 * person + half
            templates[person, half] = template
            for source in (files[:1], files[1:])[half]:
                name = f"{len(faces) + 1}.jpg"
                copyfile(source, root / "loose_crop" / name)
                image = load(source)
                [found] = detector.detect([image])
                best = found[found.order("most_central", image_size=image.shape[1::-1])[:1]]
                assert best.landmarks is not None
                numbers = " ".join(f"{v:.3f}" for v in best.landmarks.ravel())
                faces.append(f"{name} {template} {1000 + len(faces)}")
                points.append(f"{name} {numbers} {best.scores[0]:.6f}")
    pairs = [
        f"{templates[a, 0]} {templates[b, 1]} {int(a == b)}" for a in range(8) for b in range(8)
    ]
    for name, lines in (
        ("face_tid_mid", faces),
        ("name_5pts_score", points),
        ("template_pair_label", pairs),
    ):
        (root / "meta" / f"ijbc_{name}.txt").write_text("\n".join(lines))
    run = ("ijb", "--root", str(root), "--model", "mobilefacenet", "--far", "0.1")
    found = figures(*run)
    assert (found["pairs"], found["failed_pairs"]) == (64, 0)
    assert found["auc"] >= 0.99
    [point] = found["tar_at_far"]
    assert point["tar"] >= 0.85
    assert found["protocol"]["templates"] == 16
    weighted = figures(*run, "--weight-by-score")
    np.testing.assert_allclose(weighted["auc"], found["auc"], atol=0.02)
    detected = figures(*run, "--detector", "mtcnn")
    assert detected["auc"] >= 0.99
    refused = CliRunner().invoke(app, [*run, "--mode", "fast"])
    assert refused.exit_code == 2


def test_identification(people: dict[str, list[Path]], tmp_path: Path) -> None:
    gallery, probes = tmp_path / "gallery", tmp_path / "probes"
    for place, (person, files) in enumerate(people.items()):
        for folder, source in ((gallery, files[0]), (probes, files[1])):
            if folder == probes or place < 4:  # the last four are strangers
                (folder / person).mkdir(parents=True)
                copyfile(source, folder / person / source.name)
    run = ("identification", "--gallery", str(gallery), "--probes", str(probes), "--rank", "1")
    found = figures(*run, "--rank", "4", "--fpir", "0.8")
    assert (found["people"], found["mated"], found["non_mated"]) == (4, 4, 4)
    assert found["rank"]["1"] >= 0.75
    assert found["rank"]["4"] == 1
    [point] = found["dir_at_fpir"]
    assert point["dir"] >= 0.75
    both = ["--model", "dlib_resnet29", "--model", "mobilefacenet"]
    result = CliRunner().invoke(app, [*run, *both, "--json", "-"])
    [comparison] = json.loads(result.stdout)["comparisons"]
    assert sum(comparison[key] for key in ("both", "only_a", "only_b", "neither")) == 4
    report = tmp_path / "report"
    result = CliRunner().invoke(app, [*run, "--report", str(report)])
    assert result.exit_code == 0, (result.output, result.exception)
    assert "4 of people in it, 4 of others" in result.stdout
    assert (report / "report.html").read_text().count("data:image/jpeg") >= 2
