"""The names and conventions of MTCNN's layers in its several lines.

The original was trained in MATLAB, which hands Caffe pictures with x and y exchanged, and so its
filters are: Caffe's height is the picture's x. The files of TensorFlow's line are the same numbers,
(x, y, in, out) instead of Caffe's (out, in, x, y), and exchange the picture's axes before each
network. facenet-pytorch turned the filters instead, as we do. A dense layer sees the last map in
the order channel, x, y in Caffe, and x, y, channel in TensorFlow's line and in ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facewise.detection.mtcnn_nets import ONet, PNet, RNet
from facewise.errors import ModelError

ORDER = ("pnet", "rnet", "onet")
_CLASSES: Mapping[str, Callable[[], nn.Module]] = {"pnet": PNet, "rnet": RNet, "onet": ONet}
_LAST = {"conv4_1": "pnet", "conv5_1": "rnet", "conv6_1": "onet"}
"""The layer that tells of the face, by which a network is known."""

_SEEN = {576: (64, 3), 1152: (128, 3)}
"""Channels and side of the map that the first dense layer of RNet and of ONet sees, by its size."""

_SHOWN = 4  # names in an error

Array = NDArray[np.float32]
Layers = Mapping[str, Sequence[Array]]
"""By layer its arrays: weights and biases, or the slopes of a PReLU."""

_Turn = Callable[[Array, nn.Module], Array]


def from_tensorflow(layers: Layers, source: str) -> dict[str, dict[str, Tensor]]:
    """The network of a `det1.npy` to `det3.npy`; see `facewise.convert.mtcnn.read_networks`."""
    return _converted(layers, _of_tensorflow, source)


def from_caffe(layers: Layers, source: str) -> dict[str, dict[str, Tensor]]:
    """The network of a `.caffemodel`."""
    return _converted(layers, _of_caffe, source)


def _of_tensorflow(values: Array, layer: nn.Module) -> Array:
    turned: Array = values.transpose(3, 2, 1, 0) if isinstance(layer, nn.Conv2d) else values.T
    return turned


def _of_caffe(values: Array, layer: nn.Module) -> Array:
    if isinstance(layer, nn.Conv2d):
        turned: Array = values.transpose(0, 1, 3, 2)
        return turned
    if values.shape[:-2] not in ((), (1, 1)):  # the latter in old files
        return values
    outputs, inputs = values.shape[-2:]
    channels, side = _SEEN.get(inputs, (inputs, 1))
    spatial = values.reshape(outputs, channels, side, side).transpose(0, 2, 3, 1)
    flat: Array = spatial.reshape(outputs, inputs)
    return flat


def from_torch(state: Mapping[str, Tensor], source: str) -> dict[str, dict[str, Tensor]]:
    """The networks of a state_dict of facenet-pytorch: of one, or of all with prefixes."""
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in state.items():
        prefix, _, rest = key.partition(".")
        name = prefix if prefix in ORDER else _known([k.split(".")[0] for k in state], source)
        parts.setdefault(name, {})[rest if prefix in ORDER else key] = value
    return {name: _fitted(part, name, source) for name, part in parts.items()}


def _converted(layers: Layers, turned: _Turn, source: str) -> dict[str, dict[str, Tensor]]:
    names = [_plain(name) for name in layers]
    network = _known(names, source)
    module = _CLASSES[network]()
    known = dict(module.named_children())
    state: dict[str, Tensor] = {}
    for name, arrays in zip(names, layers.values(), strict=True):
        ours = name if name in known else name.replace("conv", "dense")
        if ours not in known or not arrays:
            continue  # what has no weights, as pooling
        layer = known[ours]
        for key, values in zip(("weight", "bias"), arrays, strict=False):
            turns = key == "weight" and not isinstance(layer, nn.PReLU)
            wanted = 4 if isinstance(layer, nn.Conv2d) else 2
            if turns and (values.ndim < wanted or values.ndim > 4):
                raise ModelError(
                    f"{source}: {name}: expected weights of {wanted} dimensions, got {values.shape}"
                )
            values = turned(values, layer) if turns else values.reshape(-1)
            state[f"{ours}.{key}"] = torch.from_numpy(np.array(values, np.float32, order="C"))
    return {network: _fitted(state, network, source)}


def _plain(name: str) -> str:
    """`conv4-1` as `conv4_1`, `PReLU1` as `prelu1`."""
    return name.lower().replace("-", "_")


def _known(names: Sequence[str], source: str) -> str:
    for name in names:
        found = _LAST.get(name.replace("dense", "conv"))
        if found is not None:
            return found
    raise ModelError(
        f"{source}: not a network of MTCNN: expected a layer {', '.join(_LAST)}; found "
        f"{', '.join(names[:_SHOWN]) or 'none'}{', …' if len(names) > _SHOWN else ''}"
    )


def _fitted(state: Mapping[str, Tensor], network: str, source: str) -> dict[str, Tensor]:
    """The tensors, once they are seen to be those of the network."""
    wanted = _CLASSES[network]().state_dict()
    for key, value in wanted.items():
        if key not in state:
            raise ModelError(f"{source}: {network} without {key}")
        found = state[key]
        if found.shape != value.shape or not found.is_floating_point():
            raise ModelError(
                f"{source}: {network}: {key}: expected numbers of shape {tuple(value.shape)}, got "
                f"{found.dtype} {tuple(found.shape)}"
            )
        if not torch.isfinite(found).all():
            raise ModelError(f"{source}: {network}: {key} holds infinite or undefined values")
    unknown = [key for key in state if key not in wanted]
    if unknown:
        raise ModelError(f"{source}: {network} with {unknown[0]}, which it has not")
    return {key: state[key].float().contiguous() for key in wanted}
