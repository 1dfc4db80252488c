from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import facewise
from facewise.alignment import crop
from facewise.detection import Detector
from facewise.embedding import Embedder
from facewise.recognition import compare

RED, GREEN, YELLOW = (255, 0, 0), (0, 255, 0), (255, 255, 0)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return facewise.load_detector()


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return facewise.load_embedder()


def chip_of(path: Path, detector: Detector, embedder: Embedder) -> Any:
    image = facewise.load_image(path)
    [faces] = detector.detect([image])
    assert embedder.spec.crop is not None
    [chip] = crop(image, faces.select("largest"), embedder.spec.crop)
    return chip


def test_the_same_person_and_two_people(examples: Path) -> None:
    obama = examples / "people/obama"
    same = compare(obama / "1.jpg", obama / "2.jpg")
    different = compare(obama / "1.jpg", examples / "photos/astronaut.jpg")
    assert same.same
    assert not different.same
    assert different.similarity < same.threshold <= same.similarity
    assert (same.far, same.model) == (1e-3, "dlib_resnet29.dlib")


def test_the_similarity_is_the_cosine_of_the_embeddings(
    examples: Path, detector: Detector, embedder: Embedder
) -> None:
    a, b = examples / "people/obama/1.jpg", examples / "people/biden/1.jpg"
    chips = np.stack([chip_of(path, detector, embedder) for path in (a, b)])
    u, v = embedder.embed(chips, flip=embedder.flip)
    options: Any = {"model": embedder, "detector": detector, "threshold": 0.9}
    assert compare(a, b, **options).similarity == pytest.approx(float(u @ v), abs=1e-6)
    assert compare(b, a, **options).similarity == pytest.approx(float(u @ v), abs=1e-6)
    assert compare(a, a, **options).similarity == pytest.approx(1, abs=1e-6)


def test_chips_are_embedded_as_they_are(
    examples: Path, detector: Detector, embedder: Embedder
) -> None:
    a, b = examples / "people/obama/1.jpg", examples / "people/obama/2.jpg"
    options: Any = {"model": embedder, "detector": detector, "threshold": 0.9}
    found = compare(a, b, **options)
    chips = [chip_of(path, detector, embedder) for path in (a, b)]
    cropped = compare(*chips, assume_cropped=True, **options)
    assert cropped.similarity == pytest.approx(found.similarity, abs=1e-6)
    larger = [Image.fromarray(chip).resize((300, 300), Image.Resampling.BICUBIC) for chip in chips]
    resized = compare(*larger, assume_cropped=True, **options)
    assert resized.similarity == pytest.approx(found.similarity, abs=0.01)
    with pytest.raises(facewise.ImageError, match=r"expected a square chip .* got 100×150"):
        compare(chips[0], chips[1][:, :100], assume_cropped=True, **options)


def test_the_threshold_decides(cells: Any, pipeline: Any, tmp_path: Path) -> None:
    options: Any = {"model": pipeline.embedder, "detector": pipeline.detector}
    a, b = cells(tmp_path / "a.png", [RED]), cells(tmp_path / "b.png", [YELLOW])
    answer = compare(a, b, **options)
    assert answer.similarity == pytest.approx(0.5**0.5, abs=1e-6)
    assert (answer.same, answer.threshold, answer.far) == (False, 0.8, 1e-3)
    assert answer.measured_on == "ten colours"
    assert compare(a, b, far=1e-5, **options).threshold == 0.9
    exact = compare(a, b, threshold=answer.similarity, **options)
    assert (exact.same, exact.far, exact.measured_on) == (True, None, "given")
    assert not compare(a, b, threshold=np.nextafter(answer.similarity, 1), **options).same
    with pytest.raises(ValueError, match="not both"):
        compare(a, b, threshold=0.5, far=0.1, **options)


def test_plain_values(cells: Any, pipeline: Any, tmp_path: Path) -> None:
    options: Any = {"model": pipeline.embedder, "detector": pipeline.detector}
    a, b = cells(tmp_path / "a.png", [RED]), cells(tmp_path / "b.png", [GREEN])
    assert compare(a, b, **options).to_dict() == {
        "similarity": 0.0,
        "same": False,
        "threshold": 0.8,
        "far": 1e-3,
        "model": "probe.colour",
    }


def test_several_faces(cells: Any, pipeline: Any, tmp_path: Path) -> None:
    options: Any = {"model": pipeline.embedder, "detector": pipeline.detector}
    one = cells(tmp_path / "one.png", [RED])
    row = cells(tmp_path / "row.png", [GREEN, RED, YELLOW])
    first = compare(one, row, **options)  # all are equally large
    assert first.similarity == pytest.approx(0, abs=1e-6)
    central = compare(one, row, select="most_central", **options)
    assert central.similarity == pytest.approx(1, abs=1e-6)
    assert central.notes == (f"{row}: 3 faces, the 'most_central' one was compared",)
    assert central.to_dict()["notes"] == list(central.notes)


def test_no_face(cells: Any, pipeline: Any, tmp_path: Path) -> None:
    options: Any = {"model": pipeline.embedder, "detector": pipeline.detector}
    one = cells(tmp_path / "one.png", [RED])
    dark = cells(tmp_path / "dark.png", [], columns=1)
    for pair in ((one, dark), (dark, one)):
        with pytest.raises(facewise.NoFaceError, match=r"dark\.png: no face found"):
            compare(*pair, **options)
    with pytest.raises(facewise.NoFaceError, match=r"none of its 1 faces fits.*'largest_over'"):
        compare(one, one, select="largest_over", **options)  # its score is 0.9, not above


def test_pictures_in_every_form(cells: Any, pipeline: Any, tmp_path: Path) -> None:
    options: Any = {"model": pipeline.embedder, "detector": pipeline.detector}
    path = cells(tmp_path / "a.png", [YELLOW])
    with Image.open(path) as image:
        for form in (str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), np.array(image)):
            assert compare(path, form, **options).similarity == pytest.approx(1)
    with pytest.raises(facewise.ImageError, match="no such file"):
        compare(path, tmp_path / "b.png", **options)
