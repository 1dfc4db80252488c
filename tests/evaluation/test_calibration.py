from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from cell_probe import probe_embedder
from facewise.embedding import Embedder
from facewise.errors import ProtocolError
from facewise.evaluation import calibration as module
from facewise.evaluation.calibration import PARTS, calibrate, make_calibration
from facewise.evaluation.metrics.calibration import expected_calibration_error, log_loss
from facewise.evaluation.people_pairs import pair_people, picture_weights
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.protocols.pairs_csv import read_pairs_csv
from facewise.evaluation.thresholds import OperatingPoints
from facewise.recognition.curves import IsotonicCurve, LogisticCurve
from facewise.zoo import get_spec

SLOPE, CENTRE = 30.0, 0.4


def truly(similarity: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-SLOPE * (similarity - CENTRE)))


def logistic_pairs(n: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Pairs that are genuine with a known probability, half of them."""
    rng = np.random.default_rng(seed)
    similarity = rng.uniform(0.1, 0.7, n)
    return similarity, rng.random(n) < truly(similarity)


def folds_of(n: int, k: int = 5) -> NDArray[np.intp]:
    return np.arange(n) % k


def embedder() -> Embedder:
    return probe_embedder("probe.plain", torch.nn.Flatten(), 16)


def world(people: int, each: int = 3, seed: int = 0) -> tuple[PairProtocol, NDArray[np.float32]]:
    """Vectors of people around their own directions, with all genuine pairs and as many others."""
    rng = np.random.default_rng(seed)
    names = [f"p{i:03d}" for i in range(people) for _ in range(each)]
    centres = np.repeat(rng.normal(size=(people, 16)), each, axis=0)
    vectors = (centres + rng.normal(size=centres.shape) * 0.6).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    n = len(names)
    genuine = [(i, j) for i in range(n) for j in range(i) if names[i] == names[j]]
    impostors = [(i, (7 * i + k) % n) for k in (11, 20) for i in range(n)]
    impostors = [(i, j) for i, j in impostors if names[i] != names[j]][: len(genuine)]
    pairs = np.array(genuine + impostors, np.intp)
    protocol = PairProtocol(
        name="world",
        sha256="0" * 64,
        images=tuple(Path(f"{i}.jpg") for i in range(n)),
        names=tuple(f"{i}.jpg" for i in range(n)),
        people=tuple(names),
        pairs=pairs,
        same=np.arange(len(pairs)) < len(genuine),
        folds=np.zeros(len(pairs), np.intp),
    )
    return protocol, vectors


def test_the_true_probability_is_found() -> None:
    similarity, same = logistic_pairs(4000)
    prior = float(same.mean())
    fit = calibrate(similarity, same, folds=folds_of(4000), prior=prior)
    assert isinstance(fit.curve, LogisticCurve)
    assert fit.scores["logistic"].log_loss < fit.scores["isotonic"].log_loss
    assert fit.curve.slope == pytest.approx(SLOPE, rel=0.1)
    assert -fit.curve.intercept / fit.curve.slope == pytest.approx(CENTRE, abs=0.01)
    new, is_so = logistic_pairs(4000, seed=1)
    assert expected_calibration_error(fit.curve(new), is_so) < 0.02
    for method in ("isotonic", "logistic"):
        assert fit.scores[method].expected_calibration_error < 0.03


def test_what_is_not_logistic_is_isotonic() -> None:
    rng = np.random.default_rng(0)
    similarity = rng.uniform(0, 1, 3000)
    truth = np.where(similarity < 0.8, 0.3, np.where(similarity < 0.9, 0.7, 0.95))
    same = rng.random(3000) < truth
    fit = calibrate(similarity, same, folds=folds_of(3000), prior=float(same.mean()))
    assert isinstance(fit.curve, IsotonicCurve)
    assert fit.scores["isotonic"].log_loss < fit.scores["logistic"].log_loss
    found = fit.curve(np.array([0.4, 0.85]))
    np.testing.assert_allclose(found, [0.3, 0.7], atol=0.06)


def test_held_out_probabilities_are_of_the_others() -> None:
    similarity, same = logistic_pairs(200)
    folds = folds_of(200)
    fit = calibrate(similarity, same, folds=folds)
    assert not np.isnan(fit.probability).any()
    kept = fit.curve.method
    assert fit.scores[kept].log_loss == log_loss(fit.probability, same, fit.weights)
    assert kept == "logistic"
    rest, own = folds != 2, folds == 2
    curve = module._logistic(similarity[rest], same[rest], np.ones(160), 0.5)
    np.testing.assert_array_equal(fit.probability[own], curve(similarity[own]))


def test_logistic_against_scikit_learn() -> None:
    similarity, same = logistic_pairs(500)
    weights = np.where(same, 0.3 / same.sum(), 0.7 / (~same).sum()) * 500
    plain = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000)
    plain.fit(similarity[:, None], same, sample_weight=weights)
    curve = module._logistic(similarity, same, np.ones(500), 0.3)
    assert curve.slope == pytest.approx(plain.coef_[0, 0], rel=1e-3)
    assert curve.intercept == pytest.approx(plain.intercept_[0], rel=1e-3)
    odds = 3 / 7
    low, high = odds / (same.sum() + 1), odds * ((~same).sum() + 1)
    assert curve.lowest == pytest.approx(low / (1 + low))
    assert curve.highest == pytest.approx(high / (1 + high))


def test_isotonic_by_hand() -> None:
    similarity = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    same = np.array([False, False, True, False, True, True])
    curve = module._isotonic(similarity, same, np.ones(6), 0.5)
    # One more genuine pair at 0.1 makes its block 1 of 3 (0.1, 0.2 and itself), 0.3 and 0.4 are
    # 1 of 2, and one more impostor pair at 0.6 makes the last block 2 of 3.
    assert curve.points == (
        (0.1, pytest.approx(1 / 3)),
        (0.2, pytest.approx(1 / 3)),
        (0.3, pytest.approx(0.5)),
        (0.4, pytest.approx(0.5)),
        (0.5, pytest.approx(2 / 3)),
        (0.6, pytest.approx(2 / 3)),
    )
    # With three impostor pairs a genuine pair in a hundred weighs 1/300, an impostor pair 99/300.
    rare = module._isotonic(similarity, same, np.ones(6), 0.01)
    assert rare.points[0][1] == pytest.approx(1 / (1 + 2 * 99))
    assert rare.points[-1][1] == pytest.approx(2 / (2 + 99))


def test_kinds_that_do_not_overlap_are_not_certain() -> None:
    similarity = np.concatenate([np.linspace(0, 0.4, 50), np.linspace(0.6, 1, 50)])
    same = similarity > 0.5
    fit = calibrate(similarity, same, folds=folds_of(100))
    assert 0 < fit.probability.min() < 0.03
    assert 0.97 < fit.probability.max() < 1
    assert math.isfinite(fit.scores["isotonic"].log_loss)
    assert math.isfinite(fit.scores["logistic"].log_loss)


def test_weights_are_balanced_by_the_prior() -> None:
    similarity, same = logistic_pairs(300)
    fit = calibrate(similarity, same, folds=folds_of(300), prior=0.2)
    assert fit.weights[same].sum() == pytest.approx(0.2)
    assert fit.weights.sum() == pytest.approx(1)
    # Whoever is in twice is as one that weighs twice.
    twice = np.arange(300) % 3 == 0
    doubled = np.repeat(np.arange(300), np.where(twice, 2, 1))
    weighted = module._logistic(similarity, same, np.where(twice, 2.0, 1.0), 0.5)
    repeated = module._logistic(similarity[doubled], same[doubled], np.ones(len(doubled)), 0.5)
    assert weighted.slope == pytest.approx(repeated.slope, rel=1e-3)
    assert weighted.highest < repeated.highest  # fewer pairs support less


def test_people_are_on_one_side_only() -> None:
    protocol, _ = world(40)
    person = np.unique(np.array(protocol.people), return_inverse=True)[1][protocol.pairs]
    seen = np.zeros(len(person), int)
    for test, train in module._by_people(person):
        assert not set(person[test].ravel()) & set(person[train].ravel())
        seen += test
    assert (seen == 1).all()
    assert len(list(module._by_people(person))) == PARTS * (PARTS + 1) // 2


def test_wrong_arguments() -> None:
    similarity, same = logistic_pairs(50)
    folds = folds_of(50)
    with pytest.raises(ValueError, match="folds and people: give one"):
        calibrate(similarity, same)
    for prior in (1, 0, 1e-13):
        with pytest.raises(ValueError, match=r"prior: expected a number from 1e-12 to 1 - 1e-12"):
            calibrate(similarity, same, folds=folds, prior=prior)
    with pytest.raises(ValueError, match="there is one kind"):
        calibrate(similarity, np.ones(50, bool), folds=folds)
    with pytest.raises(ProtocolError, match="too few pairs or people to cross-validate"):
        calibrate(similarity, same, people=np.zeros((50, 2), int))
    with pytest.raises(ProtocolError, match="not more alike than pairs of two people"):
        calibrate(-similarity, same, folds=folds)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"folds": folds_of(49)},
            r"folds: expected whole numbers of shape \(50,\), got int64 \(49",
        ),
        ({"folds": np.full(50, np.nan)}, r"folds: expected whole numbers .*, got float64 \(50"),
        ({"people": np.zeros((50, 3), int)}, r"people: expected whole numbers of shape \(50, 2\)"),
        ({"people": np.zeros(50, int)}, r"people: expected whole numbers of shape \(50, 2\)"),
        ({"weights": np.ones(49)}, r"weights: expected one for each of 50 pairs, got \(49,\)"),
        ({"weights": np.full(50, -1.0)}, "weights: expected finite values above 0"),
        ({"weights": np.zeros(50)}, "weights: expected finite values above 0"),
        ({"weights": np.full(50, np.inf)}, "weights: expected finite values above 0"),
        ({"similarity": np.full(50, np.nan)}, "similarity: expected finite values"),
        ({"same": np.ones(49, bool)}, "similarity and same: expected two arrays of one length"),
    ],
)
def test_arrays_that_do_not_fit(wrong: dict[str, Any], message: str) -> None:
    similarity, same = logistic_pairs(50)
    arguments: dict[str, Any] = {"similarity": similarity, "same": same} | wrong
    if "people" not in wrong:
        arguments = {"folds": folds_of(50)} | arguments
    with pytest.raises(ValueError, match=message):
        calibrate(**arguments)


def test_weights_are_of_all_pairs() -> None:
    protocol, vectors = world(60)
    with pytest.raises(ValueError, match="weights: expected one for each of 360 pairs"):
        make_calibration(protocol, vectors, embedder(), None, None, weights=np.ones(3))


def test_a_calibration_is_made() -> None:
    protocol, vectors = world(60)
    vectors[5] = np.nan
    made = make_calibration(protocol, vectors, embedder(), None, None)
    found = made.calibration
    lost = int((protocol.pairs == 5).any(axis=1).sum())
    assert (made.failed_pairs, len(made.same)) == (lost, len(protocol.pairs) - lost)
    assert found.counts.images == 179
    assert found.counts.people == 60
    assert found.counts.genuine_pairs + found.counts.impostor_pairs == len(made.same)
    pairs = 179 * 178 // 2 - (59 * 3 + 1)
    assert found.counts.impostor_comparisons == pairs
    assert found.measured_on == (
        f"world: {pairs:,} pairs of different people, all that 179 images of 60 people make; "
        "aligned chips"
    )
    assert "precision" not in found.embedder
    found.check(embedder(), None)
    assert set(found.scores) == {"isotonic", "logistic"}

    whole = np.delete(vectors, 5, axis=0).astype(np.float64)
    names = np.delete(np.array(protocol.people), 5)
    similarity = (whole @ whole.T)[np.triu(names[:, None] != names[None], 1)]
    for point in found.far_table:
        assert point.measured == np.mean(similarity >= point.similarity)
        assert point.measured <= point.asked < np.mean(similarity >= point.similarity - 1e-4)
    assert [point.asked for point in found.far_table][:2] == [0.5, 0.375]
    assert found.far_table[-1].asked * pairs >= 10
    assert {0.1, 0.01, 0.001} <= {point.asked for point in found.far_table}


def test_without_names_people_are_whom_genuine_pairs_join() -> None:
    protocol, vectors = world(60)
    named = make_calibration(protocol, vectors, embedder(), None, None)
    nameless = make_calibration(replace(protocol, people=None), vectors, embedder(), None, None)
    assert nameless.calibration.scores == named.calibration.scores
    counts = nameless.calibration.counts
    assert counts.people is None
    assert counts.impostor_comparisons == counts.impostor_pairs == np.sum(~protocol.same)
    assert "180 pairs of different people, its impostor pairs; " in (
        nameless.calibration.measured_on
    )
    assert nameless.calibration.far_table[-1].asked == pytest.approx(10 / 180, rel=0.4)


def test_folds_of_the_protocol_are_used() -> None:
    protocol, vectors = world(60)
    folded = replace(protocol, folds=folds_of(len(protocol.pairs), 4))
    made = make_calibration(folded, vectors, embedder(), None, None)
    similarity = np.sum(vectors[protocol.pairs[:, 0]] * vectors[protocol.pairs[:, 1]], axis=1)
    fit = calibrate(similarity.astype(np.float64), protocol.same, folds=folded.folds)
    np.testing.assert_allclose(made.fit.probability, fit.probability, atol=1e-5)


def test_folds_that_were_dealt_are_not_used() -> None:
    protocol, vectors = world(60)
    dealt = replace(protocol, folds=folds_of(len(protocol.pairs), 10), folds_given=False)
    by_people = make_calibration(protocol, vectors, embedder(), None, None)
    # Where nobody is named, genuine pairs join the same people.
    for given in (dealt, replace(dealt, people=None)):
        made = make_calibration(given, vectors, embedder(), None, None)
        assert made.calibration.scores == by_people.calibration.scores
        np.testing.assert_array_equal(made.fit.probability, by_people.fit.probability)


def test_a_table_without_folds_is_parted_by_people(tmp_path: Path) -> None:
    protocol, vectors = world(60)
    (tmp_path / "images").mkdir()
    for name in protocol.names:
        (tmp_path / "images" / name).touch()
    rows = [
        f"{protocol.names[a]},{protocol.names[b]},{int(same)},{protocol.people[a]},{protocol.people[b]}"
        for (a, b), same in zip(protocol.pairs.tolist(), protocol.same, strict=True)
    ]
    table = tmp_path / "pairs.csv"
    table.write_text("\n".join(["a,b,same,person_a,person_b", *rows]))
    read = read_pairs_csv(table, tmp_path / "images")
    assert read.fold_count == 10
    order = [protocol.names.index(name) for name in read.names]
    made = make_calibration(read, vectors[order], embedder(), None, None)
    person = np.unique(np.array(read.people), return_inverse=True)[1][read.pairs]
    similarity = np.sum(vectors[order][read.pairs[:, 0]] * vectors[order][read.pairs[:, 1]], axis=1)
    fit = calibrate(similarity.astype(np.float64), read.same, people=person)
    np.testing.assert_allclose(made.fit.probability, fit.probability, atol=1e-5)


def test_the_detector_is_kept() -> None:
    class Finder:
        settings: ClassVar[dict[str, Any]] = {"sizes": (1, 2), "networks": "torch float32"}

    protocol, vectors = world(60)
    finder: Any = Finder()
    found = make_calibration(protocol, vectors, embedder(), finder, "finder").calibration
    assert found.detector == "finder"
    assert found.detector_settings == {"type": "Finder", "sizes": [1, 2]}
    found.check(embedder(), finder)


@pytest.mark.parametrize(
    ("model", "flip"), [("dlib_resnet29.dlib", True), ("mobilefacenet.ms1m", False)]
)
def test_specs_say_what_the_command_prints(model: str, flip: bool) -> None:
    protocol = replace(world(2)[0], name="lfw")
    points = OperatingPoints({}, {}, 7700, 4281, 29_633_050)
    printed = module._measured_on(protocol, points, "mtcnn", flip)
    assert {point.measured_on for point in get_spec(model).thresholds} == {printed}


def test_too_little_to_calibrate() -> None:
    protocol, vectors = world(60)
    vectors[:] = np.nan
    with pytest.raises(ProtocolError, match="world: 0 pairs of one person and 0 of two could be"):
        make_calibration(protocol, vectors, embedder(), None, None)


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    def build(counts: dict[str, int]) -> Path:
        for name, count in counts.items():
            (tmp_path / "people" / name).mkdir(parents=True)
            for i in range(count):
                (tmp_path / "people" / name / f"{i}.jpg").write_bytes(b"picture")
        return tmp_path / "people"

    return build


def test_pairs_of_people(folder: Any) -> None:
    root = folder({"ann": 3, "ben": 1, "cyd": 2, ".hidden": 2})
    (root / "dan.jpg").write_bytes(b"picture")
    (root / "ann" / "deep").mkdir()
    (root / "ann" / "deep" / "0.jpg").write_bytes(b"picture")
    (root / "ann" / "notes.txt").write_text("no picture")
    protocol = pair_people(root)
    assert protocol.name == "people"
    assert not protocol.folds_given
    assert protocol.people == ("ann",) * 4 + ("ben", "cyd", "cyd", "dan")
    assert protocol.names[-2:] == ("cyd/1.jpg", "dan.jpg")
    pairs = [tuple(pair) for pair in protocol.pairs.tolist()]
    assert len(set(pairs)) == len(pairs) == 8 * 7 // 2
    genuine = [pair for pair, same in zip(pairs, protocol.same, strict=True) if same]
    assert sorted(genuine) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (5, 6)]
    assert all((protocol.people[i] == protocol.people[j]) == ((i, j) in genuine) for i, j in pairs)
    weights = picture_weights(protocol)
    assert weights[protocol.same].tolist() == pytest.approx([4 / 6] * 6 + [2 / 1])
    assert (weights[~protocol.same] == 1).all()


def test_many_pairs_of_people_are_thinned_evenly(folder: Any) -> None:
    protocol = pair_people(folder({"ann": 30, "ben": 10, "cyd": 2, "dan": 1}), most=100)
    pairs = {tuple(pair) for pair in protocol.pairs.tolist()}
    assert len(pairs) == len(protocol.pairs)
    people = np.array(protocol.people)[protocol.pairs]
    assert ((people[:, 0] == people[:, 1]) == protocol.same).all()
    # 435, 45 and 1 pairs: each person keeps its share of 100, and at least one.
    of_person = [int(np.sum(people[protocol.same, 0] == name)) for name in ("ann", "ben", "cyd")]
    assert of_person == [435 * 100 // 481, 45 * 100 // 481, 1]
    assert 90 <= np.sum(~protocol.same) <= 110
    weights = picture_weights(protocol)[protocol.same]
    assert weights.sum() == pytest.approx(42)  # each picture once


def test_folders_that_show_no_pairs(folder: Any, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="no such folder of people"):
        pair_people(tmp_path / "none")
    with pytest.raises(ProtocolError, match="got 2 pictures of 2 people"):
        pair_people(folder({"ann": 1, "ben": 1}))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProtocolError, match="got 0 pictures of 0 people"):
        pair_people(tmp_path / "empty")


def test_similarities_that_hardly_differ_have_a_slope() -> None:
    same = np.arange(60) < 30
    similarity = np.where(same, 0.7 + 1e-9, 0.7) + np.arange(60) * 1e-12
    fit = calibrate(similarity, same, folds=np.arange(60) % 3)
    assert 0 < fit.probability.min() <= fit.probability.max() < 1
