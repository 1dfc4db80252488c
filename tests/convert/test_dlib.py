"""The reader of dlib's network file, on files that this test writes itself.

The writer below is built from dlib's type of the network, layer by layer, and shares nothing with
the reader. That the real file is understood is shown by tests/convert/test_bundled.py and by the
parity with dlib in tests/embedding/test_dlib_resnet29.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from facewise.convert.dlib import convert_resnet29, parse_resnet29
from facewise.embedding.dlib_resnet29 import DlibResNet29
from facewise.errors import ModelError

# (output channels, stride) of the blocks, from the input to the output.
BLOCKS = [(32, 1)] * 3 + [(64, 2)] + [(64, 1)] * 3
BLOCKS += [(128, 2)] + [(128, 1)] * 2 + [(256, 2)] + [(256, 1)] * 2 + [(256, 2)]


def integer(value: int) -> bytes:
    size = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def real(value: float) -> bytes:
    fraction, exponent = math.frexp(float(np.float32(value)))
    return integer(int(fraction * 2**24)) + integer(exponent - 24)


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def tensor(values: np.ndarray) -> bytes:
    shape = values.shape + (1,) * (4 - values.ndim)
    return b"".join(map(integer, (2, *shape))) + values.astype("<f4").tobytes()


EMPTY = b"".join(map(integer, (2, 0, 0, 0, 0)))
STATE = b"110" + 3 * EMPTY
MULTIPLIERS = real(1) + real(1) + real(1) + real(0)


def view(*shape: int) -> bytes:
    return b"".join(map(integer, (1, *shape)))


def pool(kind: str, size: int, stride: int) -> bytes:
    return text(kind) + b"".join(map(integer, (size, size, stride, stride, 0, 0))) + STATE


@dataclass
class Archive:
    """The file as named pieces in order, and the unfolded parameters in it."""

    pieces: list[tuple[str, bytes]]
    parameters: list[tuple[np.ndarray, ...]]
    projection: np.ndarray

    def data(self, **replaced: bytes) -> bytes:
        return b"".join(replaced.get(name, content) for name, content in self.pieces)

    def offset(self, name: str) -> int:
        names = [name for name, _ in self.pieces]
        return sum(len(content) for _, content in self.pieces[: names.index(name)])


@pytest.fixture(scope="module")
def archive() -> Archive:
    random = np.random.default_rng(0)
    parameters = []
    pieces: list[tuple[str, bytes]] = []

    def convolution(channels_in: int, channels: int, size: int, stride: int, after: bytes) -> None:
        filters = random.standard_normal((channels, channels_in, size, size), np.float32)
        bias, scale, shift = random.standard_normal((3, channels), np.float32)
        number = len(parameters)
        parameters.append((filters, bias, scale, shift))
        padding = size // 2 if stride == 1 else 0
        options = (channels, size, size, stride, stride, padding, padding)
        both = np.concatenate([filters.ravel(), bias])
        pieces.extend(
            [
                (f"con{number}", text("con_4")),
                (f"con{number}_values", tensor(both)),
                (f"con{number}_options", b"".join(map(integer, options))),
                (f"con{number}_views", view(*filters.shape) + view(1, channels, 1, 1)),
                (f"con{number}_multipliers", MULTIPLIERS),
                (f"con{number}_state", STATE + after),
                (f"affine{number}", text("affine_")),
                (f"affine{number}_values", tensor(np.concatenate([scale, shift]))),
                (f"affine{number}_views", 2 * view(1, channels, 1, 1)),
                (f"affine{number}_mode", integer(0)),
                (f"affine{number}_state", STATE),
            ]
        )

    relu = text("relu_") + STATE
    # From the output down: fc, avg_pool; relu, add_prev, (avg_pool, skip, tag) affine, con, relu,
    # affine, con, tag; max_pool, relu, affine, con with the input.
    versions = [2, 2]
    for _, stride in reversed(BLOCKS):
        versions += [2, 2, *([2, 1, 1] if stride == 2 else []), 2, 2, 2, 2, 2, 1]
    versions += [2, 2, 2, 3]
    pieces.append(("loss_version", integer(1)))
    pieces.append(("loss", text("loss_metric_2")))
    pieces.append(("loss_options", real(0.04) + real(0.6)))
    pieces.append(("versions", b"".join(map(integer, versions))))
    mean = real(122.782) + real(117.001) + real(104.298)
    pieces.append(("input", text("input_rgb_image_sized")))
    pieces.append(("input_options", mean + integer(150) + integer(150)))
    convolution(3, 32, 7, 2, integer(1))
    pieces.append(("stem_end", relu + pool("max_pool_2", 3, 2)))
    channels_in = 32
    for number, (channels, stride) in enumerate(BLOCKS):
        convolution(channels_in, channels, 3, stride, b"")
        pieces.append((f"block{number}_relu", relu))
        convolution(channels, channels, 3, 1, b"")
        if stride == 2:
            pieces.append((f"block{number}_pool", pool("avg_pool_2", 2, 2)))
        pieces.append((f"block{number}_add", text("add_prev_") + STATE))
        pieces.append((f"block{number}_end", relu))
        channels_in = channels
    pieces.append(("mean", pool("avg_pool_2", 0, 1)))
    projection = random.standard_normal((256, 128), np.float32)
    pieces.append(("fc", text("fc_2") + integer(128) + integer(256)))
    pieces.append(("fc_values", tensor(projection)))
    pieces.append(("fc_views", view(256, 128, 1, 1) + view(0, 0, 0, 0)))
    pieces.append(("fc_mode", integer(1)))
    pieces.append(("fc_end", MULTIPLIERS + STATE))
    return Archive(pieces, parameters, projection)


def test_every_parameter_arrives_in_its_place(archive, tmp_path):
    path = tmp_path / "network.dat"
    path.write_bytes(archive.data())
    state = convert_resnet29(path)
    network = DlibResNet29()
    network.load_state_dict(state)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == len(archive.parameters) == 29
    random = np.random.default_rng(1)
    for conv, (filters, bias, scale, shift) in zip(convolutions, archive.parameters, strict=True):
        # One window of the picture: convolution, then affine, as dlib computes them.
        window = random.standard_normal(filters.shape[1:])
        expected = scale * ((filters * window).sum((1, 2, 3)) + bias) + shift
        weight, folded = (p.detach().numpy().astype(np.float64) for p in (conv.weight, conv.bias))
        got = (weight * window).sum((1, 2, 3)) + folded
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-4)
    assert np.array_equal(network.projection.weight.detach().numpy(), archive.projection.T)


def test_same_bytes_give_same_bits_and_leave_random_numbers_alone(archive):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first, second = (parse_resnet29(archive.data(), "x") for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_left_over_training_state_is_skipped(archive):
    state = b"111" + 3 * tensor(np.ones((1, 2, 3, 4)))
    data = archive.data(block0_end=text("relu_") + state)
    expected = parse_resnet29(archive.data(), "x")
    assert all(torch.equal(v, expected[k]) for k, v in parse_resnet29(data, "x").items())


@pytest.mark.parametrize(
    ("piece", "content", "message"),
    [
        ("loss_version", b"BZh9", "expected an integer, found control byte 0x42"),
        ("loss_version", b"\x00", "expected an integer, found control byte 0x00"),
        ("loss", text("loss_metric_3"), "expected 'loss_metric_2', found b'loss_metric_3'"),
        ("loss", text("loss_mmod_"), "expected 'loss_metric_2', found b'loss_mmod_'"),
        ("loss", integer(-5), "expected 'loss_metric_2', found b''"),
        ("loss_options", real(0.04) + real(0.7), "expected 0.6, found 0.6999"),
        ("loss_options", integer(0) + integer(32000), "expected 0.04, found nan"),
        ("versions", integer(4), "expected 2, found 4"),
        ("input_options", 3 * real(128), "expected 122.782, found 128.0"),
        ("con0_values", tensor(np.zeros(7)), r"expected a tensor of shape \(4736, 1, 1, 1\)"),
        ("con0_views", view(32, 3, 5, 5), "expected 7, found 5"),
        ("con0_state", b"1x0", "expected three booleans, found b'1x0'"),
        ("con3_options", b"".join(map(integer, (32, 3, 3, 2))), "expected 1, found 2"),
        ("affine5", text("bn_con"), "expected 'affine_', found b'bn_con'"),
        ("affine0_values", tensor(np.full(64, np.nan)), "infinite or undefined values"),
        ("affine28_mode", integer(1), "expected 0, found 1"),
        ("block0_add", text("mult_prev_"), "expected 'add_prev_', found b'mult_prev_'"),
        ("fc_mode", integer(0), "expected 1, found 0"),
    ],
)
def test_another_network_is_refused_with_its_place(archive, piece, content, message):
    data = archive.data(**{piece: content})
    with pytest.raises(ModelError, match=message) as caught:
        parse_resnet29(data, "network.dat")
    start = archive.offset(piece)
    told = int(str(caught.value).split(": byte ")[1].split(":")[0])
    assert str(caught.value).startswith("network.dat: not dlib's face recognition ResNet v1: byte ")
    assert start <= told <= start + len(content)


def test_negative_dimensions_of_skipped_state_are_refused(archive):
    state = b"110" + b"".join(map(integer, (2, -1, 1, 1, 1)))
    with pytest.raises(ModelError, match=r"expected a tensor of any shape, found \(-1, 1, 1, 1\)"):
        parse_resnet29(archive.data(block0_end=text("relu_") + state), "x")


def test_a_cut_file_is_refused_wherever_it_is_cut(archive):
    data = archive.data()
    cuts = [0, 1, 2, 10, 20, 300, 5000, len(data) // 2, len(data) - 100, len(data) - 1]
    for cut in cuts:
        with pytest.raises(ModelError, match=f"byte {cut}: the file is cut short"):
            parse_resnet29(data[:cut], "network.dat")


def test_bytes_after_the_end_are_refused(archive):
    data = archive.data()
    with pytest.raises(ModelError, match=f"byte {len(data)}: 2 bytes follow the end"):
        parse_resnet29(data + b"\n\n", "network.dat")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"none\.dat: cannot be read: No such file"):
        convert_resnet29(tmp_path / "none.dat")
