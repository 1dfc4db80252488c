"""Read dlib's `dlib_face_recognition_resnet_model_v1.dat` into a state_dict of `DlibResNet29`.

dlib writes a network as one recursive record: each layer writes its version, then the layer below
it, then itself. So the file is: the loss layer, the versions of all layers from the output down to
the input, the input layer, and then what the layers hold from the input up to the output. Nothing
in it is optional; this module reads every byte and compares all of it with the architecture.

Beside the primitives of `dlib_format` (dlib/dnn/core.h, dlib/dnn/layers.h, dlib/cuda/tensor.h): a
boolean is the character 0 or 1; a tensor is its version, four dimensions and raw little-endian
float32.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from facewise.convert.dlib_format import Reader, read_archive
from facewise.embedding.dlib_resnet29 import DlibResNet29, ResidualBlock

# The versions that the records of dlib's layer classes carry in this file.
_LOSS_VERSION, _INPUT_VERSION, _LAYER_VERSION, _TAG_VERSION = 1, 3, 2, 1
# Of the layer that trained the network: margin and distance threshold. They do not act on the
# output; they identify the file.
_LOSS = (0.04, 0.6)
_MEAN_RGB = (122.782, 117.001, 104.298)
_INPUT_SIZE = 150


def convert_resnet29(path: str | Path) -> dict[str, torch.Tensor]:
    """Convert dlib's face recognition network.

    The scale and shift of each `affine_` layer are folded into the convolution before it, in
    float64, and the result is rounded once. The same file always gives the same bits.

    Args:
        path: `dlib_face_recognition_resnet_model_v1.dat`, uncompressed.

    Returns:
        float32 tensors for `DlibResNet29.load_state_dict`.

    Raises:
        ModelError: the file is missing, cut short, or not this network.
    """
    return parse_resnet29(read_archive(path), name=str(path))


def parse_resnet29(data: bytes, name: str) -> dict[str, torch.Tensor]:
    """Convert the content of the file; `name` stands in the errors. See `convert_resnet29`."""
    with torch.device("meta"):  # shapes only: no memory, no random numbers
        network = DlibResNet29()
    blocks = [(key, m) for key, m in network.named_modules() if isinstance(m, ResidualBlock)]
    reader = _NetworkReader(data, name)
    weights: dict[str, NDArray[np.float32]] = {}

    reader.integer(_LOSS_VERSION)
    reader.text("loss_metric_2")
    for wanted in _LOSS:
        reader.real(wanted)
    for version in reversed(_versions([block for _, block in blocks])):
        reader.integer(version)

    _input(reader)
    conv = _convolution(reader, network.stem)
    reader.integer(1)  # how many samples the network sees for each picture
    weights |= _folded("stem", conv, _affine(reader, network.stem))
    _plain(reader, "relu_")
    _pool(reader, "max_pool_2", size=3, stride=2)
    for key, block in blocks:
        conv = _convolution(reader, block.conv1)
        weights |= _folded(f"{key}.conv1", conv, _affine(reader, block.conv1))
        _plain(reader, "relu_")
        conv = _convolution(reader, block.conv2)
        weights |= _folded(f"{key}.conv2", conv, _affine(reader, block.conv2))
        if block.downsamples:
            _pool(reader, "avg_pool_2", size=2, stride=2)
        _plain(reader, "add_prev_")
        _plain(reader, "relu_")
    _pool(reader, "avg_pool_2", size=0, stride=1)  # size 0: over the whole picture
    weights["projection.weight"] = _projection(reader, network.projection)
    reader.end()
    return {key: torch.from_numpy(value) for key, value in weights.items()}


def _versions(blocks: list[ResidualBlock]) -> list[int]:
    """The version of each layer of dlib's network, from the input to the output."""
    layer, tag = _LAYER_VERSION, _TAG_VERSION
    versions = [_INPUT_VERSION, layer, layer, layer]  # con, affine, relu, max_pool
    for block in blocks:
        versions += [tag, layer, layer, layer, layer, layer]  # tag, con, affine, relu, con, affine
        if block.downsamples:
            versions += [tag, tag, layer]  # tag the block, skip back to its input, avg_pool
        versions += [layer, layer]  # add_prev, relu
    return [*versions, layer, layer]  # avg_pool, fc


def _input(reader: _NetworkReader) -> None:
    reader.text("input_rgb_image_sized")
    for wanted in _MEAN_RGB:
        reader.real(wanted)
    reader.integer(_INPUT_SIZE)
    reader.integer(_INPUT_SIZE)


def _convolution(
    reader: _NetworkReader, conv: nn.Conv2d
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Filters (out, in, kernel, kernel) and biases (out,) of a convolution like `conv`."""
    shape = tuple(conv.weight.shape)
    count = math.prod(shape)
    reader.text("con_4")
    values = reader.tensor((count + shape[0], 1, 1, 1)).ravel()
    for wanted in (shape[0], *conv.kernel_size, *conv.stride, *conv.padding):
        reader.integer(int(wanted))
    reader.view(shape)
    reader.view((1, shape[0], 1, 1))
    reader.multipliers()
    reader.state()
    return values[:count].reshape(shape), values[count:]


def _affine(
    reader: _NetworkReader, conv: nn.Conv2d
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scale and shift for each channel of what `conv` gives, both of shape (out,)."""
    channels = conv.out_channels
    reader.text("affine_")
    values = reader.tensor((2 * channels, 1, 1, 1)).ravel()
    reader.view((1, channels, 1, 1))
    reader.view((1, channels, 1, 1))
    reader.integer(0)  # the mode: one scale for each channel, not for each value
    reader.state()
    return values[:channels], values[channels:]


def _folded(
    key: str,
    conv: tuple[NDArray[np.float32], NDArray[np.float32]],
    affine: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> dict[str, NDArray[np.float32]]:
    """`scale * (filters * x + bias) + shift` as one convolution."""
    filters, bias = (values.astype(np.float64) for values in conv)
    scale, shift = (values.astype(np.float64) for values in affine)
    return {
        f"{key}.weight": (filters * scale[:, None, None, None]).astype(np.float32),
        f"{key}.bias": (bias * scale + shift).astype(np.float32),
    }


def _pool(reader: _NetworkReader, kind: str, *, size: int, stride: int) -> None:
    reader.text(kind)
    for wanted in (size, size, stride, stride, 0, 0):  # the last two: padding
        reader.integer(wanted)
    reader.state()


def _plain(reader: _NetworkReader, kind: str) -> None:
    """A layer without parameters."""
    reader.text(kind)
    reader.state()


def _projection(reader: _NetworkReader, linear: nn.Linear) -> NDArray[np.float32]:
    """The weights of a fully connected layer, shape (out, in); dlib stores the transpose."""
    reader.text("fc_2")
    reader.integer(linear.out_features)
    reader.integer(linear.in_features)
    shape = (linear.in_features, linear.out_features, 1, 1)
    values = reader.tensor(shape)
    reader.view(shape)
    reader.view((0, 0, 0, 0))
    reader.integer(1)  # the mode: no bias
    reader.multipliers()
    reader.state()
    return np.ascontiguousarray(values.reshape(shape[:2]).T)


class _NetworkReader(Reader):
    """A reader that knows the parts which the layers have in common."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data, name, "dlib's face recognition ResNet v1")

    def tensor(self, shape: tuple[int, ...] | None = None) -> NDArray[np.float32]:
        """Read the version of a tensor, its four dimensions and its values."""
        start = self.position
        self.integer(2)
        found = tuple(self.integers(4))
        if min(found) < 0 or shape not in (None, found):
            of_shape = f"of shape {shape}" if shape else "of any shape"
            raise self.error(start, f"expected a tensor {of_shape}, found {found}")
        values = np.frombuffer(self.take(4 * math.prod(found)), "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise self.error(start, "a tensor holds infinite or undefined values")
        return values.reshape(found)

    def view(self, shape: tuple[int, ...]) -> None:
        """Read dlib's `alias_tensor`, the shape of a part of the parameters before it."""
        for wanted in (1, *shape):
            self.integer(wanted)

    def multipliers(self) -> None:
        """Read the learning rate and weight decay factors, for weights and then for biases."""
        for wanted in (1.0, 1.0, 1.0, 0.0):
            self.real(wanted)

    def state(self) -> None:
        """Read what follows each layer: three booleans and three tensors of the training."""
        start = self.position
        flags = self.take(3)
        if not set(flags) <= set(b"01"):
            raise self.error(start, f"expected three booleans, found {flags!r}")
        for _ in range(3):
            self.tensor()
