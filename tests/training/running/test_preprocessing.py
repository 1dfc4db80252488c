"""What a network is shown while it learns is what it is shown when it serves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facewise.detection import load_detector
from facewise.embedding import Embedder
from facewise.evaluation import embed_photos
from facewise.pipeline import Pipeline
from facewise.runtime.networks import Candidate
from facewise.training import loop
from facewise.training.loop import train


@pytest.mark.parametrize("sitting", ["cut", "kept"])
def test_training_and_serving_preprocess_identically(
    settings: Callable[..., Any],
    examples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sitting: str,
) -> None:
    """In the first epoch chips are cut, in the second they are read; both bit for bit."""
    learnt: list[torch.Tensor] = []
    build = loop.build_backbone

    def watched(name: str, **options: Any) -> Any:
        network, spec = build(name, **options)
        network.register_forward_pre_hook(lambda module, inputs: learnt.append(inputs[0].clone()))
        return network, spec

    monkeypatch.setattr(loop, "build_backbone", watched)
    steps = 1 if sitting == "cut" else 2
    changes = {"aligned": False, "batch_size": 3, "max_steps": steps, "augment": {}}
    train(settings(tmp_path / "run", data=str(examples / "people"), epochs=2, **changes))
    served: list[torch.Tensor] = []

    def network(x: torch.Tensor) -> torch.Tensor:
        served.append(x.clone())
        return torch.ones(len(x), 8)

    _, spec = build("toy")
    embedder = Embedder(
        spec,
        network,
        weight_hash="",
        device=torch.device("cpu"),
        candidate=Candidate("torch", "float32"),
        flip=False,
        batch_size=1,
    )
    photos = sorted((examples / "people").glob("*/*.jpg"))
    embed_photos(photos, Pipeline(load_detector(), embedder), lambda done: None)
    assert len(served) == len(photos) == 3
    batch = learnt[steps - 1]
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert {np.ascontiguousarray(x[None]).tobytes() for x in batch} == {
        np.ascontiguousarray(x).tobytes() for x in served
    }
