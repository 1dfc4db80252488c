from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from facewise.alignment import EyeCornerCrop, FivePointCrop, MarginCrop
from facewise.embedding.folder import spec_content, write_model_folder
from facewise.zoo import ModelSpec, Normalisation, Threshold, Weights, read_spec


def spec_with(crop):
    return ModelSpec(
        id="mobilefacenet.test",
        task="embed",
        architecture="mobilefacenet",
        weights=Weights("elsewhere.pt", licence="CC0", training_set="my pictures — 3 people"),
        input_size=crop.size,
        embedding_size=128,
        crop=crop,
        normalisation=Normalisation((0.1, 2.0, 3.0), (4.0, 5.0, 1 / 3), "bgr"),
        flip=True,
        thresholds=(Threshold(0.4, 1e-3, "pairs"), Threshold(1 / 3, None, "a note")),
        published={"lfw": 0.99},
        measured={"lfw": 0.985},
        precision_loss={"openvino int8": 0.1},
        notes="One.",
    )


@pytest.mark.parametrize(
    "crop",
    [
        MarginCrop(160, 32),
        EyeCornerCrop(150, 0.3),
        FivePointCrop(),
        FivePointCrop(96, ((0.1, 2),) * 5),
    ],
)
def test_a_spec_comes_back_as_it_was_written(tmp_path, crop):
    module = torch.nn.Linear(3, 2)
    spec = spec_with(crop)
    file = write_model_folder(tmp_path / "new" / "folder", module, spec)
    assert file == tmp_path / "new" / "folder" / "spec.json"
    read = read_spec(file)
    assert read.weights.filename == str((file.parent / "model.safetensors").resolve())
    weights = Weights(read.weights.filename, licence="CC0", training_set="my pictures — 3 people")
    assert read.weights == weights
    for name in ModelSpec.__slots__:
        if name != "weights":
            assert getattr(read, name) == getattr(spec, name), name
    tensors = load_file(file.parent / "model.safetensors")
    assert tensors.keys() == module.state_dict().keys()
    assert all(torch.equal(tensors[k], v) for k, v in module.state_dict().items())


def test_what_is_empty_is_not_written():
    spec = spec_with(MarginCrop(160))
    content = spec_content(
        ModelSpec(
            id=spec.id,
            task="embed",
            architecture=spec.architecture,
            weights=spec.weights,
            input_size=160,
            embedding_size=128,
            crop=spec.crop,
        ),
        "w.safetensors",
    )
    assert not {"thresholds", "published", "measured", "precision_loss", "notes"} & content.keys()
    assert json.loads(json.dumps(content)) == content


def test_a_model_is_replaced_whole(tmp_path):
    spec = spec_with(MarginCrop(160))
    write_model_folder(tmp_path, torch.nn.Linear(3, 2), spec)
    module = torch.nn.Linear(3, 2)
    module.weight = torch.nn.Parameter(torch.ones(3, 2).T)  # not contiguous
    write_model_folder(tmp_path, module, spec)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.safetensors", "spec.json"]
    assert torch.equal(load_file(tmp_path / "model.safetensors")["weight"], torch.ones(2, 3))
