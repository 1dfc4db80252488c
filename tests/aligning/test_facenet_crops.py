"""Chips beside facenet-pytorch's own, on real faces."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from PIL import Image

import facewise
from facewise.aligning import align_folder
from facewise.alignment import MarginCrop
from facewise.recognition.folders import pictures_in

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(
        importlib.util.find_spec("facenet_pytorch") is None, reason="facenet-pytorch is missing"
    ),
]


@pytest.mark.parametrize(
    ("size", "margin", "choice", "method"),
    [
        (160, 32, "largest", "largest"),
        (182, 44, "most_central", "center_weighted_size"),
    ],
)
def test_margin_crops_are_those_of_facenet_pytorch(
    examples, tmp_path, size, margin, choice, method
):
    from facenet_pytorch import MTCNN

    theirs = MTCNN(image_size=size, margin=margin, selection_method=method)
    detector = facewise.load_detector()
    work = align_folder(
        examples,
        tmp_path / "chips",
        detector=detector,
        crop=MarginCrop(size, margin),
        choice=choice,
    )
    seen = 0
    for path in pictures_in(examples):
        with Image.open(path) as image:
            theirs(image.convert("RGB"), save_path=str(tmp_path / "theirs.png"))
        with Image.open(tmp_path / "theirs.png") as image:
            expected = np.asarray(image)
        chip = (tmp_path / "chips" / path.relative_to(examples)).with_suffix(".png")
        assert np.array_equal(facewise.load_image(chip), expected), path
        seen += 1
    assert seen == work.cut >= 5


@pytest.mark.shared
def test_every_face_of_a_group_photo(shared, tmp_path):
    from facenet_pytorch import MTCNN

    source = shared("data/photos/multiface.jpg")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/group.jpg").write_bytes(source.read_bytes())
    theirs = MTCNN(image_size=160, margin=32, keep_all=True, select_largest=False)
    with Image.open(source) as image:
        theirs(image, save_path=str(tmp_path / "theirs.png"))
    align_folder(
        tmp_path / "photos",
        tmp_path / "chips",
        detector=facewise.load_detector(),
        crop=MarginCrop(160, 32),
        choice="all",
    )
    ours = [tmp_path / f"chips/group_{i}.png" for i in range(6)]
    others = [tmp_path / f"theirs{'' if i == 0 else f'_{i + 1}'}.png" for i in range(6)]
    for pair in zip(ours, others, strict=True):
        assert np.array_equal(*map(facewise.load_image, pair))
    assert not (tmp_path / "chips/group_6.png").exists()
