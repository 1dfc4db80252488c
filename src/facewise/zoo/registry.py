"""Find a model by its id."""

from __future__ import annotations

import difflib
import re
from pathlib import PurePath
from typing import Literal

from facewise.errors import ModelError
from facewise.zoo.entries import ENTRIES
from facewise.zoo.spec import ModelSpec

_WORD = "[a-z0-9]+(?:_[a-z0-9]+)*"
_ID = re.compile(rf"{_WORD}(?:\.{_WORD})?")
_specs: dict[str, ModelSpec] = {}


def get_spec(model_id: str) -> ModelSpec:
    """The model of an id.

    Args:
        model_id: an id such as `inception_resnet_v1.vggface2`; or only an architecture, when a
            single model has it (`mobilefacenet`).

    Raises:
        ModelError: no model has that id, or several have that architecture.

    Example:
        >>> get_spec("mtcnn").weights.bundled
        True
        >>> get_spec("dlib_resnet29").id
        'dlib_resnet29.dlib'
    """
    if model_id in _specs:
        return _specs[model_id]
    family = [spec for spec in _specs.values() if model_id in (spec.architecture, _stem(spec.id))]
    if len(family) == 1:
        return family[0]
    if family:
        ids = ", ".join(sorted(spec.id for spec in family))
        raise ModelError(f"model {model_id!r} is ambiguous: it may be {ids}")
    names = {**{_stem(key): key for key in _specs}, **{key: key for key in _specs}}
    close = difflib.get_close_matches(model_id.lower(), names, n=3)
    hint = " or ".join(dict.fromkeys(names[name] for name in close))
    raise ModelError(
        f"unknown model {model_id!r}; {f'did you mean {hint}? ' if hint else ''}"
        "`facewise models list` (Python: facewise.zoo.list_specs()) shows all"
    )


def list_specs(task: Literal["embed", "detect"] | None = None) -> list[ModelSpec]:
    """All models, or those of one task, ordered by task and id."""
    chosen = (spec for spec in _specs.values() if task in (None, spec.task))
    return sorted(chosen, key=lambda spec: (spec.task, spec.id))


def register(spec: ModelSpec) -> None:
    """Add a model, for this process.

    Args:
        spec: the id of an embedder is `architecture.tag`; a detector's may have no tag. An
            embedder states its input size, embedding size and crop.

    Raises:
        ModelError: the id is of another form or taken, its file name is that of other weights,
            or the spec is incomplete.
    """
    problem = _problem(spec)
    if problem:
        raise ModelError(f"model {spec.id!r} cannot be registered: {problem}")
    _specs[spec.id] = spec


def _problem(spec: ModelSpec) -> str | None:
    if not _ID.fullmatch(spec.id):
        return "an id is `architecture.tag` in lower-case letters, digits and underscores"
    if spec.id in _specs:
        return "the id is taken"
    filename = spec.weights.filename
    if filename in ("", ".", "..") or PurePath(filename).name != filename or "\\" in filename:
        return f"{filename!r} is not the plain name of a file"
    # Files lie side by side in the cache: one name, one content.
    for other in _specs.values():
        if other.weights.filename == filename and other.weights != spec.weights:
            return f"the file name {filename!r} belongs to the weights of {other.id}"
    if spec.task == "detect":
        return None
    if not spec.id.startswith(f"{spec.architecture}."):
        return f"the id of an embedder begins with its architecture, {spec.architecture!r}"
    if spec.embedding_size is None or spec.input_size is None or spec.crop is None:
        return "an embedder needs embedding_size, input_size and crop"
    if spec.crop.size != spec.input_size:
        return f"chips of {spec.crop.size} pixels do not fit inputs of {spec.input_size}"
    return None


def _stem(model_id: str) -> str:
    return model_id.partition(".")[0]


for _entry in ENTRIES:
    register(_entry)
