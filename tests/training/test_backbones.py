"""Networks that learn: how they begin, and which of their layers do not learn."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from facewise import zoo
from facewise.alignment import ARCFACE_112, EyeCornerCrop, FivePointCrop, MarginCrop
from facewise.embedding import timm_network
from facewise.errors import ExtraMissingError, ModelError, TrainingError
from facewise.training.backbones import backbone_name, backbone_spec, build_backbone
from facewise.training.freezing import freeze, hold_frozen_norms
from facewise.training.result import save_model
from facewise.zoo import Normalisation

WITHOUT_ENTRY = ("resnet50", "mobilenet_v2", "timm:resnet18")


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.set_num_threads(2)
    torch.manual_seed(5)


def learning(network: nn.Module) -> set[str]:
    return {name for name, parameter in network.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize(
    ("name", "size", "length", "crop"),
    [
        ("mobilefacenet", 112, 128, FivePointCrop()),
        ("ir_50", 112, 512, FivePointCrop()),
        ("ir_se_50", 112, 512, FivePointCrop()),
        ("dlib_resnet29", 150, 128, EyeCornerCrop(150)),
        ("inception_resnet_v1", 160, 512, MarginCrop(160, 0)),
        ("timm:resnet18", 112, 512, FivePointCrop()),
    ],
)
def test_the_spec_is_that_of_the_zoo(name: str, size: int, length: int, crop: Any) -> None:
    network, spec = build_backbone(name)
    assert (spec.architecture, spec.input_size, spec.embedding_size) == (name, size, length)
    assert spec.crop == crop
    assert spec.thresholds == ()
    assert not spec.measured
    assert not spec.published
    assert not spec.precision_loss
    assert network.training
    assert backbone_spec(name) == spec.__class__(
        **{key: getattr(spec, key) for key in spec.__slots__} | {"embedding_size": None}
    )
    vectors = network.eval()(torch.randn(2, 3, size, size))
    assert vectors.shape == (2, length)


def test_normalisation() -> None:
    known = zoo.get_spec("mobilefacenet").normalisation
    assert build_backbone("mobilefacenet")[1].normalisation == known
    assert build_backbone("ir_101")[1].normalisation == zoo.get_spec("ir_50").normalisation
    for name in WITHOUT_ENTRY:
        assert backbone_spec(name).normalisation == Normalisation(std=(127.5, 127.5, 127.5))
    mine = Normalisation(mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0), colour="bgr")
    crop = MarginCrop(96, 8)
    _, spec = build_backbone("timm:resnet18", crop=crop, normalisation=mine)
    assert (spec.normalisation, spec.crop, spec.input_size) == (mine, crop, 96)
    with pytest.raises(TrainingError, match="crop: gives chips of 96 pixels; input_size is 112"):
        build_backbone("timm:resnet18", crop=crop, input_size=112)


def test_flip_is_that_of_the_zoo() -> None:
    assert backbone_spec("dlib_resnet29").flip
    assert not backbone_spec("mobilefacenet").flip


def test_another_input_size_shows_the_same_part_of_the_face() -> None:
    spec = backbone_spec("timm:resnet18", input_size=224)
    assert isinstance(spec.crop, FivePointCrop)
    assert spec.crop.size == spec.input_size == 224
    np.testing.assert_allclose(spec.crop.template, 2 * np.array(ARCFACE_112))
    assert backbone_spec("dlib_resnet29", input_size=100).crop == EyeCornerCrop(100, 0.25)
    assert backbone_spec("resnet34", input_size=80).crop == MarginCrop(80, 16)  # 32 of 160


def test_the_spec_of_a_model() -> None:
    spec = backbone_spec("dlib_resnet29.dlib")
    known = zoo.get_spec("dlib_resnet29.dlib")
    assert (spec.id, spec.crop, spec.normalisation) == (known.id, known.crop, known.normalisation)
    assert spec.thresholds == ()
    with pytest.raises(ModelError, match="mtcnn is a detector"):
        backbone_spec("mtcnn")


def test_faces_of_another_size() -> None:
    network, spec = build_backbone("ir_50", input_size=224)
    assert spec.input_size == 224
    weight = network.get_parameter("output_layer.3.weight")
    assert weight.shape == (512, 512 * 14 * 14)
    with pytest.raises(TrainingError, match="mobilefacenet cannot take faces of 128 pixels"):
        build_backbone("mobilefacenet", input_size=128)
    with pytest.raises(TrainingError, match="ir_50: input_size must be 112 or 224, got 96"):
        build_backbone("ir_50", input_size=96)


def test_the_length_of_vectors() -> None:
    assert build_backbone("mobilefacenet", embedding_size=128)[1].embedding_size == 128
    assert build_backbone("timm:resnet18", embedding_size=96)[1].embedding_size == 96
    assert build_backbone("resnet18", embedding_size=64)[1].embedding_size == 64
    with pytest.raises(
        TrainingError, match="embedding_size: mobilefacenet gives vectors of 128 numbers, not 256"
    ):
        build_backbone("mobilefacenet", embedding_size=256)


def test_inception_resnet_gives_vectors_that_have_a_length() -> None:
    network, _ = build_backbone("inception_resnet_v1", input_size=80)
    network.eval()
    x = torch.randn(2, 3, 80, 80)
    with torch.inference_mode():
        given = network(x)
        network.classify = False
        unit = network(x)
    torch.testing.assert_close(unit.norm(dim=1), torch.ones(2))
    assert (given.norm(dim=1) - 1).abs().min() > 0.05
    torch.testing.assert_close(given / given.norm(dim=1, keepdim=True), unit)
    assert not any(name.startswith("logits") for name in network.state_dict())


def test_the_head_of_a_timm_network_by_hand() -> None:
    network, _ = build_backbone("timm:resnet18", embedding_size=32, dropout=0.5)
    x = torch.randn(4, 3, 112, 112)
    network.eval()
    with torch.no_grad():
        state = network.state_dict()
        state["head.1.running_mean"].copy_(torch.randn(32))
        state["head.1.running_var"].copy_(1 + torch.rand(32))
        state["head.1.bias"].copy_(torch.randn(32))
        trunk = network.get_submodule("trunk")
        maps = trunk.get_submodule("layer4").register_forward_hook(
            lambda module, inputs, result: kept.append(result)
        )
        kept: list[torch.Tensor] = []
        vectors = network(x)
        maps.remove()
        features = kept[0].mean(dim=(2, 3))  # global pooling, and no dropout
        projected = features @ state["head.0.weight"].T
        deviation = (state["head.1.running_var"] + 1e-3).sqrt()
        expected = (projected - state["head.1.running_mean"]) / deviation + state["head.1.bias"]
    torch.testing.assert_close(vectors, expected, rtol=1e-4, atol=1e-4)
    network.train()
    assert not torch.equal(network(x), network(x))  # dropout


def test_the_scale_of_the_last_norm_does_not_learn() -> None:
    network, _ = build_backbone("timm:resnet18")
    assert set(dict(network.named_parameters())) - learning(network) == {"head.1.weight"}
    assert bool((network.get_parameter("head.1.weight") == 1).all())
    network.requires_grad_(False).requires_grad_(True)
    assert "head.1.weight" not in learning(network)
    assert "head.1.bias" in learning(network)


@pytest.mark.parametrize("dropout", [-0.1, 1.5])
def test_dropout_out_of_range(dropout: float) -> None:
    with pytest.raises(TrainingError, match="dropout: expected a share"):
        build_backbone("timm:resnet18", dropout=dropout)


def test_dropout_belongs_to_timm() -> None:
    with pytest.raises(TrainingError, match=r"dropout: .* and none else, got 0\.5"):
        build_backbone("mobilefacenet", dropout=0.5)


def test_unknown_names() -> None:
    with pytest.raises(ModelError, match="cannot run the architecture 'vgg'; it has dlib_resnet29"):
        build_backbone("vgg")
    with pytest.raises(ModelError, match=r"timm has no such model; did you mean timm:resnet18"):
        build_backbone("timm:resnet_18")
    with pytest.raises(ModelError, match=r"timm:resnet18\.nope: timm has no such model"):
        build_backbone("timm:resnet18.nope")
    with pytest.raises(ModelError, match="timm has no such model"):
        build_backbone("timm:hf-hub:timm/resnet18.a1_in1k")


def test_a_timm_network_made_for_one_size_is_made_for_ours() -> None:
    network, spec = build_backbone("timm:vit_tiny_patch16_224", embedding_size=16)
    assert spec.input_size == 112
    assert network.get_parameter("trunk.pos_embed").shape[1] == 7 * 7 + 1


def test_without_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(timm_network.importlib, "import_module", missing)
    with pytest.raises(ExtraMissingError, match=r"timm:resnet18: needs timm; pip install .*train"):
        build_backbone("timm:resnet18")


def test_weights_of_a_run(tmp_path: Path) -> None:
    first, spec = build_backbone("mobilefacenet")
    folder = save_model(tmp_path / "first", first, spec)
    for given in (folder, str(folder), folder / "spec.json", folder / "model.safetensors",
                  f"mobilefacenet={folder / 'model.safetensors'}"):  # fmt: skip
        network, found = build_backbone("mobilefacenet", pretrained=given)
        for name, value in first.state_dict().items():
            assert torch.equal(network.state_dict()[name], value), name
        assert found.crop == spec.crop
        assert "Training began with" in found.notes
        assert network.training
        assert learning(network) == set(dict(network.named_parameters()))


def test_weights_of_a_timm_run(tmp_path: Path) -> None:
    first, spec = build_backbone(
        "timm:resnet18", embedding_size=24, input_size=64, normalisation=Normalisation()
    )
    folder = save_model(tmp_path / "first", first, spec)
    network, found = build_backbone("timm:resnet18", pretrained=folder, dropout=0.25)
    assert (found.embedding_size, found.input_size, found.crop) == (24, 64, spec.crop)
    assert found.normalisation == Normalisation()
    assert network.get_submodule("dropout").p == 0.25
    assert "head.1.weight" not in learning(network)
    for name, value in first.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name
    with pytest.raises(TrainingError, match="gives vectors of 24 numbers, not 128"):
        build_backbone("timm:resnet18", pretrained=folder, embedding_size=128)


def test_weights_of_a_model_of_the_zoo() -> None:
    network, spec = build_backbone("dlib_resnet29", pretrained="dlib_resnet29.dlib")
    known = zoo.get_spec("dlib_resnet29.dlib")
    file = zoo.weights_path(known)
    from safetensors.torch import load_file

    for name, value in load_file(file).items():
        assert torch.equal(network.state_dict()[name], value.float()), name
    assert all(value.dtype == torch.float32 for value in network.state_dict().values())
    assert known.weights.licence in spec.weights.licence
    assert known.weights.training_set in spec.weights.training_set
    assert spec.thresholds == ()


def test_a_file_of_timm(tmp_path: Path) -> None:
    import timm

    reference = timm.create_model("resnet18", pretrained=False)  # with a classifier of 1,000
    path = tmp_path / "resnet18.pth"
    torch.save(reference.state_dict(), path)
    network, spec = build_backbone("timm:resnet18", pretrained=path, embedding_size=40)
    for name, value in reference.state_dict().items():
        if not name.startswith("fc."):
            assert torch.equal(network.state_dict()[f"trunk.{name}"], value), name
    assert spec.embedding_size == 40

    state = reference.state_dict()
    state["layer1.0.conv1.weight"] = state["layer1.0.conv1.weight"][:, :5]
    torch.save(state, path)
    with pytest.raises(ModelError, match=r"not weights of timm:resnet18: .*layer1\.0\.conv1"):
        build_backbone("timm:resnet18", pretrained=path)


def test_what_did_not_fit_is_listed(tmp_path: Path) -> None:
    network, _ = build_backbone("mobilefacenet")
    state = network.state_dict()
    del state["conv1.0.weight"]
    state["conv3.weight"] = torch.zeros(64, 512, 1, 1)
    state["extra"] = torch.zeros(1)
    path = tmp_path / "weights.pt"
    torch.save(state, path)
    with pytest.raises(ModelError) as caught:
        build_backbone("mobilefacenet", pretrained=path)
    assert str(path) in str(caught.value)
    assert "tensors missing (conv1.0.weight)" in str(caught.value)
    assert "not expected (extra)" in str(caught.value)
    assert "conv3.weight: expected (128, 512, 1, 1), got (64, 512, 1, 1)" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "pretrained", "message"),
    [
        ("ir_50", "dlib_resnet29.dlib", "of the architecture dlib_resnet29, and the backbone of"),
        ("mobilefacenet", "imagenet", "no weights of ImageNet for mobilefacenet"),
        ("mobilefacenet", True, "no weights of ImageNet for mobilefacenet"),
        ("mobilefacenet", "nothing.pt", "nothing.pt: no such file"),
        ("mobilefacenet", "runs/nothing", "runs/nothing: no such folder of a model"),
        ("mobilefacenet", "mobilfacenet.ms1m", "did you mean mobilefacenet.ms1m"),
        ("mobilefacenet", "mobilefacenet=gone.pt", "gone.pt: no such weight file"),
    ],
)
def test_weights_that_cannot_be(name: str, pretrained: Any, message: str) -> None:
    with pytest.raises((ModelError, TrainingError), match=message):
        build_backbone(name, pretrained=pretrained)


def test_imagenet_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    build = timm.create_model

    def offline(name: str, pretrained: bool = False, **options: Any) -> nn.Module:
        if pretrained:
            raise OSError("Cannot send a request: no route to host")
        return build(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    monkeypatch.delenv("FACEWISE_OFFLINE", raising=False)
    with pytest.raises(
        TrainingError, match=r"could not give weights of resnet18 \(Cannot send.*pretrained=FILE"
    ):
        build_backbone("timm:resnet18", pretrained=True)
    monkeypatch.setenv("FACEWISE_OFFLINE", "1")
    with pytest.raises(TrainingError, match="FACEWISE_OFFLINE forbids"):
        build_backbone("timm:resnet18", pretrained="imagenet")


def test_imagenet_weights_are_asked_of_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    build, asked = timm.create_model, []

    def remember(name: str, pretrained: bool = False, **options: Any) -> nn.Module:
        asked.append((name, pretrained, options["num_classes"]))
        return build(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", remember)
    monkeypatch.delenv("FACEWISE_OFFLINE", raising=False)
    build_backbone("timm:resnet18", pretrained="imagenet")
    assert asked == [("resnet18", True, 0)]


def small() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 5, 3),
        nn.BatchNorm2d(5),
        nn.Linear(2, 1),
    )


@pytest.mark.parametrize(
    ("share", "frozen"),
    [
        (0.2, {"0"}),
        (0.4, {"0", "1"}),
        (0.5, {"0", "1", "2"}),  # 2.5 layers
        (1.0, {"0", "1", "2", "3", "4"}),
        (-0.2, {"4"}),
        (-0.6, {"2", "3", "4"}),
        (0.05, set()),
    ],
)
def test_a_share_of_the_layers(share: float, frozen: set[str]) -> None:
    network = small()
    count = freeze(network, share)
    names = {name for name, _ in network.named_parameters()} - learning(network)
    assert {name.partition(".")[0] for name in names} == frozen
    sizes = dict(zip("01234", (3 * 4 * 9 + 4, 8, 4 * 5 * 9 + 5, 10, 3), strict=True))
    assert count == sum(sizes[name] for name in frozen)
    modes = [not network[1].training, not network[3].training]
    assert modes == ["1" in frozen, "3" in frozen]


@pytest.mark.parametrize("share", [0, 1.1, -1.5, 0.0])
def test_a_share_out_of_range(share: float) -> None:
    with pytest.raises(TrainingError, match="freeze: expected a share in"):
        freeze(small(), share)


def test_names() -> None:
    network, _ = build_backbone("mobilefacenet")
    before = learning(network)
    freeze(network, ["conv1", "*.bias", "features.1?.*"])
    expected = {
        name for name in before
        if name.startswith("conv1.") or name.endswith(".bias")
        or (name.startswith("features.1") and name.split(".")[1] in {"10", "11", "12", "13", "14"})
    }  # fmt: skip
    assert before - learning(network) == expected
    assert freeze(network, "conv1") == 0  # it is frozen already
    with pytest.raises(TrainingError, match=r"'convX' fits no layer; .* below conv1, dw_conv"):
        freeze(network, ["conv1", "convX"])


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("mobilefacenet", {"conv3.weight", "conv3.bias", "bn.weight", "bn.bias"}),
        ("dlib_resnet29", {"projection.weight"}),
        ("inception_resnet_v1", {"last_linear.weight", "last_bn.weight", "last_bn.bias"}),
        ("resnet18", {"fc.weight", "fc.bias"}),
        ("timm:resnet18", {"head.0.weight", "head.1.bias"}),
    ],
)
def test_head_only(name: str, head: set[str]) -> None:
    network, _ = build_backbone(name)
    freeze(network, "head-only")
    assert learning(network) == head


def test_head_only_of_another_network() -> None:
    with pytest.raises(TrainingError, match="the head of a Sequential"):
        freeze(small(), "head-only")


def test_norms_that_are_frozen_keep_their_statistics() -> None:
    network, _ = build_backbone("mobilefacenet")
    freeze(network, 0.9)
    network.train()
    assert hold_frozen_norms(network) == sum(
        isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad
        for module in network.modules()
    )
    before = {name: value.clone() for name, value in network.named_buffers()}
    network(torch.randn(4, 3, 112, 112))
    moved = {
        name.rpartition(".")[0]
        for name, value in network.named_buffers()
        if not torch.equal(value, before[name])
    }
    norms = {n for n, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}
    learnt = {name.rpartition(".")[0] for name in learning(network)}
    assert moved == norms & learnt
    assert moved < norms


def test_ninety_percent_of_mobilefacenet() -> None:
    network, _ = build_backbone("mobilefacenet")
    names = [name for name, _ in network.named_parameters()]
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    assert len(layers) == 102
    freeze(network, 0.9)
    left = {name.rpartition(".")[0] for name in learning(network)}
    assert left == set(layers[92:])
    freeze(network.requires_grad_(True), -0.9)
    left = {name.rpartition(".")[0] for name in learning(network)}
    assert left == set(layers[:10])


def test_part_of_a_norm_is_not_the_norm() -> None:
    network = nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm1d(3, affine=False))
    freeze(network, ["0.weight"])
    network.train()
    assert hold_frozen_norms(network) == 0
    assert network[0].training
    assert network[1].training


def execution_order(network: nn.Module, size: int, name_of: Callable[[str], str]) -> list[str]:
    used: list[str] = []
    for name, module in network.named_modules():
        if next(module.parameters(recurse=False), None) is not None:
            module.register_forward_hook(lambda *_, name=name: used.append(name_of(name)))
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, size, size))
    return [name for name, _ in itertools.groupby(used)]


@pytest.mark.parametrize(
    "name", ["mobilefacenet", "ir_se_50", "dlib_resnet29", "inception_resnet_v1", "resnet18"]
)
def test_parameters_come_in_the_order_in_which_they_are_used(name: str) -> None:
    def block(layer: str) -> str:  # in a residual unit the shortcut may be called last
        return ".".join(layer.split(".")[:2])

    network, spec = build_backbone(name)
    layers = [block(key.rpartition(".")[0]) for key, _ in network.named_parameters()]
    layers = [layer for layer, _ in itertools.groupby(layers)]
    assert execution_order(network, spec.input_size or 0, block) == layers


@pytest.mark.shared
def test_fine_tuning_begins_with_the_shared_weights(
    shared: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = shared("weights/mobilefacenet-ms1m-128d.pt")
    monkeypatch.setenv("FACEWISE_WEIGHTS", str(weights.parent))
    network, spec = build_backbone("mobilefacenet", pretrained="mobilefacenet.ms1m")
    state = torch.load(weights, map_location="cpu", weights_only=True)
    for name, value in state.items():
        assert torch.equal(network.state_dict()[name], value), name
    assert spec.normalisation == zoo.get_spec("mobilefacenet.ms1m").normalisation
    total = sum(parameter.numel() for parameter in network.parameters())
    assert 0 < freeze(network, 0.9) < total


def test_a_backbone_that_is_not_named_is_that_of_the_pretrained(tmp_path: Path) -> None:
    network, spec = build_backbone("timm:resnet18", embedding_size=16, input_size=32)
    save_model(tmp_path / "run", network, spec)
    assert backbone_name(None, tmp_path / "run") == "timm:resnet18"
    assert backbone_name(None, "dlib_resnet29.dlib") == "dlib_resnet29"
    assert backbone_name(None, f"dlib_resnet29.dlib={tmp_path / 'mine.pt'}") == "dlib_resnet29"
    assert backbone_name("ir_50", "dlib_resnet29.dlib") == "ir_50"
    for nothing in (None, False, True, "imagenet", tmp_path / "mine.pt"):
        assert backbone_name(None, nothing) == "mobilefacenet"
    with pytest.raises(ModelError, match="no-such"):
        backbone_name(None, "no-such")
