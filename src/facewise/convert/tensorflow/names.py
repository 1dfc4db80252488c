"""What davidsandberg/facenet calls the parts of Inception-ResNet-v1.

Its `models/inception_resnet_v1.py` names them through TensorFlow-Slim's scopes. The two agree in
what follows what, so the names are derived from our layers: `repeat_2.0.branch1.1` is
`Repeat_1/block17_1/Branch_1/Conv2d_0b_1x7`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import nn

from facewise.embedding.inception_blocks import Parallel
from facewise.embedding.inception_resnet_v1 import InceptionResnetV1

SCOPE = "InceptionResnetV1"
_STEM = ("conv2d_1a", "conv2d_2a", "conv2d_2b", "conv2d_3b", "conv2d_4a", "conv2d_4b")
_REPEATS = {
    "repeat_1": "Repeat/block35",
    "repeat_2": "Repeat_1/block17",
    "repeat_3": "Repeat_2/block8",
}
_PLAIN = {"mixed_6a": "Mixed_6a", "mixed_7a": "Mixed_7a", "block8": "Block8"}
_NORM = {"bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
GAMMA = "gamma"  # which Slim leaves out by default


def variables(network: InceptionResnetV1) -> Mapping[str, str]:
    """The variable of TensorFlow for each of our tensors; `bn.weight` stands for `gamma`.

    Args:
        network: of any length of the embedding.

    Returns:
        By our name, for example `last_linear.weight`: `InceptionResnetV1/Bottleneck/weights`.
    """
    return {ours: f"{SCOPE}/{theirs}" for ours, theirs in _pairs(network)}


def _pairs(network: InceptionResnetV1) -> Iterator[tuple[str, str]]:
    for name in _STEM:
        layer = network.get_submodule(name)
        yield from _normed(name, f"Conv2d_{name.removeprefix('conv2d_')}_{_kernel(layer)}")
    for name, theirs in _REPEATS.items():
        for i, block in enumerate(network.get_submodule(name).children()):
            yield from _block(f"{name}.{i}", f"{theirs}_{i + 1}", block)
    for name, theirs in _PLAIN.items():
        yield from _block(name, theirs, network.get_submodule(name))
    yield "last_linear.weight", "Bottleneck/weights"
    yield from _norm("last_bn", "Bottleneck/BatchNorm")


def _block(name: str, theirs: str, block: nn.Module) -> Iterator[tuple[str, str]]:
    assert isinstance(block, Parallel)  # noqa: S101 - for mypy
    for i, branch in enumerate(child for key, child in block.named_children() if "branch" in key):
        if not isinstance(branch, nn.Sequential):
            continue  # the pooling
        single = hasattr(branch, "conv")
        layers = [branch] if single else list(branch.children())
        for j, layer in enumerate(layers):
            ours = f"{name}.branch{i}" if single else f"{name}.branch{i}.{j}"
            yield from _normed(ours, f"{theirs}/Branch_{i}/Conv2d_{_place(layer, j, single)}")
    if hasattr(block, "conv2d"):
        yield f"{name}.conv2d.weight", f"{theirs}/Conv2d_1x1/weights"
        yield f"{name}.conv2d.bias", f"{theirs}/Conv2d_1x1/biases"


def _place(layer: nn.Module, number: int, single: bool) -> str:
    """`0b_1x7`: where in its branch a convolution stands, and its kernel."""
    if layer.get_submodule("conv").stride == (2, 2):
        return f"1a_{_kernel(layer)}"
    return _kernel(layer) if single else f"0{'abc'[number]}_{_kernel(layer)}"


def _kernel(layer: nn.Module) -> str:
    height, width = layer.get_submodule("conv").kernel_size  # type: ignore[misc]
    return f"{height}x{width}"


def _normed(name: str, theirs: str) -> Iterator[tuple[str, str]]:
    yield f"{name}.conv.weight", f"{theirs}/weights"
    yield from _norm(f"{name}.bn", f"{theirs}/BatchNorm")


def _norm(name: str, theirs: str) -> Iterator[tuple[str, str]]:
    yield f"{name}.weight", f"{theirs}/{GAMMA}"
    for ours, variable in _NORM.items():
        yield f"{name}.{ours}", f"{theirs}/{variable}"
