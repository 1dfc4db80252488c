"""`InceptionResnetV1`: which layers there are, and where its weights come from."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch import nn

import facewise.compat.facenet_pytorch as compat
from facewise import zoo
from facewise.compat.facenet_pytorch.models import inception_resnet_v1 as module
from facewise.errors import DeviceError, DownloadError

CLASSES = {"vggface2": 8631, "casia-webface": 10_575}
PORTRAITS = ["angelina_jolie", "kate_siegel", "paul_rudd", "shea_whigham"]
PUBLISHED = {  # distances between the embeddings of each two portraits
    "vggface2": [0.886342, 1.438450, 1.437583, 1.363125, 1.338803, 1.066040],
    "casia-webface": [0.992931, 1.414197, 1.329544, 1.358875, 1.337322, 1.204118],
}


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Stand-ins for the published files: random weights, under their names, in a folder."""
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FACEWISE_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("FACEWISE_WEIGHTS", raising=False)
    specs = {}

    def make(pretrained, folder):
        torch.manual_seed(len(pretrained))
        network = compat.InceptionResnetV1(classify=True, num_classes=CLASSES[pretrained])
        folder.mkdir(parents=True, exist_ok=True)
        spec = zoo.get_spec(f"inception_resnet_v1.{pretrained.replace('-', '_')}")
        path = folder / spec.weights.filename
        torch.save(network.state_dict(), path)
        known = replace(
            spec.weights, size=path.stat().st_size, sha256=zoo.file_sha256(path, memo=False)
        )
        specs[spec.id] = replace(spec, weights=known)
        return network, path

    monkeypatch.setattr(
        zoo, "get_spec", lambda model_id, real=zoo.get_spec: specs.get(model_id) or real(model_id)
    )
    return make


@pytest.mark.parametrize(
    ("arguments", "logits"),
    [
        ({}, None),
        ({"num_classes": 100}, None),
        ({"classify": True, "num_classes": 7}, 7),
    ],
)
def test_logits_without_pretraining(arguments, logits):
    network = compat.InceptionResnetV1(**arguments)
    assert (network.logits.out_features if hasattr(network, "logits") else None) == logits
    assert network.num_classes == arguments.get("num_classes")
    assert network.classify == arguments.get("classify", False)
    assert network.pretrained is None
    assert network.device == torch.device("cpu")
    shape = network.eval()(torch.zeros(2, 3, 96, 96)).shape
    assert shape == (2, logits or 512)


def test_classify_without_classes_is_refused():
    with pytest.raises(ValueError, match="num_classes"):
        compat.InceptionResnetV1(classify=True)


@pytest.mark.parametrize("name", ["vggface", "casia_webface", ""])
def test_unknown_pretraining_is_named(name):
    with pytest.raises(ValueError, match=f"expected vggface2 or casia-webface; got '{name}'"):
        compat.InceptionResnetV1(pretrained=name)


def test_missing_device_is_refused():
    with pytest.raises(DeviceError, match="cuda:99"):
        compat.InceptionResnetV1(device="cuda:99")


@pytest.mark.parametrize("pretrained", CLASSES)
def test_pretrained(pretrained, weights, tmp_path):
    trained, _ = weights(pretrained, tmp_path / "cache" / "models")
    network = compat.InceptionResnetV1(pretrained=pretrained).eval()
    state = network.state_dict()
    assert all(torch.equal(state[key], value) for key, value in trained.state_dict().items())
    assert (network.pretrained, network.num_classes) == (pretrained, None)
    faces = torch.rand(1, 3, 96, 96)
    embedding = network(faces)
    assert embedding.shape == (1, 512)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(1))
    network.classify = True  # as in the predecessor's README
    torch.testing.assert_close(network(faces), trained.eval()(faces))


def test_pretrained_with_other_classes(weights, tmp_path):
    trained, _ = weights("vggface2", tmp_path / "cache" / "models")
    network = compat.InceptionResnetV1("vggface2", classify=True, num_classes=5).eval()
    assert network(torch.zeros(1, 3, 96, 96)).shape == (1, 5)
    assert torch.equal(network.last_linear.weight, trained.last_linear.weight)
    kept = compat.InceptionResnetV1("vggface2", num_classes=5)
    assert kept.logits.out_features == 8631
    assert kept.num_classes == 5


def test_weights_of_the_predecessor_are_found(weights, tmp_path):
    trained, path = weights("vggface2", tmp_path / "torch" / "checkpoints")
    network = compat.InceptionResnetV1(pretrained="vggface2")
    assert torch.equal(network.logits.bias, trained.logits.bias)
    assert not (tmp_path / "cache" / "models" / path.name).exists()


def test_damaged_weights_of_the_predecessor_are_left_aside(weights, tmp_path):
    _, path = weights("vggface2", tmp_path / "torch" / "checkpoints")
    path.write_bytes(path.read_bytes()[:-1] + b"\0\0")
    with pytest.raises(DownloadError, match="FACEWISE_OFFLINE"):
        compat.InceptionResnetV1(pretrained="vggface2")


def test_torch_home(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert module.get_torch_home() == str(tmp_path)
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert module.get_torch_home() == str(tmp_path / "torch")


@pytest.mark.oracle
@pytest.mark.parametrize("arguments", [{}, {"classify": True, "num_classes": 3}])
def test_equals_the_predecessor(oracle, arguments, assert_same):
    networks = []
    for package in (compat, oracle):
        torch.manual_seed(2)
        networks.append(package.InceptionResnetV1(dropout_prob=0.3, **arguments))
    ours, theirs = networks
    # Programs take the network apart by the order of its children.
    assert [name for name, _ in ours.named_children()] == [
        name for name, _ in theirs.named_children()
    ]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for network in networks:
        torch.manual_seed(3)
        network.train()
    faces = torch.rand(2, 3, 96, 96)
    seeded = []
    for network in networks:
        torch.manual_seed(3)
        seeded.append(network(faces).detach())
    assert_same(*seeded, atol=1e-5)
    with torch.no_grad():
        body = [nn.Sequential(*list(network.eval().children())[:14]) for network in networks]
        assert_same(body[0](faces), body[1](faces), atol=1e-5)


@pytest.mark.oracle
def test_pretrained_equals_the_predecessor(oracle, weights, tmp_path):
    weights("vggface2", tmp_path / "torch" / "checkpoints")
    states = []
    for package in (compat, oracle):
        torch.manual_seed(4)
        network = package.InceptionResnetV1("vggface2", classify=True, num_classes=6)
        states.append((network.state_dict(), torch.rand(1)))
    (ours, draw), (theirs, their_draw) = states
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert torch.equal(draw, their_draw)


@pytest.mark.shared
@pytest.mark.parametrize("pretrained", PUBLISHED)
def test_distances_the_predecessor_published(pretrained, shared):
    # From the tests in facenet-pytorch's repository: portraits with a shorter side of 512 pixels.
    spec = zoo.get_spec(f"inception_resnet_v1.{pretrained.replace('-', '_')}")
    if zoo.locate(spec) is None:
        pytest.skip(f"{spec.weights.filename} is not here (`facewise models pull {spec.id}`)")
    faces = []
    for name in PORTRAITS:
        image = Image.open(shared(f"data/photos/people/{name}/1.jpg")).convert("RGB")
        scale = 512 / min(image.size)
        image = image.resize(
            (int(image.width * scale), int(image.height * scale)), Image.Resampling.BILINEAR
        )
        faces.append(compat.MTCNN()(image))
    with torch.no_grad():
        embeddings = compat.InceptionResnetV1(pretrained=pretrained).eval()(torch.stack(faces))
    distances = torch.pdist(embeddings)
    torch.testing.assert_close(distances, torch.tensor(PUBLISHED[pretrained]), rtol=0, atol=1e-2)
