from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F  # noqa: N812

from facewise.embedding.mobilefacenet import MobileFaceNet

# Of the shared weights: RGB in 0-1, then ImageNet's mean and standard deviation.
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
THRESHOLD = 0.27  # cosine, published with the shared weights


@pytest.fixture
def trained(shared):
    state = torch.load(
        shared("weights/mobilefacenet-ms1m-128d.pt"), map_location="cpu", weights_only=True
    )
    network = MobileFaceNet().eval()
    network.load_state_dict(state, strict=True)
    return network


def test_has_the_parameters_of_table_1():
    # Summed by hand from table 1 of the paper (kernel × channels, and two per batch norm), with
    # ReLU for PReLU, and a bias in the last convolution.
    def bottleneck(inputs, outputs, expansion):
        wide = inputs * expansion
        return wide * (inputs + 2 + 9 + 2 + outputs) + 2 * outputs

    stem = 64 * 3 * 9 + 2 * 64 + 64 * 9 + 2 * 64 + 64 * 64 + 2 * 64
    body = (
        5 * bottleneck(64, 64, 2)
        + bottleneck(64, 128, 4)
        + 6 * bottleneck(128, 128, 2)
        + bottleneck(128, 128, 4)
        + 2 * bottleneck(128, 128, 2)
    )
    head = 512 * 128 + 2 * 512 + 512 * 49 + 2 * 512 + 128 * 512 + 128 + 2 * 128
    network = MobileFaceNet()
    assert sum(p.numel() for p in network.parameters()) == stem + body + head == 999_936


@torch.inference_mode()
def test_embeddings_equal_golden_values(filled, noise):
    # A separate transcription of foamliu/MobileFaceNet's network with the same weights and input
    # (float64). The contrast is high enough to tell ReLU from ReLU6.
    embeddings = filled(MobileFaceNet())(10 * noise((2, 3, 112, 112)))
    golden = torch.tensor([0.880387, 3.029824, 1.234487, 1.120307, 0.508855, 1.211801])
    assert embeddings.shape == (2, 128)
    torch.testing.assert_close(embeddings[1, :6], golden, rtol=0, atol=1e-4)


@pytest.mark.shared
@torch.inference_mode()
def test_separates_the_first_fold_of_lfw(trained, shared):
    genuine, impostor = first_fold(shared("data/lfw/pairs.txt"), count=100)
    pairs = genuine + impostor
    folder = shared("data/lfw-aligned-112")
    faces = torch.stack([load(folder, *face) for pair in pairs for face in pair])
    vectors = F.normalize(torch.cat([trained(batch) for batch in faces.split(32)]))
    similarity = (vectors[0::2] * vectors[1::2]).sum(dim=1)
    same = torch.arange(len(pairs)) < len(genuine)
    assert ((similarity >= THRESHOLD) == same).float().mean() >= 0.97
    assert similarity[same].mean() > 0.55
    assert similarity[~same].mean().abs() < 0.1


def first_fold(path, count):
    """The first pairs of the same and of two different people in fold 1, as (name, number)."""
    rows = [line.split() for line in path.read_text().splitlines()[1:601]]
    genuine = [((r[0], r[1]), (r[0], r[2])) for r in rows if len(r) == 3]
    impostor = [((r[0], r[1]), (r[2], r[3])) for r in rows if len(r) == 4]
    assert len(genuine) == len(impostor) == 300
    return genuine[:count], impostor[:count]


def load(folder, name, number):
    with Image.open(folder / name / f"{name}_{int(number):04d}.jpg") as image:
        pixels = np.asarray(image.convert("RGB"), np.float32) / 255
    return (torch.from_numpy(pixels).permute(2, 0, 1) - MEAN) / STD
