"""`facewise gallery identify --calibration` and `--out`, with real pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facewise import Gallery, load_detector, load_embedder
from facewise.errors import ModelMismatchError
from facewise.gallery.thresholds import far_for
from facewise.recognition import Calibration, load_calibration
from facewise.recognition.calibration import (
    Counts,
    FarPoint,
    Scores,
    comparable,
    comparable_detector,
)
from facewise.recognition.curves import LogisticCurve


@pytest.fixture
def store(facewise: Any, examples: Path, tmp_path: Path) -> Path:
    """A gallery of the example people."""
    path = tmp_path / "people.db"
    facewise("gallery", "create", path)
    facewise("gallery", "enrol", path, examples / "people")
    return path


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    """Of the default models, with rates that nobody has measured."""
    path = tmp_path / "calibration.json"
    Calibration(
        embedder=comparable(load_embedder()),
        detector="mtcnn",
        detector_settings=comparable_detector(load_detector()),
        far_table=(
            FarPoint(0.1, 0.85, 0.1),
            FarPoint(0.005, 0.90, 0.005),
            FarPoint(0.001, 0.95, 0.001),
            FarPoint(0.0001, 0.9999, 0.0001),
        ),
        curve=LogisticCurve(30.0, -27.0, 0.001, 0.999),
        prior=0.5,
        scores={"logistic": Scores(0.1, 0.01), "isotonic": Scores(0.2, 0.02)},
        counts=Counts(300, 100, 500, 600, 40_000),
        measured_on="some faces",
    ).save(path)
    return path


def identified(facewise: Any, *arguments: object) -> Any:
    return json.loads(facewise("gallery", "identify", *arguments, "--json", "-").stdout)


def test_a_calibration_gives_the_threshold_and_says_how_probable_it_is(
    facewise: Any, store: Path, examples: Path, calibration: Path
) -> None:
    photos = examples / "photos"
    found = identified(facewise, store, photos, "--calibration", calibration)
    assert found["far"] == pytest.approx(far_for(0.01, found["comparisons"]))
    assert 0.85 < found["threshold"] <= 0.95
    meaning = load_calibration(calibration)
    faces = [face for image in found["images"] for face in image["faces"]]
    assert len(faces) == 5
    for face in faces:
        assert (face["name"] == "unknown") == (face["similarity"] < found["threshold"])
        assert face["probability"] == pytest.approx(meaning.probability(face["similarity"]))
        assert face["far_is"] in ("measured", "above", "below")
        assert face["far_at_similarity"] == meaning.far(face["similarity"]).rate
    strict = identified(facewise, store, photos, "--calibration", calibration, "--far", "0.0001")
    assert strict["threshold"] == 0.9999
    assert {f["name"] for image in strict["images"] for f in image["faces"]} == {"unknown"}
    shown = facewise("gallery", "identify", store, photos, "--calibration", calibration).stdout
    assert "probability  FAR" in shown
    assert "on some faces" in shown
    without = identified(facewise, store, photos)
    assert "probability" not in without["images"][0]["faces"][0]


def test_a_calibration_of_other_models_is_refused(
    facewise: Any, store: Path, examples: Path, calibration: Path
) -> None:
    photo = examples / "photos/obama.jpg"
    message = facewise(
        *("gallery", "identify", store, photo, "--calibration", calibration, "--mode", "fast"),
        status=1,
    ).stderr
    assert "made with mtcnn of mode exact; this detector has mode fast" in message
    content = json.loads(calibration.read_text())
    content["embedder"]["flip"] = not content["embedder"]["flip"]
    calibration.write_text(json.dumps(content))
    with Gallery.open(store) as gallery:
        decide = gallery.threshold(threshold=0.9)
        with pytest.raises(ModelMismatchError, match="made for flip"):
            gallery.identify(photo, decide, calibration=load_calibration(calibration))


def test_what_was_read_is_not_overwritten(
    facewise: Any, store: Path, examples: Path, calibration: Path
) -> None:
    arguments = ["gallery", "identify", store, examples / "photos/obama.jpg"]
    for option in ("--calibration", calibration), ("--out", store.parent / "out"):
        for path in (store, calibration) if option[0] == "--calibration" else (store,):
            before = path.read_bytes()
            message = facewise(*arguments, *option, "--json", path, status=1).stderr
            assert "would overwrite" in message
            assert path.read_bytes() == before


def test_pictures_with_names_drawn_on_them(
    facewise: Any, store: Path, examples: Path, tmp_path: Path
) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    (photos / "deep").mkdir(parents=True)
    for name in ("obama.jpg", "deep/montage.jpg"):
        (photos / name).write_bytes((examples / "photos" / Path(name).name).read_bytes())
    (photos / "broken.jpg").write_bytes(b"broken")
    arguments = ["gallery", "identify", store, photos, "--out", out]
    result = facewise(*arguments, status=1)
    assert result.stderr.startswith("failed: 1 of 3\n")
    assert {p.relative_to(out).as_posix() for p in out.rglob("*.*")} == {
        "obama.jpg",
        "deep/montage.jpg",
    }
    [montage] = [image for image in _images(facewise, arguments) if "montage" in image["image"]]
    drawn = np.asarray(Image.open(out / "deep/montage.jpg").convert("RGB")).astype(int)
    plain = np.asarray(Image.open(photos / "deep/montage.jpg").convert("RGB")).astype(int)
    assert drawn.shape == plain.shape
    for face in montage["faces"]:
        x1, y1, x2, y2 = (round(side) for side in face["box"])
        edge = drawn[(y1 + y2) // 2, x1 - 1 : x1 + 2]  # of the box, half way down
        colour = (240, 150, 40) if face["name"] == "unknown" else (0, 200, 120)
        assert np.abs(edge - colour).sum(axis=1).min() < 150
        inside = slice(y1 + 25, y2 - 25), slice(x1 + 25, x2 - 25)
        assert np.abs(drawn[inside] - plain[inside]).mean() < 6  # the face itself stays as it is
    assert facewise(*arguments, "--top", "1", status=1).stdout  # what it drew it may draw again
    Image.new("RGB", (9, 9)).save(out / "obama.jpg")
    assert "was not drawn by facewise" in facewise(*arguments, status=1).stderr


def _images(facewise: Any, arguments: list[Any]) -> Any:
    return json.loads(facewise(*arguments, "--json", "-", status=1).stdout)["images"]


def test_a_bad_picture_of_standard_input_has_its_name(
    facewise: Any, tmp_path: Path, examples: Path
) -> None:
    store = tmp_path / "people.db"
    facewise("gallery", "create", store)
    facewise("gallery", "enrol", store, examples / "people")
    result = facewise("gallery", "identify", store, "-", status=1, input=b"no picture")
    assert "  -: not an image file that Pillow can read" in result.stderr
