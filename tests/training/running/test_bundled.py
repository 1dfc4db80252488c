"""The command that the documentation begins with, on real faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import facewise
from facewise.detection import load_detector
from facewise.images import load
from facewise.training.config import TrainConfig
from facewise.training.data.aligning import align_all
from facewise.training.data.index import FaceIndex, read_folder
from facewise.training.loop import train
from facewise.zoo import get_spec

MODEL = "dlib_resnet29.dlib"
PEOPLE, EACH = 10, 8


@pytest.fixture
def bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop builds real backbones, not the toy."""
    from facewise.training import loop
    from facewise.training.backbones import build_backbone

    monkeypatch.setattr(loop, "build_backbone", build_backbone)


@pytest.fixture
def chips(shared: Callable[[str], Path], tmp_path: Path) -> Path:
    """Chips of some people of LFW, the last half of their pictures under `test`."""
    lfw = shared("data/lfw/lfw-deepfunneled")
    folders = [each for each in sorted(lfw.iterdir()) if len(list(each.glob("*.jpg"))) >= EACH]
    files = [file for each in folders[:PEOPLE] for file in sorted(each.glob("*.jpg"))[:EACH]]
    for number, file in enumerate(files):
        kind = "train" if number % EACH < EACH // 2 else "test"
        link = tmp_path / "photos" / kind / file.parent.name / file.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
    for kind in ("train", "test"):
        index = read_folder(tmp_path / "photos" / kind)
        align_all(index, load_detector(), get_spec(MODEL), tmp_path / kind)
    return tmp_path


def gap(model: str, index: FaceIndex) -> float:
    """How much more alike the pictures of a person are than those of two people."""
    embedder = facewise.load_embedder(model, backend="torch", precision="float32")
    found = np.stack([load(str(source)) for source in index.sources])
    vectors = embedder.embed(found, flip=embedder.flip)
    similarity = vectors @ vectors.T
    same = index.labels[:, None] == index.labels
    own = same & ~np.eye(len(same), dtype=bool)
    return float(similarity[own].mean() - similarity[~same].mean())


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize("more", [(), ("optimizer", "adamw")], ids=["sgd", "adamw"])
def test_fine_tuning_on_a_few_people_makes_the_model_better(
    chips: Path, more: Sequence[str]
) -> None:
    held_out = read_folder(chips / "test")
    settings = {"data": str(chips / "train"), "aligned": True, "pretrained": MODEL}
    settings |= {"out": str(chips / "run"), "tensorboard": False, "device": "cpu"}
    train(TrainConfig.from_mapping({**settings, **dict([more] if more else [])}))
    assert gap(str(chips / "run"), held_out) > gap(MODEL, held_out) + 0.003
