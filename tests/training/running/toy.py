"""A training that takes milliseconds a step: chips of 16×16 pixels, a linear backbone.

As a program: `python toy.py CONFIG... [--resume]`, also under `torch.distributed.run`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PILImage
from torch import nn

from facewise.alignment import ARCFACE_112, FivePointCrop
from facewise.training import loop
from facewise.training.config import TrainConfig, load_config
from facewise.training.processes import end_together
from facewise.zoo import ModelSpec, Weights

SIDE = 16
PEOPLE, PICTURES = 5, 6


def make_people(root: Path, *, side: int = SIDE) -> Path:
    """A folder of people whose pictures are one pattern each, with noise."""
    rng = np.random.default_rng(7)
    for person in range(PEOPLE):
        folder = root / f"person{person}"
        folder.mkdir(parents=True)
        pattern = rng.integers(0, 256, (side, side, 3))
        for number in range(PICTURES):
            noisy = np.clip(pattern + rng.normal(0, 40, pattern.shape), 0, 255)
            PILImage.fromarray(noisy.astype(np.uint8)).save(folder / f"{number}.png")
    return root


class Toy(nn.Module):
    """A linear layer, dropout, and another: dropout draws from PyTorch's random numbers."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(3 * SIDE * SIDE, 16)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Linear(16, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.dropout(torch.tanh(self.first(x.flatten(1))))
        embeddings: torch.Tensor = self.second(hidden)
        return embeddings


def build_backbone(name: str, **_: Any) -> tuple[nn.Module, ModelSpec]:
    """`toy`, or `toy-dropout`."""
    template: Any = tuple((x * SIDE / 112, y * SIDE / 112) for x, y in ARCFACE_112)
    spec = ModelSpec(
        id="toy.test",
        task="embed",
        architecture="toy",
        weights=Weights("model.safetensors", licence="none", training_set="none"),
        input_size=SIDE,
        embedding_size=8,
        crop=FivePointCrop(SIDE, template),
    )
    network: nn.Module = Toy(0.2 if name == "toy-dropout" else 0.0)
    if name == "toy-norms":
        network = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
            nn.Linear(4 * 7 * 7, 8), nn.BatchNorm1d(8),
        )  # fmt: skip
    return network, spec


def settings(people: Path, out: Path, **changes: Any) -> TrainConfig:
    """Of a run of 30 steps."""
    return TrainConfig.from_mapping(
        {
            "data": str(people),
            "out": str(out),
            "aligned": True,
            "backbone": "toy-dropout",
            "batch_size": 10,
            "epochs": 10,
            "lr": 0.02,
            "loss_options": {"scale": 16},
            "augment": {"flip": 0.5},
            "device": "cpu",
            "tensorboard": False,
            **changes,
        }
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    loop.build_backbone = build_backbone  # type: ignore[assignment]
    for word in sys.argv[1:]:
        if word != "--resume":
            loop.train(load_config(Path(word)), resume="--resume" in sys.argv)
    end_together()
