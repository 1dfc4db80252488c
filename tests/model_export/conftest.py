from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from facewise.alignment import FivePointCrop
from facewise.embedding.folder import write_model_folder
from facewise.embedding.mobilefacenet import MobileFaceNet
from facewise.embedding.proof import proof_chips
from facewise.zoo import ModelSpec, Normalisation, Weights


def lively(network, crop):
    """A random network whose batch norms fit its maps, so that faces give different vectors."""
    chips = torch.from_numpy(proof_chips(crop)).permute(0, 3, 1, 2)
    network.train()
    for layer in network.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0
    with torch.no_grad():
        network((chips - 127.5) / 128)
    return network.eval()


@pytest.fixture(scope="session")
def own_model(tmp_path_factory):
    """`own_model(**changes)`: the folder of a small random embedder whose spec is changed."""

    torch.manual_seed(0)
    network = lively(MobileFaceNet(), FivePointCrop())

    def make(**changes) -> Path:
        spec = ModelSpec(
            id="mobilefacenet.own",
            task="embed",
            architecture="mobilefacenet",
            weights=Weights("own", licence="mine", training_set="none: ö"),
            input_size=112,
            embedding_size=128,
            crop=FivePointCrop(),
            normalisation=Normalisation(),
        )
        folder = tmp_path_factory.mktemp("own")
        write_model_folder(folder, network, replace(spec, **changes))
        return folder

    return make


@pytest.fixture(scope="session")
def faces(examples):
    """A folder of photos with faces."""
    return examples / "photos"
