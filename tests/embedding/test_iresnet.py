from __future__ import annotations

import hashlib

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from facewise.embedding.iresnet import IResNet

# Made once with a transcription of the `Backbone` of ZhaoJ9014/face.evoLVe, backbone/model_irse.py,
# commit 0c08eca: (depth, se, input size): parameters, sha256 over its "key shape" lines.
PUBLISHED = {
    (50, False, 112): (
        43574976,
        "d838a781c07c16e1cd1a51b007db85eb851bd6607ac8708edfb7a93a2b2cd6a4",
    ),
    (50, False, 224): (
        82110144,
        "34b4dab857ada885dcdd8080c0caa47cc32dd0d8bacbb4bf8d8d803184e0ffbb",
    ),
    (50, True, 112): (43797696, "471eb9bc30358c01de1fbd37e18e13886d5f474a7d3e80264a66a01a6fe8c9bc"),
    (50, True, 224): (82332864, "0cb17c7b01747fef552b0c35d4c170c889cfb91b286d5a79f9f2624e2af16c3c"),
    (101, False, 112): (
        65129792,
        "1848b8fdd9cc7c5fb870b78486ce264a665f0cd2265f7ecf27fba62593198117",
    ),
    (101, True, 112): (
        65502016,
        "6e4218c2b11a4e3eb8fdc7c4b48bc07880a527c818da50b2336d2a0e10826392",
    ),
    (152, False, 112): (
        70737600,
        "918e3fbb501f967f22552ef42f033221bd6528f9b89603fd0c69ccaefd9fde59",
    ),
    (152, True, 112): (
        71148736,
        "e91999b374c0d423ac36bed0fb6c25b7ec59be15a9297d2bad84bb52bbd5868a",
    ),
}
UNITS = {50: (3, 4, 14, 3), 101: (3, 13, 30, 3), 152: (3, 8, 36, 3)}  # IR_101: get_blocks(100)
# First numbers of the normalised embedding of the second picture, from the same source with the
# weights and pictures of this folder's conftest (float64).
GOLDEN = {
    False: [-0.001017, -0.050321, 0.041731, 0.049717, 0.066234, -0.003679],
    True: [-0.010650, -0.038379, 0.074308, -0.016999, 0.000562, -0.057429],
}


def described_layout(units, se, side):
    """Keys and shapes of face.evoLVe's Backbone, spelled out from its description.

    A unit that keeps its width has a pooling shortcut, without weights; others a 1×1 convolution.
    """
    layout = {}

    def add(prefix, **shapes):
        layout.update({f"{prefix}.{name}": shape for name, shape in shapes.items()})

    def batch_norm(prefix, width):
        vector = (width,)
        add(prefix, weight=vector, bias=vector, running_mean=vector, running_var=vector)
        add(prefix, num_batches_tracked=())

    add("input_layer.0", weight=(64, 3, 3, 3))
    batch_norm("input_layer.1", 64)
    add("input_layer.2", weight=(64,))
    batch_norm("output_layer.0", 512)
    add("output_layer.3", weight=(512, 512 * side * side), bias=(512,))
    batch_norm("output_layer.4", 512)
    widths = [w for w, count in zip((64, 128, 256, 512), units, strict=True) for _ in range(count)]
    for i, (before, width) in enumerate(zip([64, *widths], widths, strict=False)):
        if before != width:
            add(f"body.{i}.shortcut_layer.0", weight=(width, before, 1, 1))
            batch_norm(f"body.{i}.shortcut_layer.1", width)
        batch_norm(f"body.{i}.res_layer.0", before)
        add(f"body.{i}.res_layer.1", weight=(width, before, 3, 3))
        add(f"body.{i}.res_layer.2", weight=(width,))
        add(f"body.{i}.res_layer.3", weight=(width, width, 3, 3))
        batch_norm(f"body.{i}.res_layer.4", width)
        if se:
            add(f"body.{i}.res_layer.5.fc1", weight=(width // 16, width, 1, 1))
            add(f"body.{i}.res_layer.5.fc2", weight=(width, width // 16, 1, 1))
    return layout


@pytest.mark.parametrize(("depth", "se", "size"), PUBLISHED)
def test_names_shapes_and_parameters_are_the_published_ones(depth, se, size):
    with torch.device("meta"):  # without the memory
        network = IResNet(depth, se, size)
    layout = described_layout(UNITS[depth], se, side=size // 16)
    lines = [f"{key} {shape}" for key, shape in sorted(layout.items())]
    count, sha256 = PUBLISHED[depth, se, size]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == sha256
    assert {k: tuple(v.shape) for k, v in network.state_dict().items()} == layout
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize("se", [False, True])
@torch.inference_mode()
def test_embeddings_equal_golden_values(filled, noise, se):
    embeddings = filled(IResNet(50, se))(noise((2, 3, 112, 112)))
    assert embeddings.shape == (2, 512)
    golden = torch.tensor(GOLDEN[se])
    torch.testing.assert_close(F.normalize(embeddings)[1, :6], golden, rtol=0, atol=1e-5)


@torch.inference_mode()
def test_takes_pictures_of_224(noise):
    assert IResNet(50, input_size=224).eval()(noise((1, 3, 224, 224))).shape == (1, 512)


def test_drops_half_the_features_in_training():
    with torch.device("meta"):
        network = IResNet(50)
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"depth": 100}, "depth must be one of"), ({"input_size": 160}, "input_size must be")],
)
def test_other_shapes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        IResNet(**arguments)
