"""Backends and precisions of embedders, on real weights and a real face."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import facewise
from facewise import ChipError, DeviceError, ExtraMissingError, FacewiseError
from facewise.embedding import running
from facewise.embedding.proof import least_cosine, proof_chips
from facewise.runtime.decisions import kept_decisions
from facewise.runtime.networks import Candidate
from facewise.runtime.processor import processor_features
from facewise.zoo import cache_dir, get_spec

BFLOAT16 = pytest.mark.skipif(
    not processor_features() & {"avx512_bf16", "amx_bf16"}, reason="this processor has no bfloat16"
)
VNNI = pytest.mark.skipif(
    not processor_features() & {"avx512_vnni", "avx_vnni", "amx_int8"},
    reason="this processor does not multiply 8-bit integers",
)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def photo(examples):
    """Faces that no calibration and no proof has seen."""
    photo = facewise.load_image(examples / "photos" / "montage.jpg")
    return photo, facewise.detect(photo)


@pytest.fixture(scope="module")
def exact(photo):
    return facewise.load_embedder(backend="torch", precision="float32").embed_faces(*photo)[0]


def needs(backend):
    for module in {"torch": (), "onnxruntime": ("onnxruntime", "onnx")}.get(
        backend, (backend, "onnx")
    ):
        pytest.importorskip(module, reason=f"the backend {backend} is not installed")


@pytest.mark.parametrize(
    ("backend", "precision", "cosine"),
    [
        ("onnxruntime", "float32", 0.999999),
        ("openvino", "float32", 0.999999),
        pytest.param("torch", "bfloat16", 0.9999, marks=BFLOAT16),
        pytest.param("openvino", "bfloat16", 0.9999, marks=BFLOAT16),
        pytest.param("torch", "int8", 0.9985, marks=VNNI),
        pytest.param("onnxruntime", "int8", 0.9985, marks=VNNI),
        pytest.param("openvino", "int8", 0.9985, marks=VNNI),
    ],
)
def test_every_way_to_run_gives_the_same_vectors(cache, photo, exact, backend, precision, cosine):
    needs(backend)
    embedder = facewise.load_embedder(backend=backend, precision=precision)
    assert embedder.candidate == Candidate(backend, precision)
    [vectors] = embedder.embed_faces(*photo)
    assert (vectors * exact).sum(axis=1).min() > cosine
    expected = "float32" if precision == "float32" else f"{backend} {precision}"
    assert embedder.settings["precision"] == expected
    # Again, from what the first time kept; and in other batches.
    again = facewise.load_embedder(backend=backend, precision=precision, batch_size=1)
    np.testing.assert_allclose(again.embed_faces(*photo)[0], vectors, atol=2e-3)


def test_auto_takes_what_proves_itself_and_keeps_the_decision(cache, photo, exact, monkeypatch):
    embedder = facewise.load_embedder(backend="auto", precision="auto")
    assert (embedder.embed_faces(*photo)[0] * exact).sum(axis=1).min() > 0.998
    [decision] = kept_decisions(cache_dir() / "runtime")
    assert decision.subject == "dlib_resnet29.dlib"
    assert decision.asked == ("auto", "auto")
    assert decision.picked == embedder.candidate
    [first] = [t for t in decision.trials if t.candidate == Candidate("torch", "float32")]
    assert first.proof is not None
    assert first.proof.passed
    assert all(
        (t.refused is None) is (t.proof is not None and t.proof.passed) for t in decision.trials
    )

    def never(*_):
        raise AssertionError("it was proved before")

    monkeypatch.setattr(running, "proof_chips", lambda policy: proof_chips(policy))
    monkeypatch.setattr(running, "Proof", never)
    assert facewise.load_embedder(backend="auto", precision="auto").candidate == embedder.candidate


def test_a_precision_that_fails_its_proof_is_refused_with_its_figure(cache, monkeypatch):
    monkeypatch.setattr(running, "least_cosine", lambda spec, precision: 1.5)
    with pytest.raises(
        FacewiseError,
        match=r"dlib.*torch float32: differs from float32 torch: least cosine of 9 chips 1\.0\d+, "
        r"limit 1\.5",
    ):
        facewise.load_embedder(backend="torch", precision="float32")


def test_the_environment_chooses_where_arguments_do_not(cache, monkeypatch):
    monkeypatch.setenv("FACEWISE_PRECISION", "half")
    with pytest.raises(FacewiseError, match="FACEWISE_PRECISION 'half': expected one of float32"):
        facewise.load_embedder()
    assert facewise.load_embedder(precision="float32").candidate == Candidate("torch", "float32")


def test_what_cannot_be_had_is_named(cache, monkeypatch):
    with pytest.raises(FacewiseError, match="backend 'tensorflow': expected one of torch, onnx"):
        facewise.load_embedder(backend="tensorflow")
    with pytest.raises(
        FacewiseError, match="does not run with backend 'onnxruntime' and precision 'bfloat16"
    ):
        facewise.load_embedder(backend="onnxruntime", precision="bfloat16")
    monkeypatch.setattr("facewise.runtime.selection.processor_features", frozenset)
    with pytest.raises(DeviceError, match="torch bfloat16: this processor has none of amx_bf16"):
        facewise.load_embedder(backend="torch", precision="bfloat16")
    monkeypatch.setattr("facewise.runtime.selection.find_spec", lambda name: None)
    with pytest.raises(ExtraMissingError, match=r"pip install 'facewise\[openvino\]'"):
        facewise.load_embedder(backend="openvino", precision="float32")


@VNNI
@pytest.mark.shared
def test_int8_of_other_weights_needs_chips_once(cache, shared, monkeypatch, rng):
    needs("openvino")
    path = shared("weights/mobilefacenet-ms1m-128d.pt")
    monkeypatch.setattr(running, "_RANGES", cache / "none.json")
    (cache / "none.json").write_text("{}")

    def load(**options):
        return facewise.load_embedder(
            "mobilefacenet", path, backend="openvino", precision="int8", **options
        )

    with pytest.raises(FacewiseError, match="int8 needs calibration with these weights"):
        load()
    with pytest.raises(ChipError, match=r"calibration: expected uint8 \(n, 112, 112, 3\)"):
        load(calibration=np.zeros((3, 90, 90, 3), np.uint8))
    with pytest.raises(ChipError, match="calibration: no pictures"):
        load(calibration=np.zeros((0, 112, 112, 3), np.uint8))
    chips = proof_chips(get_spec("mobilefacenet").crop)
    first = load(calibration=chips).embed(chips)
    np.testing.assert_allclose(load().embed(chips), first, atol=2e-3)
    [kept] = (cache / "runtime" / "ranges").glob("*.json")
    kept.write_text("{")  # damaged: as if it had not been kept
    with pytest.raises(FacewiseError, match="int8 needs calibration with these weights"):
        load()


def test_auto_goes_by_the_loss_that_was_measured():
    spec = get_spec("dlib_resnet29")
    loss = {"openvino int8": 0.02, "torch bfloat16": 0.3}
    changed = replace(spec, precision_loss=loss)
    assert running._withheld(changed, spec.weights.sha256) == {
        "torch int8": "its loss of accuracy was not measured for these weights",
        "onnxruntime int8": "its loss of accuracy was not measured for these weights",
        "torch bfloat16": "loses 0.3 points of accuracy on LFW, more than 0.05",
    }
    assert running._withheld(changed, "other weights").keys() == {
        "torch int8",
        "onnxruntime int8",
        "openvino int8",
    }


def test_limits_follow_the_distance_that_separates_people():
    dlib, arcface = get_spec("dlib_resnet29"), get_spec("arcface_r50.webface600k")
    assert least_cosine(dlib, "float32") == least_cosine(arcface, "float32") == 0.99999
    assert least_cosine(arcface, "bfloat16") == pytest.approx(0.997)
    assert least_cosine(dlib, "bfloat16") == pytest.approx(1 - 0.003 * (1 - 0.9286), abs=1e-6)


def test_proof_chips_are_one_face_in_variants():
    chips = proof_chips(get_spec("dlib_resnet29").crop)
    assert chips.shape == (9, 150, 150, 3)
    vectors = facewise.load_embedder().embed(chips)
    assert (vectors @ vectors[0]).min() > get_spec("dlib_resnet29").threshold(1e-3).value
    assert len({chip.tobytes() for chip in chips}) == 9


def test_ranges_that_come_with_facewise_name_their_origin():
    known = json.loads(running._RANGES.read_text())
    assert get_spec("dlib_resnet29").weights.sha256 in known
    for content in known.values():
        assert content["measured_on"]
        assert all(low <= 0 <= high for low, high in content["ranges"].values())
