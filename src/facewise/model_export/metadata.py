"""What a file says of itself: the spec, what goes in and what comes out, as JSON inside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from facewise._version import __version__
from facewise.embedding.folder import spec_content
from facewise.errors import ModelError
from facewise.model_export.parts import Part

KEY = "facewise"
"""Under which the JSON stands: a metadata property of ONNX, a runtime information of OpenVINO, an
extra file of TorchScript, a constant method of ExecuTorch."""


def metadata(part: Part, precision: str, preprocess: bool) -> str:
    """The JSON for a file."""
    normal = part.spec.normalisation
    normalisation = {
        "mean": list(normal.mean),
        "std": list(normal.std),
        "colour": normal.colour,
        "per_image": normal.per_image,
    }
    sizes = [
        part.dynamic.get(2, part.proofs[0].shape[1]),
        part.dynamic.get(3, part.proofs[0].shape[2]),
    ]
    given: dict[str, Any]
    if preprocess:
        given = {"name": "pixels", "type": "uint8", "shape": ["batch", *sizes, 3], "colour": "rgb"}
    else:
        given = {
            "name": "pictures",
            "type": "float32",
            "shape": ["batch", 3, *sizes],
            "normalisation": normalisation,
        }
    content = {
        "facewise": __version__,
        "part": part.name,
        "precision": precision,
        "weights_sha256": part.weight_hash,
        "input": given,
        "outputs": list(part.outputs),
        "spec": _spec(part, precision),
    }
    return json.dumps(content, ensure_ascii=False)


def read_metadata(path: Path) -> dict[str, Any]:
    """What a file that `export_model` wrote says of itself.

    Raises:
        ModelError: it is no such file.
        ExtraMissingError: what reads its format is not installed.
    """
    from facewise.model_export.formats import format_of

    text = format_of(path).metadata(path)
    try:
        content = json.loads(text)
    except ValueError:
        raise ModelError(f"{path}: says nothing of facewise; was it exported by it?") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: expected a JSON object about facewise")
    return content


def _spec(part: Part, precision: str) -> dict[str, Any]:
    spec = part.spec
    if precision == "int8":  # similarities have moved
        spec = spec.unmeasured()
    if part.chips:
        return spec_content(spec, Path(spec.weights.filename).name)
    return {
        "id": spec.id,
        "architecture": spec.architecture,
        "licence": spec.weights.licence,
        "training_set": spec.weights.training_set,
        "notes": spec.notes,
    }
