"""Write MTCNN's networks as TensorFlow's line and Caffe keep them, and compute as these do."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from tensorflow_files import message, varint, whole

LAYERS = {
    "pnet": {
        "conv1": (10, 3, 3), "PReLU1": 10, "conv2": (16, 10, 3), "PReLU2": 16,
        "conv3": (32, 16, 3), "PReLU3": 32, "conv4-1": (2, 32, 1), "conv4-2": (4, 32, 1),
    },
    "rnet": {
        "conv1": (28, 3, 3), "prelu1": 28, "conv2": (48, 28, 3), "prelu2": 48,
        "conv3": (64, 48, 2), "prelu3": 64, "conv4": (128, 576), "prelu4": 128,
        "conv5-1": (2, 128), "conv5-2": (4, 128),
    },
    "onet": {
        "conv1": (32, 3, 3), "prelu1": 32, "conv2": (64, 32, 3), "prelu2": 64,
        "conv3": (64, 64, 3), "prelu3": 64, "conv4": (128, 64, 2), "prelu4": 128,
        "conv5": (256, 1152), "prelu5": 256,
        "conv6-1": (2, 256), "conv6-2": (4, 256), "conv6-3": (10, 256),
    },
}  # fmt: skip
POOLS = {
    "pnet": {"PReLU1": 2},
    "rnet": {"prelu1": 3, "prelu2": 3},
    "onet": {"prelu1": 3, "prelu2": 3, "prelu3": 2},
}
FILES = {"pnet": "det1", "rnet": "det2", "onet": "det3"}


def draw(network, rng):
    """Random arrays by layer, as Caffe has them: (out, in, x, y), (out, channels * x * y)."""
    arrays = {}
    for name, sizes in LAYERS[network].items():
        if isinstance(sizes, int):
            arrays[name] = [rng.uniform(0.05, 0.5, sizes).astype(np.float32)]
            continue
        shape = (*sizes, sizes[2]) if len(sizes) == 3 else sizes
        weights = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        biases = rng.standard_normal(sizes[0]) / 5
        arrays[name] = [weights.astype(np.float32), biases.astype(np.float32)]
    return arrays


def run(network, arrays, pictures):
    """What Caffe computes for pictures (n, 3, h, w), which it sees with x and y exchanged.

    The results are exchanged back: moves, (landmarks,) logits.
    """
    x = torch.from_numpy(pictures).transpose(2, 3)
    results = []
    trunk = x
    for name, values in arrays.items():
        values = [torch.from_numpy(v) for v in values]
        if name.lower().startswith("prelu"):
            trunk = F.prelu(trunk, values[0])
            if name in POOLS[network]:
                trunk = F.max_pool2d(trunk, POOLS[network][name], 2, ceil_mode=True)
        elif values[0].ndim == 4:
            y = F.conv2d(trunk, *values)
            if "-" in name:
                results.append(y.transpose(2, 3))
            else:
                trunk = y
        else:
            y = F.linear(trunk.flatten(1), *values)
            if "-" in name:
                results.append(y)
            else:
                trunk = y
    return [*results[1:], results[0]]


def as_tensorflow(arrays):
    """The same numbers as `detN.npy` has them."""
    layers = {}
    for name, values in arrays.items():
        if len(values) == 1:
            layers[name] = {"alpha": values[0]}
            continue
        weights, biases = values
        if weights.ndim == 4:
            weights = weights.transpose(2, 3, 1, 0)
        else:
            channels = {576: 64, 1152: 128}.get(weights.shape[1], weights.shape[1])
            side = round((weights.shape[1] / channels) ** 0.5)
            spatial = weights.reshape(len(weights), channels, side, side)
            weights = spatial.transpose(2, 3, 1, 0).reshape(-1, len(weights))
        layers[name] = {"weights": np.ascontiguousarray(weights), "biases": biases}
    return layers


def write_npy(path: Path, layers, python2=False):
    """`numpy.save` of the dictionary; or the bytes that Python 2 wrote."""
    if not python2:
        np.save(path, np.array(layers, dtype=object), allow_pickle=True)
        return
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    header += b" " * (-(len(header) + 11) % 16) + b"\n"
    array = _array2(b"O8", b"|", (), b"]" + _dict2(layers) + b"a")
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    path.write_bytes(start + b"\x80\x02" + array + b".")


def _text2(text):
    """Python 2's `str`: bytes without an encoding."""
    raw = text.encode("latin1") if isinstance(text, str) else text
    return b"T" + struct.pack("<i", len(raw)) + raw


def _dict2(content):
    out = b"}"
    for key, value in content.items():
        if isinstance(value, dict):
            inner = _dict2(value)
        else:
            shape, raw = value.shape, value.astype("<f4").tobytes()
            inner = _array2(b"f4", b"<", shape, _text2(raw))
        out += _text2(key) + inner + b"s"
    return out


def _array2(kind, order, shape, content):
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    dtype = b"cnumpy\ndtype\nU" + bytes([len(kind)]) + kind + b"K\x00K\x01\x87R"
    dtype += b"(K\x03U\x01" + order + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    sizes = b"(" + b"".join(b"J" + struct.pack("<i", size) for size in shape) + b"t"
    return made + b"(K\x01" + sizes + dtype + b"\x89" + content + b"tb"


def write_caffemodel(path: Path, arrays, old=False):
    """A NetParameter; `old` as of 2014: field 2, four sizes, numbers not packed."""
    out = message(1, "MTCNN")
    out += message(2 if old else 100, message(4 if old else 1, "data"))  # a layer without arrays
    for name, values in arrays.items():
        blobs = b"".join(message(6 if old else 7, _blob(v, old)) for v in values)
        out += message(2 if old else 100, message(4 if old else 1, name) + blobs)
    path.write_bytes(out)


def _blob(values, old):
    if not old:
        sizes = b"".join(varint(size) for size in values.shape)
        return message(7, message(1, sizes)) + message(5, values.astype("<f4").tobytes())
    sizes = (1,) * (4 - values.ndim) + values.shape
    tagged = np.full((values.size, 5), 0x2D, np.uint8)  # field 5, four bytes
    tagged[:, 1:] = values.astype("<f4").reshape(-1, 1).view(np.uint8)
    numbers = tagged.tobytes()
    return b"".join(whole(i + 1, size) for i, size in enumerate(sizes)) + numbers
