from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from facewise.alignment import FivePointCrop, MarginCrop
from facewise.errors import ModelError
from facewise.zoo import (
    ModelSpec,
    check,
    get_spec,
    list_specs,
    locate,
    read_spec,
    register,
    registry,
)

SPECS = list_specs()
every = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
every_embedder = pytest.mark.parametrize("spec", list_specs("embed"), ids=lambda spec: spec.id)


@pytest.fixture(autouse=True)
def _same_models_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))


def embedder(**changes: Any) -> ModelSpec:
    known = get_spec("mobilefacenet.ms1m")
    weights = dataclasses.replace(known.weights, filename="other.pt")
    return dataclasses.replace(known, **{"id": "mobilefacenet.mine", "weights": weights, **changes})


def test_the_models_of_the_issue_are_there() -> None:
    assert {spec.id for spec in SPECS} == {
        "mtcnn",
        "scrfd_10g",
        "scrfd_500m",
        "dlib_resnet29.dlib",
        "mobilefacenet.ms1m",
        "inception_resnet_v1.vggface2",
        "inception_resnet_v1.casia_webface",
        "ir_50.ms1m_arcface",
        "resnet18.vggface2_triplet",
        "resnet34.vggface2_triplet",
        "arcface_r50.webface600k",
        "arcface_mbf.webface600k",
        "adaface_ir18.webface4m",
        "adaface_ir101.webface12m",
        "edgeface_xxs.webface260m",
        "edgeface_s.webface260m",
    }


@every
def test_id_and_lookup(spec: ModelSpec) -> None:
    assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)?", spec.id)
    assert get_spec(spec.id) is spec


@every
def test_weights(spec: ModelSpec) -> None:
    weights = spec.weights
    assert weights.licence.strip()
    assert weights.training_set.strip()
    assert Path(weights.filename).suffix in (".pt", ".pth", ".onnx", ".safetensors")
    assert (Path(weights.filename).suffix == ".onnx") == (spec.format == "onnx")
    assert weights.size is None or 1_000_000 < weights.size < 1_000_000_000
    assert weights.sha256 is None or re.fullmatch("[0-9a-f]{64}", weights.sha256)


@every
def test_addresses(spec: ModelSpec) -> None:
    weights = spec.weights
    addresses = [*weights.urls, *([weights.by_hand] if weights.by_hand else [])]
    for address in addresses:
        parts = urlsplit(address)
        assert parts.scheme == "https"
        assert parts.hostname in ("github.com", "huggingface.co", "drive.google.com")
        assert parts.geturl() == address
    assert len(set(addresses)) == len(addresses)
    assert not (weights.urls and weights.by_hand)
    if weights.bundled:
        assert not addresses
        assert weights.sha256 is not None
    if not weights.urls and not weights.by_hand and not weights.bundled:
        assert weights.sha256 is not None, "a file one brings along can only be known by its hash"
    # Bytes of several addresses may be mixed: that needs a sha256.
    assert weights.sha256 is not None or len(weights.urls) < 2


@every
def test_figures_are_fractions(spec: ModelSpec) -> None:
    for figures in (spec.published, spec.measured):
        for name, value in figures.items():
            assert re.fullmatch(r"[a-z0-9_-]+", name)
            assert 0.5 < value < 1


@every
def test_bundled_file_is_the_recorded_one(spec: ModelSpec) -> None:
    path = locate(spec)
    assert (path is not None) == spec.weights.bundled
    if path is not None:
        check(spec, path, memo=False)


@every_embedder
def test_embedder(spec: ModelSpec) -> None:
    assert spec.id.split(".")[0] == spec.architecture
    assert spec.embedding_size in (128, 256, 512)
    assert spec.crop is not None
    assert spec.crop.size == spec.input_size
    assert 112 <= spec.crop.size <= 224
    if isinstance(spec.crop, FivePointCrop):
        assert all(0 < value < spec.crop.size for point in spec.crop.template for value in point)


@every_embedder
def test_normalisation_is_in_units_of_pixels(spec: ModelSpec) -> None:
    mean, std = spec.normalisation.mean, spec.normalisation.std
    assert all(90 < value < 160 for value in mean)
    assert all(50 < value <= 256 for value in std)
    # Statistics of skin are in the order of the channels: red is the brightest.
    if len(set(mean)) == 3:
        assert (mean[0] > mean[2]) == (spec.normalisation.colour == "rgb")


@pytest.mark.parametrize(
    ("model_id", "colour", "black", "white"),
    [
        ("dlib_resnet29.dlib", "rgb", -122.782 / 256, (255 - 122.782) / 256),
        ("inception_resnet_v1.vggface2", "rgb", -127.5 / 128, 127.5 / 128),
        ("mobilefacenet.ms1m", "rgb", -0.485 / 0.229, (1 - 0.485) / 0.229),
        ("arcface_r50.webface600k", "rgb", -1.0, 1.0),
        ("adaface_ir18.webface4m", "bgr", -1.0, 1.0),
        ("edgeface_s.webface260m", "rgb", -1.0, 1.0),
        ("resnet18.vggface2_triplet", "rgb", -0.6068 / 0.2492, (1 - 0.6068) / 0.2492),
    ],
)
def test_what_black_and_white_become(
    model_id: str, colour: str, black: float, white: float
) -> None:
    normalisation = get_spec(model_id).normalisation
    assert normalisation.colour == colour
    for value, expected in ((0, black), (255, white)):
        found = (value - normalisation.mean[0]) / normalisation.std[0]
        assert math.isclose(found, expected, rel_tol=1e-6)


def test_specs_by_task() -> None:
    assert [spec.id for spec in list_specs("detect")] == ["mtcnn", "scrfd_10g", "scrfd_500m"]
    assert list_specs() == list_specs("detect") + list_specs("embed")


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("mobilefacenet", "mobilefacenet.ms1m"),
        ("dlib_resnet29", "dlib_resnet29.dlib"),
        ("adaface_ir18", "adaface_ir18.webface4m"),
    ],
)
def test_architecture_alone_is_enough_when_one_model_has_it(name: str, model_id: str) -> None:
    assert get_spec(name).id == model_id


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("scrfd", "scrfd_10g, scrfd_500m"),
        (
            "inception_resnet_v1",
            "inception_resnet_v1.casia_webface, inception_resnet_v1.vggface2",
        ),
    ],
)
def test_ambiguous_architecture(name: str, candidates: str) -> None:
    with pytest.raises(ModelError, match=f"{name!r} is ambiguous: it may be {candidates}"):
        get_spec(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("inception_resnet_v1.vgface2", "inception_resnet_v1.vggface2"),
        ("MTCNN", "mtcnn"),
        ("mobilfacenet", "mobilefacenet.ms1m"),
    ],
)
def test_unknown_id_suggests_close_ones(name: str, meant: str) -> None:
    with pytest.raises(ModelError, match=f"unknown model '{name}'; did you mean {meant}"):
        get_spec(name)


@pytest.mark.parametrize("name", ["", "zzzzzz", "."])
def test_unknown_id_says_how_to_list(name: str) -> None:
    with pytest.raises(ModelError, match="`facewise models list`") as caught:
        get_spec(name)
    assert "did you mean" not in str(caught.value)


def test_register() -> None:
    mine = embedder()
    register(mine)
    assert get_spec("mobilefacenet.mine") is mine
    with pytest.raises(ModelError, match="ambiguous"):
        get_spec("mobilefacenet")
    with pytest.raises(ModelError, match="the id is taken"):
        register(mine)


def test_variant_may_share_the_file_of_a_model() -> None:
    known = get_spec("mobilefacenet.ms1m")
    register(dataclasses.replace(known, id="mobilefacenet.ms1m_flip", flip=True))
    assert get_spec("mobilefacenet.ms1m_flip").weights == known.weights


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "mobilefacenet"}, "begins with its architecture"),
        ({"id": "arcface.mine"}, "begins with its architecture, 'mobilefacenet'"),
        ({"id": "mobilefacenet.Mine"}, "lower-case"),
        ({"id": "mobilefacenet.a.b"}, "lower-case"),
        ({"id": "mobilefacenet."}, "lower-case"),
        ({"id": "MobileFaceNet.x"}, "lower-case"),
        ({"embedding_size": None}, "needs embedding_size"),
        ({"input_size": None}, "needs embedding_size, input_size"),
        ({"crop": None}, "needs embedding_size, input_size and crop"),
        ({"crop": MarginCrop(160)}, "chips of 160 pixels do not fit inputs of 112"),
    ],
)
def test_incomplete_spec_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        register(embedder(**changes))


@pytest.mark.parametrize("filename", ["", ".", "..", "a/b", "../b", "/b", "a\\b"])
def test_file_names_stay_in_the_cache(filename: str, make_spec: Callable[..., ModelSpec]) -> None:
    with pytest.raises(ModelError, match="not the plain name of a file"):
        register(make_spec(filename=filename))


def test_file_name_of_other_weights_is_refused(make_spec: Callable[..., ModelSpec]) -> None:
    with pytest.raises(ModelError, match=r"belongs to the weights of arcface_r50\.webface600k"):
        register(make_spec(filename="w600k_r50.onnx"))


@pytest.mark.parametrize(
    "name", ["../../precious", "/precious", "a/b", "a\\b", "a\nb", ".a", "", "a:b", "x" * 121, 7]
)
def test_an_id_that_is_no_name_is_refused(tmp_path, name):
    content = {"id": name, "weights": "w.onnx", "input_size": 112, "embedding_size": 128}
    (tmp_path / "spec.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"spec\.json: id: expected a name"):
        read_spec(tmp_path / "spec.json")
