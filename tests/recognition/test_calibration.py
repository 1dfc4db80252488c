from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facewise.errors import FacewiseError, ModelError, ModelMismatchError
from facewise.recognition import Calibration, Far, compare, load_calibration, recognize
from facewise.recognition.calibration import (
    Counts,
    FarPoint,
    Scores,
    check_prior,
    comparable_detector,
)
from facewise.recognition.curves import IsotonicCurve, LogisticCurve
from facewise.zoo import Threshold

RED, GREEN, YELLOW = (255, 0, 0), (0, 255, 0), (255, 255, 0)


def make(embedder: Any, **changes: Any) -> Calibration:
    settings = {key: value for key, value in embedder.settings.items() if key != "precision"}
    content: dict[str, Any] = {
        "embedder": settings,
        "detector": "cells",
        "detector_settings": {"type": "CellDetector", "cell": 20},
        "far_table": (
            FarPoint(0.5, 0.1, 0.49),
            FarPoint(0.1, 0.3, 0.1),
            FarPoint(0.01, 0.6, 0.009),
            FarPoint(0.001, 0.9, 0.001),
        ),
        "curve": IsotonicCurve(((0.2, 0.01), (0.4, 0.2), (0.8, 0.95))),
        "prior": 0.5,
        "scores": {"isotonic": Scores(0.1, 0.01), "logistic": Scores(0.2, 0.02)},
        "counts": Counts(300, 100, 500, 600, 40_000),
        "measured_on": "some cells",
    }
    return Calibration(**(content | changes))


@pytest.fixture
def calibration(make_embedder: Any) -> Calibration:
    return make(make_embedder())


def test_probability_between_and_beyond_the_corners(calibration: Calibration) -> None:
    assert calibration.probability(0.2) == 0.01
    assert calibration.probability(0.3) == pytest.approx(0.105)
    assert calibration.probability(0.6) == pytest.approx(0.575)
    assert calibration.probability(-1.0) == 0.01
    assert calibration.probability(1.0) == 0.95
    many = calibration.probability(np.array([0.3, 0.6, 1], np.float32))
    np.testing.assert_allclose(many, [0.105, 0.575, 0.95], rtol=1e-6)
    assert isinstance(calibration.probability(0.3), float)


def test_another_prior_changes_the_odds(calibration: Calibration) -> None:
    # At even odds 0.2 is 1 to 4; with one genuine pair in ten it is (1 to 4) × (1 to 9).
    assert calibration.probability(0.4, prior=0.1) == pytest.approx(1 / 37)
    assert calibration.probability(0.4, prior=0.5) == pytest.approx(0.2)
    rare = replace(calibration, prior=0.1)
    assert rare.probability(0.4, prior=0.5) == pytest.approx(9 / 13)
    for prior in (0, 1, -0.1, 1e-13, math.nan):
        with pytest.raises(ValueError, match="prior: expected a number from 1e-12 to 1 - 1e-12"):
            calibration.probability(0.4, prior=prior)
    check_prior(1e-12)
    check_prior(1 - 1e-12)


def test_logistic_probability_is_cut_off(calibration: Calibration) -> None:
    curve = LogisticCurve(slope=20.0, intercept=-10.0, lowest=0.01, highest=0.9)
    logistic = replace(calibration, curve=curve)
    assert logistic.probability(0.5) == 0.5
    assert logistic.probability(0.55) == pytest.approx(1 / (1 + math.exp(-1)))
    assert logistic.probability(0.0) == pytest.approx(0.01)
    assert logistic.probability(1.0) == pytest.approx(0.9)


def test_far_between_and_beyond_what_was_measured(calibration: Calibration) -> None:
    assert calibration.far(0.1) == Far(pytest.approx(0.49), "measured")
    assert calibration.far(0.3) == Far(pytest.approx(0.1), "measured")
    assert calibration.far(0.45) == Far(pytest.approx(math.sqrt(0.1 * 0.009)), "measured")
    assert calibration.far(0.9) == Far(pytest.approx(0.001), "measured")
    assert calibration.far(0.95) == Far(0.001, "below")
    assert calibration.far(0.0) == Far(0.49, "above")
    assert str(calibration.far(0.45)) == "0.03"
    assert str(calibration.far(0.95)) == "below 0.001"


def test_no_number_means_nothing(calibration: Calibration) -> None:
    for ask in (calibration.far, calibration.probability):
        with pytest.raises(ValueError, match="similarity: expected a number, got NaN"):
            ask(math.nan)


def test_threshold(calibration: Calibration) -> None:
    assert calibration.threshold() == Threshold(0.9, 0.001, "some cells")
    assert calibration.threshold(0.01) == Threshold(0.6, 0.01, "some cells")
    between = calibration.threshold(math.sqrt(0.1 * 0.01))
    assert between.value == pytest.approx(0.45)
    assert between.measured_on == "some cells; interpolated"
    for far in (0.0001, 0.6):
        with pytest.raises(ModelError, match=rf"40,000 .* FAR 0\.001 to 0\.5, and FAR {far} is"):
            calibration.threshold(far)


def test_check(calibration: Calibration, pipeline: Any, make_embedder: Any) -> None:
    calibration.check(pipeline.embedder, pipeline.detector)
    quick = make_embedder()
    quick.candidate = replace(quick.candidate, backend="openvino", precision="bfloat16")
    assert quick.settings["precision"] == "openvino bfloat16"
    calibration.check(quick, pipeline.detector)

    with pytest.raises(ModelMismatchError, match=r"weights abab.*; this model has weights cdcd"):
        calibration.check(make_embedder("cd" * 32), pipeline.detector)
    flipped = make_embedder()
    flipped.flip = True
    with pytest.raises(ModelMismatchError, match=r"made for flip False; this model has flip True"):
        calibration.check(flipped, pipeline.detector)
    with pytest.raises(ModelMismatchError, match=r"made with cells; here it is aligned chips"):
        calibration.check(pipeline.embedder, None)
    chips = replace(calibration, detector=None, detector_settings=None)
    chips.check(pipeline.embedder, None)
    with pytest.raises(ModelMismatchError, match="made with aligned chips; here it is a detector"):
        chips.check(pipeline.embedder, pipeline.detector)


class Finder:
    """A detector with the settings it is given."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings


class OtherFinder(Finder):
    """Another detector."""


MTCNN = {
    "weights": "ab" * 32,
    "min_face_size": 20,
    "thresholds": (0.6, 0.7, 0.7),
    "factor": 0.709,
    "mode": "exact",
    "networks": "torch float32",
    "sieve": None,
}


def test_check_of_the_detector(calibration: Calibration, make_embedder: Any) -> None:
    made = Finder(**MTCNN)
    known = comparable_detector(made)
    assert known == {
        "type": "Finder",
        "weights": "ab" * 32,
        "min_face_size": 20,
        "thresholds": [0.6, 0.7, 0.7],
        "factor": 0.709,
        "mode": "exact",
    }
    calibration = replace(calibration, detector="finder", detector_settings=known)
    embedder = make_embedder()
    calibration.check(embedder, made)
    calibration.check(embedder, Finder(**MTCNN | {"networks": "openvino int8", "sieve": "ef"}))
    for key, value in [
        ("weights", "cd" * 32),
        ("min_face_size", 40),
        ("thresholds", (0.6, 0.7, 0.8)),
        ("factor", 0.8),
        ("mode", "fast"),
        ("another", 1),
    ]:
        message = f"made with finder of {key} .*; this detector has {key} .*; calibrate with what"
        with pytest.raises(ModelMismatchError, match=message):
            calibration.check(embedder, Finder(**MTCNN | {key: value}))


def test_detectors_without_weights_are_told_apart(
    calibration: Calibration, make_embedder: Any
) -> None:
    plain = replace(calibration, detector_settings=comparable_detector(Finder()))
    plain.check(make_embedder(), Finder())
    message = "made with cells of type Finder; this detector has type OtherFinder"
    with pytest.raises(ModelMismatchError, match=message):
        plain.check(make_embedder(), OtherFinder())


def test_a_detector_has_settings(calibration: Calibration) -> None:
    for lacking in ("detector", "detector_settings"):
        with pytest.raises(ValueError, match="detector: expected both its id and its settings"):
            replace(calibration, **{lacking: None})


@pytest.mark.parametrize(
    "curve",
    [IsotonicCurve(((0.2, 0.01), (0.8, 0.95))), LogisticCurve(180.0, -163.0, 0.001, 0.999)],
)
def test_saved_and_loaded(calibration: Calibration, tmp_path: Path, curve: Any) -> None:
    unknown = replace(calibration.counts, people=None)
    for saved in (
        replace(calibration, curve=curve),
        replace(calibration, curve=curve, detector=None, detector_settings=None, counts=unknown),
    ):
        saved.save(tmp_path / "new" / "calibration.json")
        assert load_calibration(tmp_path / "new" / "calibration.json") == saved
    content = json.loads((tmp_path / "new" / "calibration.json").read_text())
    assert (content["format"], content["version"]) == ("facewise-calibration", 1)


def changed(content: Any, where: str, value: Any) -> Any:
    """The content with one place changed, or removed where the value is `...`."""
    *path, last = [int(key) if key.isdigit() else key for key in where.split(".")]
    place = content
    for key in path:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("format", "x", "not a calibration file"),
        ("version", 2, "version: expected 1, got 2"),
        ("version", True, "version: expected 1, got True"),
        ("prior", 1, "prior: expected a number from"),
        ("prior", "0.5", "prior: expected a number from"),
        ("prior", math.nan, "prior: expected a number from"),
        ("prior", True, "prior: expected a number from"),
        ("prior", 1e-300, "prior: expected a number from"),
        ("prior", ..., "prior: the key is missing"),
        ("more", 1, "more: unknown key; expected format, version"),
        ("embedder", [], r"embedder: expected an object, got \[\]"),
        ("embedder.model", 1, "embedder.model: expected a text"),
        ("embedder.model", True, "embedder.model: expected the id"),
        ("detector", "mtcnn", "detector: expected an object"),
        ("detector.settings", ..., "detector.settings: the key is missing"),
        ("detector.settings", None, "detector.settings: expected an object, got None"),
        ("detector.settings.cell", math.nan, "detector.settings.cell: expected finite numbers"),
        ("detector.settings.cell", [1, {"a": math.inf}], r"cell: expected finite numbers, got inf"),
        ("detector.weights", "ab", "detector.weights: unknown key; expected id, settings"),
        ("detector.id", None, "detector.id: expected a text"),
        ("measured_on", None, "measured_on: expected a text"),
        ("counts.people", 0, "counts.people: expected a whole number above 0"),
        ("counts.images", None, "counts.images: expected a whole number above 0"),
        ("counts.images", 3.5, "counts.images: expected a whole number above 0"),
        ("far", [], "far: expected at least one threshold"),
        ("far", {}, "far: expected a list"),
        ("far.1", [0.1, 0.3, 0.1], r"far\[1\]: expected an object"),
        ("far.1.asked", 0.5, r"far\[1\]: expected a lower rate asked"),
        ("far.1.similarity", 0.05, r"far\[1\]: expected a lower rate asked"),
        ("far.2.measured", 0.011, r"far\[2\].measured: expected at most 0.01 \(asked\)"),
        ("far.2.measured", 0, r"far\[2\].measured: expected a number between 0 and 1, got 0"),
        ("far.2.similarity", math.inf, r"far\[2\].similarity: expected a number from -1 to 1"),
        ("far.2.similarity", 10**400, r"far\[2\].similarity: expected a number from -1 to 1"),
        ("probability.method", "tree", "probability.method: expected isotonic or logistic"),
        ("probability.points", [], "probability.points: expected at least one"),
        ("probability.points.1", [0.4], r"probability.points\[1\]: expected a similarity and"),
        ("probability.points.1", [0.2, 0.5], r"probability.points\[1\]: expected a greater"),
        ("probability.points.1", [0.4, 0.005], r"probability.points\[1\]: expected a greater"),
        ("probability.points.1.1", 1, r"probability.points\[1\]\[1\]: expected a number between"),
        ("probability.points.1.1", None, r"probability.points\[1\]\[1\]: expected a number"),
        ("scores.isotonic.log_loss", -1, "scores.log_loss: expected a number from 0"),
        ("scores.isotonic", 1, "scores.isotonic: expected an object"),
    ],
)
def test_content_that_is_wrong(
    calibration: Calibration, tmp_path: Path, where: str, value: Any, message: str
) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(changed(calibration.to_dict(), where, value)))
    with pytest.raises(FacewiseError, match=message) as caught:
        load_calibration(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("name", "value"), [("slope", 0.0), ("slope", -1.0), ("lowest", 0.95), ("highest", 1.0)]
)
def test_a_logistic_curve_that_is_wrong(name: str, value: float) -> None:
    right = {"slope": 1.0, "intercept": 0.0, "lowest": 0.1, "highest": 0.9}
    with pytest.raises(ValueError, match=r"probability\.(slope|highest): expected"):
        LogisticCurve(**(right | {name: value}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a calibration file"),
        (b'{"format": "facewise-calibration"}', "version: expected 1, got None"),
        (b" " * 10_000_001, "larger than 10,000,000 bytes"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_bytes(content)
    with pytest.raises(FacewiseError, match=message) as caught:
        load_calibration(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(FacewiseError, match="no such calibration file"):
            load_calibration(path)


def test_compare(calibration: Calibration, cells: Any, pipeline: Any, tmp_path: Path) -> None:
    options: Any = {"model": pipeline.embedder, "detector": pipeline.detector}
    a, b = cells(tmp_path / "a.png", [RED]), cells(tmp_path / "b.png", [YELLOW])
    calibration.save(tmp_path / "calibration.json")
    for given in (calibration, tmp_path / "calibration.json", str(tmp_path / "calibration.json")):
        answer = compare(a, b, calibration=given, **options)
        assert answer.similarity == pytest.approx(0.5**0.5, abs=1e-6)
        assert answer.probability == calibration.probability(answer.similarity)
        assert answer.far_at_similarity == calibration.far(answer.similarity)
        assert (answer.same, answer.threshold, answer.far) == (False, 0.9, 1e-3)
        assert answer.measured_on == "some cells"
    content = answer.to_dict()
    assert json.loads(json.dumps(content)) == content
    assert content["probability"] == pytest.approx(0.7759, abs=1e-4)
    assert content["far_at_similarity"] == pytest.approx(0.0041, abs=1e-4)
    assert content["far_is"] == "measured"
    assert compare(a, a, calibration=calibration, **options).to_dict()["far_is"] == "below"
    assert compare(a, b, calibration=calibration, far=0.01, **options).threshold == 0.6
    own = compare(a, b, calibration=calibration, threshold=0.7, **options)
    assert (own.same, own.far, own.measured_on) == (True, None, "given")
    assert own.probability == answer.probability
    plain = compare(a, b, **options)
    assert (plain.probability, plain.far_at_similarity) == (None, None)
    assert "probability" not in plain.to_dict()
    with pytest.raises(ModelMismatchError, match="here it is aligned chips"):
        compare(a, b, calibration=calibration, assume_cropped=True, **options)


def test_recognize(
    calibration: Calibration, cells: Any, pipeline: Any, tmp_path: Path, make_embedder: Any
) -> None:
    cells(tmp_path / "people" / "ann.png", [RED])
    photo = cells(tmp_path / "photo.png", [RED, YELLOW, GREEN])
    dark = cells(tmp_path / "dark.png", [], columns=1)
    calibration.save(tmp_path / "calibration.json")
    options: Any = {"detector": pipeline.detector, "calibration": tmp_path / "calibration.json"}
    found = recognize(
        [photo, dark, tmp_path / "no.png"],
        tmp_path / "people",
        model=pipeline.embedder,
        **options,
    )
    assert (found.threshold, found.measured_on) == (0.9, "some cells")
    faces = found.images[0].faces
    assert faces.data["name"].tolist() == ["ann", "unknown", "unknown"]
    similarity = faces.data["similarity"].astype(np.float64)
    np.testing.assert_array_equal(faces.data["probability"], calibration.probability(similarity))
    assert faces.data["far_is"].tolist() == ["below", "measured", "above"]
    assert faces.data["far_at_similarity"][1] == calibration.far(similarity[1]).rate
    record = found.images[0].to_dict()["faces"][0]
    assert list(record)[-4:] == ["similarity", "probability", "far_at_similarity", "far_is"]
    for empty in found.images[1:]:
        assert list(empty.faces.data) == list(faces.data)
    with pytest.raises(ModelMismatchError, match="this model has weights cdcd"):
        recognize(photo, tmp_path / "people", model=make_embedder("cd" * 32), **options)
