"""Normalisation of each picture by itself, as early FaceNets want it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from facewise.embedding.embedder import normalised
from facewise.embedding.folder import spec_content
from facewise.zoo import ModelSpec, Normalisation, Weights, get_spec, read_spec


def spec(normalisation):
    return ModelSpec(
        id="inception_resnet_v1.own",
        task="embed",
        architecture="inception_resnet_v1",
        weights=Weights("own.pt", licence="mine", training_set="mine"),
        input_size=160,
        embedding_size=128,
        crop=get_spec("inception_resnet_v1.vggface2").crop,
        normalisation=normalisation,
    )


def test_each_picture_by_its_own_mean_and_deviation(rng):
    chips = rng.integers(0, 256, (3, 20, 20, 3), dtype=np.uint8)
    chips[1] = chips[1] // 4 + 100
    chips[2] = 77  # flat: divided by 1 / sqrt(1200), not by 0
    x = normalised(chips, spec(Normalisation(per_image=True)), torch.device("cpu")).numpy()
    for chip, found in zip(chips.astype(np.float64), x, strict=True):
        deviation = max(chip.std(), 1 / np.sqrt(chip.size))
        expected = (chip - chip.mean()) / deviation
        assert np.abs(found.transpose(1, 2, 0) - expected).max() < 1e-4


def test_keys_of_before_still_hold():
    usual = "Normalisation(mean=(127.5, 127.5, 127.5), std=(128.0, 128.0, 128.0), colour='rgb')"
    assert repr(Normalisation()) == usual
    assert repr(Normalisation(per_image=True)) != usual


def test_a_spec_file_keeps_it(tmp_path):
    (tmp_path / "own.pt").touch()
    for normalisation in (Normalisation(), Normalisation(per_image=True)):
        content = spec_content(spec(normalisation), "own.pt")
        (tmp_path / "spec.json").write_text(json.dumps(content))
        assert read_spec(tmp_path / "spec.json").normalisation == normalisation
    with pytest.raises(ValueError, match="per_image: expected true or false, got 1"):
        Normalisation(per_image=1)
