"""Checkpoints in the layouts of facenet-pytorch-vggface2, written here with torchvision's networks.

The project's model is `self.model`, a network of torchvision or of Cadene, whose last layer is
replaced by a head. Five heads stand in its history; `Theirs` builds each from its description.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import facewise
from facewise.alignment import MarginCrop
from facewise.convert.vggface2_triplet import PREPARATIONS, convert_vggface2_triplet
from facewise.embedding.folder import write_model_folder
from facewise.errors import ModelError
from facewise.zoo import read_spec

torchvision = pytest.importorskip("torchvision")
timm = pytest.importorskip("timm")

LAST = {"inceptionresnetv2": "last_linear", "mobilenetv2": "classifier"}
CLASSES = {"mobilenetv2": "classifier2"}


def head(kind, features, size):
    return {
        "linear": lambda: nn.Linear(features, size),
        "projection": lambda: nn.Linear(features, size, bias=False),
        "normed": lambda: nn.Sequential(
            nn.Linear(features, size, bias=False), nn.BatchNorm1d(size, eps=0.001)
        ),
        "hidden": lambda: nn.Sequential(
            nn.Linear(features, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, size)
        ),
        "hidden-normed": lambda: nn.Sequential(
            nn.Linear(features, 512),
            nn.BatchNorm1d(512),
            nn.ReLU(),
            nn.Linear(512, size),
            nn.BatchNorm1d(size),
        ),
    }[kind]()


class Theirs(nn.Module):
    """The project's model: the network under `model`, vectors of length `alpha`."""

    def __init__(self, architecture, kind, size, classes=None, alpha=1.0):
        super().__init__()
        self.alpha = alpha
        if architecture == "inceptionresnetv2":
            self.model = timm.create_model("inception_resnet_v2", num_classes=0)
            self.model.classif = nn.Identity()
            self.model.last_linear = head(kind, 1536, size)
        elif architecture == "mobilenetv2":
            self.model = torchvision.models.mobilenet_v2(weights=None)
            self.model.classifier = head(kind, 1280, size)
        else:
            self.model = getattr(torchvision.models, architecture)(weights=None)
            self.model.fc = head(kind, self.model.fc.in_features, size)
        if classes:
            setattr(self.model, CLASSES.get(architecture, "classifier"), nn.Linear(size, classes))
        for layer in self.modules():  # as after training: unlike the identity
            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 1.5)
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.normal_(layer.bias, 0, 0.1)

    def forward(self, x):
        y = self.model(x)
        if hasattr(self.model, "last_linear"):  # timm's own last layer gives the features
            y = self.model.last_linear(y)
        return self.alpha * F.normalize(y, p=2, dim=1)


def theirs(architecture, kind, size, **options):
    torch.manual_seed(0)
    return Theirs(architecture, kind, size, **options).eval()


def checkpoint(model, architecture, size, **more):
    """The dictionary of `train_triplet.py`, with the state that its optimiser has after a step."""
    trained = list(model.parameters())[:2]
    optimizer = torch.optim.Adagrad(trained, lr=0.05)
    sum(p.sum() for p in trained).backward()
    optimizer.step()
    return {
        "epoch": 32,
        "embedding_dimension": size,
        "batch_size_training": 256,
        "model_state_dict": model.state_dict(),
        "model_architecture": architecture,
        "optimizer_model_state_dict": optimizer.state_dict(),
        "best_distance_threshold": np.mean([0.97, 0.99]),  # a NumPy number, as theirs is
        **more,
    }


def written(path, content, **options):
    torch.save(content, path, **options)
    return path


def pictures(n, size):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(1))


def assert_same(network, model, size=64, atol=1e-5):
    x = pictures(2, size)
    with torch.inference_mode():
        found, expected = F.normalize(network(x)), F.normalize(model(x))
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("architecture", "kind", "size", "preparation"),
    [
        ("resnet34", "linear", 128, "160"),
        ("resnet18", "hidden", 128, "224-margin"),
        ("resnet18", "hidden-normed", 256, "224-margin"),
        ("resnet18", "normed", 256, "224"),
        ("resnet34", "projection", 512, "140"),
        ("resnet50", "normed", 512, "224"),
        ("mobilenetv2", "hidden-normed", 256, "224-margin"),
        ("mobilenetv2", "projection", 512, "140"),
    ],
)
def test_every_generation_gives_the_vectors_of_its_project(
    tmp_path, architecture, kind, size, preparation
):
    model = theirs(architecture, kind, size)
    path = written(
        tmp_path / "model.pt",
        checkpoint(model, architecture, size),
        _use_new_zipfile_serialization=kind != "linear",  # PyTorch 1.6 was not there yet
    )
    network, spec = convert_vggface2_triplet(path)
    assert_same(network, model)
    prepared = PREPARATIONS[preparation]
    assert spec.architecture == architecture.replace("mobilenetv2", "mobilenet_v2")
    assert spec.id == f"{spec.architecture}.model"
    assert (spec.embedding_size, spec.input_size) == (size, prepared.size)
    assert spec.crop == MarginCrop(prepared.size, prepared.margin)
    assert f"head {kind}, preparation {preparation}, epoch 32" in spec.notes


def test_inception_resnet_v2_takes_pictures_of_299(tmp_path):
    model = theirs("inceptionresnetv2", "normed", 256)
    path = written(tmp_path / "model.pt", checkpoint(model, "inceptionresnetv2", 256))
    network, spec = convert_vggface2_triplet(path)
    assert_same(network, model, size=299)
    assert spec.architecture == "inception_resnet_v2"
    assert (spec.input_size, spec.crop) == (299, MarginCrop(299, 0))


@pytest.mark.slow
@pytest.mark.parametrize("depth", [101, 152])
def test_the_deep_ones(tmp_path, depth):
    model = theirs(f"resnet{depth}", "linear", 128)
    path = written(tmp_path / "model.pt", checkpoint(model, f"resnet{depth}", 128))
    assert_same(convert_vggface2_triplet(path)[0], model)


@pytest.mark.parametrize("architecture", ["resnet18", "mobilenetv2"])
def test_center_loss(tmp_path, architecture):
    """The layer that tells the classes apart is no part of the embedder."""
    model = theirs(architecture, "normed", 256, classes=70)
    centers = torch.optim.SGD([nn.Parameter(torch.zeros(70, 256))], lr=0.5, momentum=0.9)
    content = checkpoint(
        model,
        architecture,
        256,
        num_classes=70,
        optimizer_centerloss_state_dict=centers.state_dict(),
        learning_rate_scheduler_state_dict={"milestones": {150: 1, 225: 1}, "last_epoch": 3},
    )
    network, spec = convert_vggface2_triplet(written(tmp_path / "center.pt", content))
    assert_same(network, model)
    assert "center loss over 70 people" in spec.notes


def test_data_parallel_and_half_precision(tmp_path):
    model = theirs("resnet18", "projection", 512)
    content = checkpoint(model, "resnet18", 512)
    model = model.half()
    state = {f"module.{name}": value for name, value in model.state_dict().items()}
    assert state["module.model.conv1.weight"].dtype == torch.float16
    path = written(tmp_path / "m.pt", content | {"model_state_dict": state})
    model = model.float()
    network, _ = convert_vggface2_triplet(path)
    assert_same(network, model)
    assert {p.dtype for p in network.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    "architecture", ["resnet18", "resnet34", "resnet50", "mobilenetv2", "inceptionresnetv2"]
)
def test_a_bare_state_dict_shows_what_it_is(tmp_path, architecture):
    model = theirs(architecture, "projection", 64)
    path = written(tmp_path / "bare.pt", model.state_dict())
    network, spec = convert_vggface2_triplet(path)
    names = {"mobilenetv2": "mobilenet_v2", "inceptionresnetv2": "inception_resnet_v2"}
    assert spec.architecture == names.get(architecture, architecture)
    assert spec.embedding_size == 64
    assert spec.thresholds == ()
    if architecture != "inceptionresnetv2":
        assert_same(network, model)


def test_files_without_batch_counters(tmp_path):
    """PyTorch before 0.4.1 had none."""
    model = theirs("resnet18", "linear", 128)
    state = {k: v for k, v in model.state_dict().items() if "num_batches" not in k}
    content = checkpoint(model, "resnet18", 128, model_state_dict=state)
    assert_same(convert_vggface2_triplet(written(tmp_path / "old.pt", content))[0], model)


@pytest.mark.parametrize("kind", ["normed", "projection"])
def test_the_folder_is_a_model_that_prepares_as_the_project_did(tmp_path, rng, kind):
    """Against `ToTensor`, `Normalize` of torchvision and the project's model, from pixels on."""
    model = theirs("resnet18", kind, 256)
    path = written(tmp_path / "model.pt", checkpoint(model, "resnet18", 256))
    network, spec = convert_vggface2_triplet(path)
    file = write_model_folder(tmp_path / "out", network, spec)
    embedder = facewise.load_embedder(str(file), backend="torch", precision="float32")
    mean, std, size = {
        "normed": ([0.6068, 0.4517, 0.3800], [0.2492, 0.2173, 0.2082], 224),
        "projection": ([0.6071, 0.4609, 0.3944], [0.2457, 0.2175, 0.2129], 140),
    }[kind]
    transforms = torchvision.transforms
    prepare = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])
    chips = rng.integers(0, 256, (2, size, size, 3), np.uint8)
    with torch.inference_mode():
        expected = model(torch.stack([prepare(chip) for chip in chips])).numpy()
    np.testing.assert_allclose(embedder.embed(chips), expected, rtol=0, atol=1e-5)
    assert embedder.spec.embedding_size == 256
    assert embedder.spec.thresholds == spec.thresholds


@pytest.mark.parametrize(
    ("kind", "alpha", "distance"),
    [("normed", 1.0, 0.98), ("projection", 1.0, 0.5), ("linear", 10.0, 9.4)],
)
def test_the_best_distance_becomes_the_cosine_that_decides_alike(tmp_path, kind, alpha, distance):
    model = theirs("resnet18", kind, 128, alpha=alpha)
    content = checkpoint(model, "resnet18", 128, best_distance_threshold=np.float64(distance))
    _, spec = convert_vggface2_triplet(written(tmp_path / "m.pt", content))
    (threshold,) = spec.thresholds
    assert threshold.far is None
    assert f"Euclidean distance {distance:g} between vectors of length" in threshold.measured_on
    # Two vectors of that length, at that distance.
    half = np.arcsin(distance / (2 * alpha))
    a, b = (alpha * np.array([np.cos(s * half), np.sin(s * half)]) for s in (1, -1))
    assert np.linalg.norm(a - b) == pytest.approx(distance)
    assert threshold.value == pytest.approx(a @ b / alpha**2)
    with pytest.raises(ModelError, match="no threshold has been measured"):
        spec.threshold()


@pytest.mark.parametrize(("kind", "distance"), [("linear", 1.3), ("linear", 21.0), ("normed", 2.5)])
def test_a_distance_between_vectors_of_unknown_length_is_only_told(tmp_path, kind, distance):
    model = theirs("resnet18", kind, 128)
    content = checkpoint(model, "resnet18", 128, best_distance_threshold=distance)
    _, spec = convert_vggface2_triplet(written(tmp_path / "m.pt", content))
    assert spec.thresholds == ()
    assert f"best Euclidean distance on LFW, {distance:g}, is of vectors of unknown" in spec.notes


@pytest.mark.parametrize("told", [float("nan"), -1.0, "0.98", True])
def test_a_threshold_that_is_no_distance(tmp_path, told):
    model = theirs("resnet18", "normed", 128)
    content = checkpoint(model, "resnet18", 128, best_distance_threshold=told)
    with pytest.raises(ModelError, match=r"best_distance_threshold: expected a distance"):
        convert_vggface2_triplet(written(tmp_path / "m.pt", content))


def test_the_file_states_another_embedding_size(tmp_path):
    """As the project's Inception-ResNet-v2 did: 128 numbers, whatever was asked for."""
    model = theirs("resnet18", "hidden", 128)
    path = written(tmp_path / "m.pt", checkpoint(model, "resnet18", 256))
    with pytest.raises(ModelError, match=r"says embedding_dimension 256, but .* 128 numbers"):
        convert_vggface2_triplet(path)
    with pytest.raises(ModelError, match=r"have 128 numbers, not 64"):
        convert_vggface2_triplet(path, embedding_size=64)
    assert convert_vggface2_triplet(path, embedding_size=128)[1].embedding_size == 128


def test_what_the_caller_says_of_the_faces(tmp_path):
    path = written(tmp_path / "m.pt", checkpoint(theirs("resnet18", "normed", 64), "resnet18", 64))
    _, spec = convert_vggface2_triplet(path, preparation="160", input_size=128)
    assert (spec.input_size, spec.crop) == (128, MarginCrop(128, 26))
    assert spec.normalisation.mean == spec.normalisation.std == (127.5, 127.5, 127.5)
    with pytest.raises(ModelError, match=r"preparation: expected one of 160, 224-margin"):
        convert_vggface2_triplet(path, preparation="96")
    with pytest.raises(ModelError, match=r"input_size: expected at least 32 pixels, got 16"):
        convert_vggface2_triplet(path, input_size=16)


def test_another_architecture_than_the_file_says(tmp_path):
    model = theirs("resnet18", "normed", 64)
    path = written(tmp_path / "m.pt", checkpoint(model, "resnet34", 64))
    with pytest.raises(
        ModelError, match=r"not weights of resnet34: 80 of \d+ tensors missing \(lay"
    ):
        convert_vggface2_triplet(path)
    assert_same(convert_vggface2_triplet(path, architecture="resnet18")[0], model)
    with pytest.raises(ModelError, match=r"expected one of resnet18, .* got 'vgg16'"):
        convert_vggface2_triplet(path, architecture="vgg16")
    with pytest.raises(ModelError, match=r"form under 'classifier', got nothing"):
        convert_vggface2_triplet(path, architecture="mobilenetv2")


def test_tensors_that_do_not_fit_are_listed(tmp_path):
    state = theirs("resnet18", "normed", 64).state_dict()
    del state["model.layer1.0.bn1.weight"]
    state["model.extra"] = torch.zeros(1)
    state["model.conv1.weight"] = torch.zeros(64, 6, 7, 7)
    state["model.bn1.weight"] = torch.zeros(64, dtype=torch.int64)
    with pytest.raises(ModelError) as error:
        convert_vggface2_triplet(
            written(tmp_path / "m.pt", {"model_state_dict": state}), architecture="resnet18"
        )
    text = str(error.value)
    assert "1 of 126 tensors missing (layer1.0.bn1.weight)" in text
    assert "1 of 126 tensors not expected (extra)" in text
    assert "(conv1.weight: expected (64, 3, 7, 7), got (64, 6, 7, 7))" in text
    assert "not floating point (bn1.weight: torch.int64)" in text


def test_an_unknown_head(tmp_path):
    state = theirs("resnet18", "normed", 64).state_dict()
    del state["model.fc.1.running_mean"]
    with pytest.raises(ModelError, match=r"known form under 'fc', got 0.weight, 1.bias"):
        convert_vggface2_triplet(written(tmp_path / "m.pt", state))


def test_weights_of_another_family(tmp_path):
    path = written(tmp_path / "m.pt", {"input_layer.0.weight": torch.zeros(2)})
    with pytest.raises(ModelError, match=r"none of resnet18, .* first is 'input_layer.0.weight'"):
        convert_vggface2_triplet(path)


class Payload:
    def __reduce__(self):
        return os.system, ("echo the pickle ran",)


def test_code_in_the_file_is_not_run(tmp_path, capfd):
    content = checkpoint(theirs("resnet18", "normed", 64), "resnet18", 64)
    path = written(tmp_path / "evil.pt", content | {"epoch": Payload()})
    with pytest.raises(ModelError, match=rf"evil\.pt: refused: .*{os.system.__module__}\.system"):
        convert_vggface2_triplet(path)
    assert "the pickle ran" not in capfd.readouterr().out


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_short(tmp_path, zipped):
    content = checkpoint(theirs("resnet18", "normed", 64), "resnet18", 64)
    path = written(tmp_path / "m.pt", content, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match=r"m\.pt: cannot be read as a PyTorch file; is it whole"):
        convert_vggface2_triplet(path)


def test_the_spec_says_whose_terms_hold(tmp_path):
    content = checkpoint(theirs("resnet18", "projection", 64), "resnet18", 64)
    network, spec = convert_vggface2_triplet(written(tmp_path / "m.pt", content))
    read = read_spec(write_model_folder(tmp_path / "out", network, spec))
    assert "research only" in read.weights.licence
    assert read.weights.training_set.startswith("Glint360K (research only)")
