"""From what a user names (an id, a spec file, a weight file) to a spec and a verified file."""

from __future__ import annotations

import json
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any

from facewise.alignment import ARCFACE_112, CropPolicy, EyeCornerCrop, FivePointCrop, MarginCrop
from facewise.errors import ModelError
from facewise.zoo.download import fetch
from facewise.zoo.registry import get_spec
from facewise.zoo.spec import ModelSpec, Normalisation, Threshold, Weights

SPEC_NAME = "spec.json"
"""The spec file of a model that is a folder."""


def model_and_weights(word: str) -> tuple[str, str | None]:
    """`ID` or `ID=FILE` in its parts; a folder or spec file that is there is a model as a whole."""
    if Path(word).expanduser().exists():
        return word, None
    model, _, weights = word.partition("=")
    return model, weights or None


def find_spec(model: str | PathLike[str] | ModelSpec) -> ModelSpec:
    """The spec behind a model's id, a spec file (`*.json`), the folder of one, or itself.

    An id of the zoo means that model, also where a folder has the same name; `./NAME` means the
    folder.

    Raises:
        ModelError: no such model; the folder has no spec file, or the file is not a spec.
    """
    if isinstance(model, ModelSpec):
        return model
    path, word = Path(model).expanduser(), str(model)
    if path.suffix == ".json":
        return read_spec(path)
    try:
        return get_spec(word)
    except ModelError:
        if path.is_dir() and word:
            return _spec_of_folder(path)
        if path.is_file():
            raise ModelError(
                f"{path}: expected the id, the folder or the spec file (.json) of a model; for a "
                "weight file say of which: ID=FILE"
            ) from None
        if len(path.parts) > 1:
            raise ModelError(f"{path}: no such folder of a model") from None
        raise


def _spec_of_folder(folder: Path) -> ModelSpec:
    spec_file = folder / SPEC_NAME
    if not spec_file.is_file():
        raise ModelError(f"{folder}: not the folder of a model: it has no {SPEC_NAME}")
    spec = read_spec(spec_file)
    weights = Path(spec.weights.filename)
    if not weights.is_file():
        raise ModelError(f"{folder}: the weights are missing ({weights.name} of {SPEC_NAME})")
    return spec


def weights_path(spec: ModelSpec, weights: str | PathLike[str] | None = None) -> Path:
    """The weight file to load: the user's own, or the zoo's, fetched if need be.

    Raises:
        ModelError: the user's file does not exist, or the zoo's is damaged.
        DownloadError: the zoo's is not here and cannot be fetched.
    """
    if weights is None:
        own = Path(spec.weights.filename)
        if not own.is_absolute():
            return fetch(spec)
        if not own.is_file():
            raise ModelError(f"{own}: no such weight file (for {spec.id})")
        return own
    path = Path(weights).expanduser()
    if not path.is_file():
        raise ModelError(f"{path}: no such weight file (for {spec.id})")
    return path


def read_spec(path: Path) -> ModelSpec:
    """Read a spec file: JSON that describes an embedder of one's own.

    Required keys: `weights` (a file, relative to the spec), `input_size`, `embedding_size`.
    Optional: `id`, `architecture` (needed unless the weights are ONNX), `crop`, `normalisation`
    (`mean`, `std`, `colour`, `per_image`), `flip`, `thresholds`
    (`[{"value", "far", "measured_on"}]`), `licence`, `training_set`, `notes`. A crop is
    `{"margin": 0}`, `{"padding": 0.25}` for dlib's chips, or `{"template": [[x, y], …]}`; by
    default ArcFace's template scaled to the input.

    Raises:
        ModelError: the file is missing, is not JSON, or lacks or misspells a key.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ModelError(f"{path}: not JSON ({error})") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: expected a JSON object that describes a model")
    try:
        return _spec(path, dict(content))
    except KeyError as error:
        raise ModelError(f"{path}: the key {error} is missing") from None
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path}: {error}") from None


def _spec(path: Path, content: dict[str, Any]) -> ModelSpec:
    file = path.parent / content.pop("weights")
    size = int(content.pop("input_size"))
    onnx = file.suffix == ".onnx"
    architecture = content.pop("architecture", "onnx") if onnx else content.pop("architecture")
    taken = {
        "id": content.pop("id", f"{architecture}.{path.stem}"),
        "task": "embed",
        "architecture": architecture,
        "format": "onnx" if onnx else "torch",
        "weights": Weights(
            filename=str(file.resolve()),
            licence=content.pop("licence", "not stated"),
            training_set=content.pop("training_set", "not stated"),
        ),
        "input_size": size,
        "embedding_size": int(content.pop("embedding_size")),
        "crop": _crop(content.pop("crop", {}), size),
        "normalisation": _normalisation(content.pop("normalisation", {})),
        "thresholds": tuple(Threshold(**each) for each in content.pop("thresholds", ())),
    }
    plain = {field.name for field in fields(ModelSpec)} - taken.keys()
    if not isinstance(content.get("flip", False), bool):
        raise ValueError(f"flip: expected true or false, got {content['flip']!r}")
    unknown = sorted(content.keys() - plain)
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    return ModelSpec(**taken, **content)


def _crop(content: dict[str, Any], size: int) -> CropPolicy:
    if len(content) > 1 or content.keys() - {"margin", "padding", "template"}:
        raise ValueError("crop: expected one of margin, padding, template")
    if "margin" in content:
        return MarginCrop(size, int(content["margin"]))
    if "padding" in content:
        return EyeCornerCrop(size, float(content["padding"]))
    points = content.get("template")
    if points is None:
        points = [(x * size / 112, y * size / 112) for x, y in ARCFACE_112]
    template = tuple((float(x), float(y)) for x, y in points)
    if len(template) != 5:
        raise ValueError(f"crop: a template has five points, not {len(template)}")
    return FivePointCrop(size, template)


def _normalisation(content: dict[str, Any]) -> Normalisation:
    values = dict(content)
    for key in ("mean", "std"):
        if key in values:
            values[key] = tuple(float(v) for v in values[key])
            if len(values[key]) != 3:
                raise ValueError(f"normalisation: {key} has three values, not {len(values[key])}")
    return Normalisation(**values)
