"""Small data sets in the published layouts, of LFW's pictures, and a network that knows faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import pytest

from facewise.detection import Detector, load_detector
from facewise.images import load

HALF = 4  # people of a fold; there are two


@pytest.fixture(scope="session")
def faces(shared: Callable[[str], Path]) -> dict[str, list[Path]]:
    """Eight people of the first genuine pairs of LFW, each with two pictures to four."""
    folder = shared("data/lfw/lfw-deepfunneled")
    lines = shared("data/lfw/pairs.txt").read_text().splitlines()[1:40]
    names = list(dict.fromkeys(line.split("\t")[0] for line in lines))[: 2 * HALF]
    return {name: sorted((folder / name).glob("*.jpg"))[:4] for name in names}


@pytest.fixture(scope="session")
def mtcnn() -> Detector:
    return load_detector()


@pytest.fixture(scope="session")
def network(shared: Callable[[str], Path]) -> Any:
    """Network in evaluation mode and spec of a MobileFaceNet that learns no more."""
    from facewise.training.backbones import build_backbone

    weights = shared("weights/mobilefacenet-ms1m-128d.pt")
    module, spec = build_backbone("mobilefacenet", pretrained=f"mobilefacenet={weights}")
    return module.eval(), spec


def _cross_lfw(form: str, faces: dict[str, list[Path]], root: Path) -> str:
    number = "{:04d}" if form == "calfw" else "{}"
    shots = [[f"{name}_{number.format(i)}.jpg" for i in (1, 2)] for name in faces]
    for files, names in zip(faces.values(), shots, strict=True):
        for source, name in zip(files, names, strict=False):
            copyfile(source, root / name)
    lines = [f"{name} {1 + i // HALF}" for i, names in enumerate(shots) for name in names]
    for i in range(len(shots)):
        lines += [f"{shots[i][0]} 0", f"{shots[i - 1][1]} 0"]
    (root / "pairs.txt").write_text("\n".join(lines))
    return f"{form}:{root / 'pairs.txt'}:{root}"


def _agedb(_: str, faces: dict[str, list[Path]], root: Path) -> str:
    shots = []
    for i, (person, files) in enumerate(faces.items()):
        names = [f"{2 * i + j}_{person}_{30 + j}_f.jpg" for j in (0, 1)]
        for source, name in zip(files, names, strict=False):
            copyfile(source, root / name)
        shots.append(names)
    lines = []
    for i in range(len(shots)):
        lines += [f"{shots[i][0]} {shots[i][1]} 1 {1 + i // HALF}"]
        lines += [f"{shots[i][0]} {shots[i - 1][1]} 0 {1 + i // HALF}"]
    (root / "pairs.txt").write_text("\n".join(lines))
    return f"agedb:{root / 'pairs.txt'}:{root}"


def _cfp(form: str, faces: dict[str, list[Path]], root: Path) -> str:
    (root / "Protocol").mkdir()
    lists: dict[str, list[str]] = {"F": [], "P": []}
    for i, files in enumerate(faces.values(), start=1):
        for letter, kind, sources in (("F", "frontal", files[:2]), ("P", "profile", files[1:2])):
            for shot, source in enumerate(sources, start=1):
                place = f"Data/Images/{i:03d}/{kind}/{shot:02d}.jpg"
                (root / place).parent.mkdir(parents=True, exist_ok=True)
                copyfile(source, root / place)
                lists[letter].append(f"{len(lists[letter]) + 1} ../{place}")
    for letter, lines in lists.items():
        (root / "Protocol" / f"Pair_list_{letter}.txt").write_text("\n".join(lines))
    for fold in (0, 1):
        own = range(fold * HALF, (fold + 1) * HALF)
        second = [2 * i + 2 if form == "cfp-ff" else i + 1 for i in range(len(faces))]
        folder = root / "Protocol" / "Split" / form[4:].upper() / f"{fold + 1:02d}"
        folder.mkdir(parents=True)
        (folder / "same.txt").write_text("\n".join(f"{2 * i + 1},{second[i]}" for i in own))
        (folder / "diff.txt").write_text("\n".join(f"{2 * i + 1},{second[i - 1]}" for i in own))
    return f"{form}:{root}"


def _identification(_: str, faces: dict[str, list[Path]], root: Path) -> str:
    for i, (person, files) in enumerate(faces.items()):
        for kind, sources in (("gallery", files[:1]), ("probes", files[1:])):
            if kind == "probes" or i < HALF:  # the others are strangers
                (root / kind / person).mkdir(parents=True)
                for source in sources:
                    copyfile(source, root / kind / person / source.name)
    return f"identification:{root / 'gallery'}:{root / 'probes'}"


_PAIRS: dict[str, Callable[[str, dict[str, list[Path]], Path], str]] = {
    "calfw": _cross_lfw,
    "cplfw": _cross_lfw,
    "agedb": _agedb,
    "cfp-ff": _cfp,
    "cfp-fp": _cfp,
    "identification": _identification,
}


@pytest.fixture
def made(faces: dict[str, list[Path]], tmp_path: Path) -> Callable[[str], str]:
    """`made(form)`: the word of a data set of that form, made in a folder of its own."""

    def make(form: str) -> str:
        root = tmp_path / form
        root.mkdir()
        return _PAIRS[form](form, faces, root)

    return make


@pytest.fixture(scope="session")
def landmarks(faces: dict[str, list[Path]], mtcnn: Detector) -> dict[Path, Any]:
    """Of each picture those that MTCNN found, (5, 2)."""
    points: dict[Path, Any] = {}
    for file in (file for files in faces.values() for file in files):
        pixels = load(file)
        [found] = mtcnn.detect([pixels])
        best = found.select("most_central", image_size=(pixels.shape[1], pixels.shape[0]))
        assert best.landmarks is not None
        points[file] = best.landmarks[0]
    return points


@pytest.fixture
def ijb(faces: dict[str, list[Path]], landmarks: dict[Path, Any], tmp_path: Path) -> Path:
    """IJB-B with two templates a person, and landmarks that MTCNN found."""
    root = tmp_path / "ijb"
    (root / "meta").mkdir(parents=True)
    (root / "loose_crop").mkdir()
    images, points = [], []
    for person, files in enumerate(faces.values()):
        for half, sources in enumerate((files[:1], files[1:])):
            for place, source in enumerate(sources):
                name = f"{len(images) + 1}.jpg"
                copyfile(source, root / "loose_crop" / name)
                numbers = " ".join(f"{v:.3f}" for v in np.ravel(landmarks[source]))
                medium = len(images) - (place == 1)  # the first two are of one video
                images.append(f"{name} {10 * person + half} {medium}")
                points.append(f"{name} {numbers} 0.99")
    pairs = [f"{10 * a} {10 * b + 1} {int(a == b)}" for a in range(8) for b in range(8)]
    for name, lines in (
        ("face_tid_mid", images),
        ("name_5pts_score", points),
        ("template_pair_label", pairs),
    ):
        (root / "meta" / f"ijbb_{name}.txt").write_text("\n".join(lines))
    return root
