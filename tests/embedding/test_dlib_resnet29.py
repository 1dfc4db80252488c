"""`DlibResNet29` with the bundled weights gives what dlib gives.

Run as a script, this file writes its golden file:

    python tests/embedding/test_dlib_resnet29.py dlib_face_recognition_resnet_model_v1.dat
"""

from __future__ import annotations

import hashlib
import importlib.resources
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from facewise.convert.dlib import convert_resnet29
from facewise.embedding.dlib_resnet29 import DlibResNet29, ResidualBlock

GOLDEN = Path(__file__).parent / "golden" / "dlib_resnet29.json"
MODEL_FILE = "dlib_face_recognition_resnet_model_v1.dat"
CHIPS = 4


def synthetic_chip(number: int) -> np.ndarray:
    """A smooth coloured pattern, uint8 (150, 150, 3), the same on every machine.

    A hash gives a coarse grid of colours, integer bilinear interpolation the pixels between.
    """
    noise = hashlib.shake_256(f"facewise chip {number}".encode()).digest(7 * 7 * 3)
    grid = np.frombuffer(noise, np.uint8).reshape(7, 7, 3).astype(np.int64)
    cell, weight = np.divmod(np.arange(150), 25)
    across = weight[None, :, None]
    rows = grid[:, cell] * (25 - across) + grid[:, cell + 1] * across
    down = weight[:, None, None]
    return ((rows[cell] * (25 - down) + rows[cell + 1] * down) // 625).astype(np.uint8)


def embed(network: DlibResNet29, chips: np.ndarray) -> np.ndarray:
    mean = torch.tensor([122.782, 117.001, 104.298])
    x = ((torch.from_numpy(chips).float() - mean) / 256).permute(0, 3, 1, 2)
    with torch.inference_mode():
        return network(x).numpy()


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def network() -> DlibResNet29:
    """The network with the bundled float16 weights."""
    weights = importlib.resources.files("facewise") / "weights" / "dlib_resnet29.safetensors"
    network = DlibResNet29().eval()
    network.load_state_dict(safetensors.torch.load(weights.read_bytes()))
    return network


@pytest.fixture(scope="module")
def model_path(dlib_model) -> Path:
    return dlib_model(MODEL_FILE)


def test_golden_output_of_dlib(network):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    chips = np.stack([synthetic_chip(number) for number in range(CHIPS)])
    assert [hashlib.sha256(chip).hexdigest() for chip in chips] == golden["chips_sha256"]
    expected = np.array(golden["descriptors"])
    assert expected.shape == (CHIPS, 128)
    got = embed(network, chips)
    assert cosines(got, expected).min() >= 0.9999
    np.testing.assert_allclose(got, expected, atol=1e-3)
    # The golden vectors differ enough for the comparison to mean something.
    assert cosines(expected, np.roll(expected, 1, axis=0)).max() < 0.99


@pytest.mark.oracle
@pytest.mark.shared
def test_parity_with_dlib_on_faces(network, model_path, shared):
    dlib = pytest.importorskip("dlib", reason="dlib is not installed")
    photos = sorted(shared("data/lfw/lfw-deepfunneled").glob("*/*_0001.jpg"))[::115][:50]
    assert len(photos) == 50
    # LFW's faces lie in the middle of the 250×250 pictures.
    chips = np.stack([np.asarray(Image.open(p).convert("RGB"))[50:200, 50:200] for p in photos])
    oracle = dlib.face_recognition_model_v1(str(model_path))
    expected = np.array(
        [np.array(oracle.compute_face_descriptor(np.ascontiguousarray(chip))) for chip in chips]
    )
    assert cosines(embed(network, chips), expected).min() >= 0.9999
    converted = DlibResNet29().eval()
    converted.load_state_dict(convert_resnet29(model_path))
    np.testing.assert_allclose(embed(converted, chips), expected, atol=1e-5)


def test_gradients_reach_every_parameter():
    network = DlibResNet29()
    network(torch.randn(2, 3, 150, 150)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (8, 7)])
def test_a_block_that_halves_fills_both_summands_with_zeros(size):
    torch.manual_seed(0)
    block = ResidualBlock(2, 3, downsamples=True)
    x = torch.randn(2, 2, *size)
    mean = torch.nn.functional.avg_pool2d(x, 2)
    branch = block.conv2(torch.relu(block.conv1(x)))
    height, width = mean.shape[2:]
    expected = torch.zeros(2, 3, height, width)
    expected[:, :2] += mean
    expected[:, :, : branch.shape[2], : branch.shape[3]] += branch
    torch.testing.assert_close(block(x), torch.relu(expected))


def write_golden(model: str) -> None:
    import dlib

    chips = [synthetic_chip(number) for number in range(CHIPS)]
    oracle = dlib.face_recognition_model_v1(model)
    golden = {
        "origin": f"dlib {dlib.__version__}, face_recognition_model_v1.compute_face_descriptor",
        "command": f"python tests/embedding/test_dlib_resnet29.py {MODEL_FILE}",
        "model_sha256": hashlib.sha256(Path(model).read_bytes()).hexdigest(),
        "chips_sha256": [hashlib.sha256(chip).hexdigest() for chip in chips],
        "descriptors": [[round(v, 7) for v in oracle.compute_face_descriptor(c)] for c in chips],
    }
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_golden(sys.argv[1])
