"""`load_embedder` and `Embedder`: preprocessing from the spec, checks, files of one's own."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import facewise
from facewise import ChipError, DeviceError, ModelError
from facewise.alignment import ARCFACE_112, EyeCornerCrop, FivePointCrop, MarginCrop, crop
from facewise.embedding.architectures import ARCHITECTURES
from facewise.embedding.inception_resnet_v1 import InceptionResnetV1
from facewise.embedding.mobilefacenet import MobileFaceNet
from facewise.runtime.weights import read_tensors
from facewise.zoo import ModelSpec, Normalisation, Weights, get_spec, locate


@pytest.fixture(scope="module")
def embedder():
    return facewise.load_embedder()


@pytest.fixture(scope="module")
def photo(examples):
    return facewise.load_image(examples / "photos" / "montage.jpg")


@pytest.fixture
def chips(rng):
    return rng.integers(0, 256, (5, 150, 150, 3), np.uint8)


@pytest.fixture
def own(tmp_path):
    """A MobileFaceNet with random weights and its spec file."""
    torch.manual_seed(0)
    save_file(MobileFaceNet().state_dict(), tmp_path / "own.safetensors")
    spec = {
        "architecture": "mobilefacenet",
        "weights": "own.safetensors",
        "input_size": 112,
        "embedding_size": 128,
        "normalisation": {"mean": [1, 2, 3], "std": [4, 5, 6], "colour": "bgr"},
        "thresholds": [{"value": 0.4, "far": 0.001, "measured_on": "nothing"}],
    }
    path = tmp_path / "own.json"
    path.write_text(json.dumps(spec))
    return path


def test_vectors_have_unit_length_and_the_stated_shape(embedder, chips):
    vectors = embedder.embed(chips)
    assert vectors.shape == (5, embedder.spec.embedding_size)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert embedder.embed(chips[:0]).shape == (0, 128)


def test_a_vector_does_not_depend_on_its_batch(chips):
    once = facewise.load_embedder().embed(chips)
    small = facewise.load_embedder(batch_size=2).embed(chips)
    np.testing.assert_allclose(small, once, atol=1e-5)
    np.testing.assert_allclose(
        np.concatenate([facewise.load_embedder().embed(c[None]) for c in chips]), once, atol=1e-5
    )


def test_preprocessing_is_what_the_spec_says(own, rng):
    """Recomputed by hand: channels swapped, mean and standard deviation taken in that order."""
    chips = rng.integers(0, 256, (2, 112, 112, 3), np.uint8)
    network = MobileFaceNet().eval()
    network.load_state_dict(read_tensors(own.parent / "own.safetensors"))
    x = (chips[..., ::-1].astype(np.float32) - [1, 2, 3]) / [4, 5, 6]
    with torch.inference_mode():
        raw = network(torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32))).numpy()
    expected = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    np.testing.assert_allclose(facewise.load_embedder(str(own)).embed(chips), expected, atol=1e-5)


def test_flip_adds_the_mirror_image(embedder, chips):
    network = ARCHITECTURES["dlib_resnet29"]().eval()
    network.load_state_dict(read_tensors(locate(embedder.spec)))
    normal = embedder.spec.normalisation
    x = (chips.astype(np.float32) - normal.mean) / normal.std
    x = torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32))
    with torch.inference_mode():
        total = (network(x) + network(x.flip(3))).numpy()
    expected = total / np.linalg.norm(total, axis=1, keepdims=True)
    np.testing.assert_allclose(embedder.embed(chips, flip=True), expected, atol=1e-5)
    assert np.abs(embedder.embed(chips) - expected).max() > 1e-3


def test_faces_are_cut_as_the_spec_says(embedder, photo):
    [faces] = facewise.detect(photo)
    [vectors] = embedder.embed_faces(photo, faces)
    expected = embedder.embed(crop(photo, faces, embedder.spec.crop), flip=embedder.flip)
    np.testing.assert_array_equal(vectors, expected)
    assert len(vectors) == len(faces) == 3
    empty = embedder.embed_faces([photo, photo], [faces[:0], faces[1:2]])
    assert [v.shape for v in empty] == [(0, 128), (1, 128)]
    with pytest.raises(ValueError, match=r"shorter|longer"):
        embedder.embed_faces([photo, photo], [faces])


@pytest.mark.parametrize(
    "chips",
    [
        np.zeros((1, 149, 150, 3), np.uint8),
        np.zeros((150, 150, 3), np.uint8),
        np.zeros((1, 3, 150, 150), np.uint8),
        np.zeros((1, 150, 150, 3), np.float32),
        np.zeros((1, 150, 150, 4), np.uint8),
    ],
)
def test_chips_of_another_shape_or_type_are_refused(embedder, chips):
    with pytest.raises(ChipError, match=r"expected uint8 \(n, 150, 150, 3\) for dlib_resnet29"):
        embedder.embed(chips)


def test_values_that_are_not_finite_are_an_error(own):
    embedder = facewise.load_embedder(str(own))
    state = read_tensors(own.parent / "own.safetensors")
    name = next(name for name, value in state.items() if value.is_floating_point())
    state[name] = torch.full_like(state[name], float("nan"))
    save_file(state, own.parent / "bad.safetensors")
    with pytest.raises(ModelError, match=r"bad\.safetensors: gives values that are not finite"):
        facewise.load_embedder(str(own), weights=own.parent / "bad.safetensors")
    embedder._network = lambda x: x.flatten(1)[:, :128] * float("nan")
    with pytest.raises(ModelError, match=r"mobilefacenet.own: gave values that are not finite"):
        embedder.embed(np.zeros((1, 112, 112, 3), np.uint8))


def test_a_wrong_embedding_size_is_named(own):
    own.write_text(json.dumps(json.loads(own.read_text()) | {"embedding_size": 512}))
    with pytest.raises(ModelError, match=r"gave \(1, 128\) .* states embedding_size 512"):
        facewise.load_embedder(str(own)).embed(np.zeros((1, 112, 112, 3), np.uint8))


def test_a_classifiers_head_in_the_file_is_left_aside(tmp_path, rng):
    torch.manual_seed(0)
    network = InceptionResnetV1(num_classes=7, classify=False).eval()
    torch.save(network.state_dict(), tmp_path / "with_logits.pt")
    embedder = facewise.load_embedder(
        "inception_resnet_v1.vggface2", weights=tmp_path / "with_logits.pt"
    )
    chips = rng.integers(0, 256, (1, 160, 160, 3), np.uint8)
    x = torch.from_numpy((chips.astype(np.float32) - 127.5) / 128).permute(0, 3, 1, 2)
    with torch.inference_mode():
        np.testing.assert_allclose(embedder.embed(chips), network(x).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "architecture",
    [  # the deep ones take long to make, and differ from ir_50 in the number of blocks alone
        pytest.param(name, marks=[pytest.mark.slow] if name.endswith(("101", "152")) else [])
        for name in ARCHITECTURES
    ],
)
def test_every_architecture_makes_vectors_from_its_specs_chips(architecture, tmp_path):
    torch.manual_seed(0)
    network = ARCHITECTURES[architecture]()
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    sizes = {"dlib_resnet29": (150, 128), "inception_resnet_v1": (160, 512)}
    size, length = sizes.get(architecture, (112, 128 if architecture == "mobilefacenet" else 512))
    spec = ModelSpec(
        id=f"{architecture}.test",
        task="embed",
        architecture=architecture,
        weights=Weights("w.safetensors", "none", "none"),
        input_size=size,
        embedding_size=length,
        crop=FivePointCrop(size),
        normalisation=Normalisation(),
    )
    embedder = facewise.load_embedder(spec, weights=tmp_path / "w.safetensors")
    vectors = embedder.embed(np.full((2, size, size, 3), 90, np.uint8))
    assert vectors.shape == (2, length)


def test_weights_that_do_not_fit_are_named(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match=r"other\.safetensors: not weights of dlib_resnet29"):
        facewise.load_embedder(weights=tmp_path / "other.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"broken\.safetensors: damaged safetensors file"):
        facewise.load_embedder(weights=tmp_path / "broken.safetensors")
    (tmp_path / "broken.pt").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"broken\.pt: cannot be read as a PyTorch file"):
        facewise.load_embedder(weights=tmp_path / "broken.pt")
    with pytest.raises(ModelError, match=r"gone\.pt: no such weight file"):
        facewise.load_embedder(weights=tmp_path / "gone.pt")


class Payload:
    """Would run a command if it were unpickled."""

    def __reduce__(self):
        return (print, ("the pickle ran",))


def test_pickled_code_in_a_weight_file_is_not_run(tmp_path, capsys):
    torch.save({"conv": Payload()}, tmp_path / "evil.pt")
    with pytest.raises(
        ModelError, match=r"evil\.pt: refused: to read it, print would have to be executed"
    ):
        facewise.load_embedder(weights=tmp_path / "evil.pt")
    torch.save({"step": 3}, tmp_path / "checkpoint.pt")
    with pytest.raises(ModelError, match="expected a state_dict"):
        facewise.load_embedder(weights=tmp_path / "checkpoint.pt")
    assert "the pickle ran" not in capsys.readouterr().out


def test_wrong_names_are_told_apart():
    with pytest.raises(ModelError, match=r"did you mean inception_resnet_v1\.vggface2"):
        facewise.load_embedder("inception_resnet_v1.vgface2")
    with pytest.raises(ModelError, match="is a detector, not an embedder"):
        facewise.load_embedder("mtcnn")
    with pytest.raises(ModelError, match="is an embedder, not a detector"):
        facewise.load_detector("dlib_resnet29")
    with pytest.raises(DeviceError, match="cuda:99"):
        facewise.load_embedder(device="cuda:99")
    with pytest.raises(ValueError, match="batch_size"):
        facewise.load_embedder(batch_size=0)


def test_a_spec_file_describes_a_model_of_ones_own(own):
    spec = facewise.load_embedder(str(own)).spec
    assert spec.id == "mobilefacenet.own"
    assert spec.crop == FivePointCrop()
    assert spec.normalisation == Normalisation((1, 2, 3), (4, 5, 6), "bgr")
    assert spec.threshold(1e-3).value == 0.4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": None}, "own.json"),
        ({"inptu_size": 3}, "unknown key 'inptu_size'"),
        ({"crop": {"template": [[1, 2]]}}, "five points, not 1"),
        ({"crop": {"margins": 3}}, "expected one of margin, padding, template"),
        ({"crop": {"margin": 200}}, "margin must lie in"),
        ({"normalisation": {"mean": [1]}}, "mean has three values"),
        ({"normalisation": {"median": [1]}}, "median"),
        ({"architecture": "vgg"}, "cannot run the architecture 'vgg'"),
        ({"input_size": "wide"}, "wide"),
        ({"normalisation": {"colour": "BGR"}}, "expected 'rgb' or 'bgr', got 'BGR'"),
        ({"normalisation": {"std": [1, 0, 1]}}, "std: expected values above 0"),
        ({"flip": "no"}, "flip: expected true or false"),
        ({"thresholds": [{"value": 5, "far": 0.1, "measured_on": ""}]}, "expected a cosine"),
        ({"thresholds": [{"value": 0.5, "far": "1e-3", "measured_on": ""}]}, "expected a rate"),
    ],
)
def test_a_wrong_spec_file_is_named_with_what_is_wrong(own, change, message):
    own.write_text(json.dumps(json.loads(own.read_text()) | change))
    with pytest.raises(ModelError, match=message):
        facewise.load_embedder(str(own))


def test_a_spec_file_that_lacks_a_key_or_is_not_json(own):
    content = json.loads(own.read_text())
    del content["embedding_size"]
    own.write_text(json.dumps(content))
    with pytest.raises(ModelError, match="the key 'embedding_size' is missing"):
        facewise.load_embedder(str(own))
    own.write_text("{")
    with pytest.raises(ModelError, match=r"own\.json: not JSON"):
        facewise.load_embedder(str(own))
    with pytest.raises(ModelError, match=r"gone\.json: cannot be read"):
        facewise.load_embedder(str(own.parent / "gone.json"))


def test_thresholds_are_of_the_weights_and_the_flip_they_were_measured_with(tmp_path, photo):
    torch.manual_seed(0)
    save_file(MobileFaceNet().state_dict(), tmp_path / "w.safetensors")
    other = facewise.load_embedder("mobilefacenet", weights=tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="no threshold has been measured"):
        facewise.compare(photo, photo, model=other)
    assert facewise.load_embedder(flip=True).spec.thresholds
    assert facewise.load_embedder(flip=False).spec.thresholds == ()


def test_no_faces_need_no_landmarks(embedder, photo):
    none = facewise.Faces.empty(landmarks=False)
    assert embedder.embed_faces(photo, none)[0].shape == (0, 128)


def test_models_of_the_wrong_kind_are_named(embedder, own):
    with pytest.raises(TypeError, match="model: expected an embedder or its id, got Mtcnn"):
        facewise.embed("a.jpg", model=facewise.load_detector())
    with pytest.raises(TypeError, match="detector: expected a detector or its id, got Embedder"):
        facewise.detect("a.jpg", detector=embedder)
    assert facewise.embed(np.zeros((9, 9, 3), np.uint8), model=own)[0].shape == (0, 128)


@pytest.mark.parametrize(
    ("crop", "policy"),
    [
        ({"margin": 8}, MarginCrop(112, 8)),
        ({"padding": 0.3}, EyeCornerCrop(112, 0.3)),
        ({"template": ARCFACE_112}, FivePointCrop(112, ARCFACE_112)),
    ],
)
def test_a_spec_file_names_each_crop_policy(own, crop, policy):
    own.write_text(json.dumps(json.loads(own.read_text()) | {"crop": crop}))
    assert facewise.load_embedder(str(own)).spec.crop == policy


def test_thresholds_are_looked_up_between_measured_rates_and_never_outside():
    spec = get_spec("dlib_resnet29")
    rates = [t.far for t in spec.thresholds]
    assert 1e-3 in rates
    values = [t.value for t in sorted(spec.thresholds, key=lambda t: t.far)]
    assert values == sorted(values, reverse=True)  # a smaller rate asks for more similarity
    between = spec.threshold(2e-3)
    assert spec.threshold(1e-2).value < between.value < spec.threshold(1e-3).value
    assert "interpolated" in between.measured_on
    with pytest.raises(ModelError, match="is outside"):
        spec.threshold(1e-12)
    with pytest.raises(ModelError, match="no threshold has been measured"):
        get_spec("edgeface_s.webface260m").threshold()
