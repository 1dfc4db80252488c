from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facewise.alignment import MarginCrop
from facewise.detection import Detector
from facewise.errors import ProtocolError
from facewise.evaluation import (
    embed_landmarked,
    embed_photos,
    identify_probes,
    metrics,
    operating_points,
    pair_similarity,
    pooled,
    read_agedb,
    read_cfp,
    read_cross_lfw,
    read_ijb,
    read_people,
)
from facewise.pipeline import Pipeline
from facewise.training.evaluating import Examiner, Measured, embedder_of, for_spec
from facewise.training.evaluating.figures import OF_PAIRS, OF_SEARCH, OF_TEMPLATES
from facewise.zoo import ModelSpec

pytestmark = pytest.mark.shared
CPU = torch.device("cpu")


def nothing(_: int) -> None:
    pass


@pytest.fixture
def examiner(network: Any, mtcnn: Detector, tmp_path: Path) -> Callable[..., Examiner]:
    """`examiner(word)`: for photos, and the network's spec."""

    def make(word: str, spec: ModelSpec = network[1], detector: Any = mtcnn) -> Examiner:
        return Examiner(word, spec, tmp_path / "chips", aligned=False, detector=detector)

    return make


READERS: dict[str, Callable[..., Any]] = {
    "calfw": lambda *paths: read_cross_lfw("calfw", *paths),
    "cplfw": lambda *paths: read_cross_lfw("cplfw", *paths),
    "agedb": read_agedb,
    "cfp-ff": lambda root: read_cfp("ff", root),
    "cfp-fp": lambda root: read_cfp("fp", root),
}


ROUNDING = 3e-4
"""Of vectors: boxes depend in their last bits on what was looked at together, so chips may too."""


@pytest.mark.parametrize("form", READERS)
def test_pairs_have_the_figures_of_facewise_evaluate(
    form: str, made: Any, examiner: Any, network: Any, mtcnn: Detector
) -> None:
    word = made(form)
    own = examiner(word)
    found = own.examine(network[0], CPU, nothing)
    protocol = READERS[form](*map(Path, word.split(":")[1:]))
    pipeline = Pipeline(mtcnn, embedder_of(*network, CPU))
    vectors = embed_photos(protocol.images, pipeline, nothing).vectors
    np.testing.assert_allclose(found.vectors, vectors, atol=ROUNDING)
    similarity = pair_similarity(vectors, protocol.pairs)
    by_fold, thresholds = metrics.accuracy_by_fold(similarity, protocol.same, protocol.folds)
    assert len(by_fold) == 2
    assert (found.name, found.protocol) == (form, word)
    assert found.figures["accuracy"] == found.deciding == by_fold.mean() >= 0.8
    assert found.figures["threshold"] == pytest.approx(thresholds.mean(), abs=ROUNDING)
    assert found.figures["auc"] == metrics.auc(similarity, protocol.same) >= 0.95
    assert (found.figures["pairs"], found.figures["failed_pairs"]) == (16, 0)
    assert found.curve is not None
    assert found.curve[-1] == 1
    assert own.people() == protocol.people
    assert for_spec([found]) == {form: found.deciding}


def test_templates_are_pooled_and_their_pairs_dealt_out(
    ijb: Path, examiner: Any, network: Any
) -> None:
    module, spec = network
    own = examiner(f"ijbb:{ijb}", detector=None)  # nothing is looked for
    found = own.examine(module, CPU, nothing)
    protocol = read_ijb("ijbb", ijb)
    embedder = embedder_of(module, spec, CPU)
    vectors = embed_landmarked(protocol.images, protocol.landmarks, embedder, nothing).vectors
    np.testing.assert_allclose(found.vectors, vectors, atol=ROUNDING)
    templates = pooled(vectors, protocol.templates, protocol.media, 16)
    similarity = pair_similarity(templates, protocol.pairs)
    folds = np.empty(64, np.intp)
    folds[protocol.same] = np.arange(8)  # as many as there are genuine pairs
    folds[~protocol.same] = np.arange(56) % 8
    by_fold, thresholds = metrics.accuracy_by_fold(similarity, protocol.same, folds)
    assert found.figures["accuracy"] == by_fold.mean() >= 0.9
    assert found.figures["auc"] == found.deciding == metrics.auc(similarity, protocol.same) >= 0.99
    assert found.figures["tar_at_0.01"] is None  # 56 impostor pairs do not measure it
    assert (found.figures["pairs"], found.figures["failed_pairs"]) == (64, 0)
    # Were each picture a medium of its own, the similarities would be others.
    apart = pooled(vectors, protocol.templates, np.arange(len(vectors)), 16)
    assert np.abs(pair_similarity(apart, protocol.pairs) - similarity).max() > 0.01
    assert found.figures["eer"] == metrics.equal_error_rate(similarity, protocol.same)
    assert found.figures["threshold"] == pytest.approx(thresholds.mean(), abs=ROUNDING)
    assert own.thresholds(found.vectors) == ()
    assert len(own.people()) == len(protocol.images)
    assert list(own.people())[:2] == ["template 0", "template 1"]
    assert own.chips().shape == (len(protocol.images), 112, 112, 3)


def test_a_template_without_a_picture_that_can_be_read_fails(
    ijb: Path, examiner: Any, network: Any
) -> None:
    (ijb / "loose_crop" / "1.jpg").write_bytes(b"damaged")  # all of template 0
    found = examiner(f"ijbb:{ijb}").examine(network[0], CPU, nothing)
    assert np.isnan(found.vectors[0]).all()
    assert found.figures["failed_pairs"] == 8


def test_a_crop_by_boxes_takes_the_detectors(
    ijb: Path, examiner: Any, network: Any, mtcnn: Detector
) -> None:
    from dataclasses import replace

    spec = replace(network[1], crop=MarginCrop(112, 16))
    own = examiner(f"ijbb:{ijb}", spec)
    found = own.examine(network[0], CPU, nothing)
    images = read_ijb("ijbb", ijb).images
    pipeline = Pipeline(mtcnn, embedder_of(network[0], spec, CPU))
    np.testing.assert_allclose(
        found.vectors, embed_photos(images, pipeline, nothing).vectors, atol=ROUNDING
    )


def test_a_search_is_decided_by_rank_1(
    made: Any, examiner: Any, network: Any, mtcnn: Detector
) -> None:
    word = made("identification")
    own = examiner(word)
    found: Measured = own.examine(network[0], CPU, nothing)
    protocol = read_people(*map(Path, word.split(":")[1:]))
    pipeline = Pipeline(mtcnn, embedder_of(*network, CPU))
    embedded = embed_photos(protocol.images, pipeline, nothing)
    expected = identify_probes("toy", embedded, protocol).figures
    assert found.figures["rank_1"] == found.deciding == expected["rank"]["1"] >= 0.75
    assert "rank_5" not in found.figures  # four people are enrolled
    assert "accuracy" not in found.figures
    assert found.figures["probes"] == expected["probes"] == len(protocol.people) - 4
    assert found.figures["failed_probes"] == 0
    assert {
        name.removeprefix("dir_at_fpir_"): value
        for name, value in found.figures.items()
        if name.startswith("dir_at_fpir_")
    } == {f"{point['fpir']:g}": point["dir"] for point in expected["dir_at_fpir"]}
    assert found.curve is None
    [first, *others] = own.thresholds(found.vectors)
    points = operating_points(embedded.vectors, protocol.people)
    assert [first.value, *[each.value for each in others]] == pytest.approx(
        list(points.thresholds.values()), abs=1e-3
    )
    assert first.measured_on.startswith("all pairs of different people of identification, ")
    assert for_spec([found])["identification rank 1"] == found.deciding


def test_a_probe_without_a_face_is_not_found(made: Any, examiner: Any, network: Any) -> None:
    word = made("identification")
    whole = examiner(word).examine(network[0], CPU, nothing).figures
    probes = Path(word.split(":")[2])
    enrolled = sorted(folder.name for folder in (probes.parent / "gallery").iterdir())
    mated = sum(len(list((probes / name).iterdir())) for name in enrolled)
    next((probes / enrolled[0]).iterdir()).write_bytes(b"damaged")
    found = examiner(word).examine(network[0], CPU, nothing).figures
    assert found["failed_probes"] == 1
    assert whole["rank_1"] == 1
    assert found["rank_1"] == pytest.approx(1 - 1 / mated)


def test_a_search_for_strangers_alone_has_no_rank(made: Any, examiner: Any) -> None:
    word = made("identification")
    gallery = Path(word.split(":")[1])
    for folder in sorted(gallery.iterdir()):
        folder.rename(folder.with_name(f"{folder.name} the other"))
    with pytest.raises(ProtocolError, match="identification: expected probes of people of the"):
        examiner(word)


def test_protocols_of_one_name_are_told_apart() -> None:
    vectors = np.empty((0, 4), np.float32)
    each = [
        Measured("csv:a:b", "pairs", OF_PAIRS, {"accuracy": 0.9}, None, vectors),
        Measured("identification:a:b", "identification", OF_SEARCH, {"rank_1": 0.7}, None, vectors),
        Measured(
            "ijbc:d",
            "ijbc",
            OF_TEMPLATES,
            {"accuracy": 0.99, "auc": 0.6, "tar_at_0.01": 0.3, "tar_at_0.001": None},
            None,
            vectors,
        ),
        Measured("csv:c:d", "pairs", OF_PAIRS, {"accuracy": 0.8}, None, vectors),
        Measured(
            "identification:c:d",
            "identification",
            OF_SEARCH,
            {"rank_1": 0.5, "dir_at_fpir_0.1": 0.4, "dir_at_fpir_0.01": None},
            None,
            vectors,
        ),
    ]
    assert for_spec(each) == {
        "pairs": 0.9,
        "identification rank 1": 0.7,
        "ijbc AUC": 0.6,
        "ijbc TAR at FAR 0.01": 0.3,
        "pairs 2": 0.8,
        "identification 2 rank 1": 0.5,
        "identification 2 DIR at FPIR 0.1": 0.4,
    }
