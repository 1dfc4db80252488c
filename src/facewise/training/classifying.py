"""Names for the people a model was trained on: the classes of its loss, kept beside it.

Only losses on cosines will do: then the classifier takes embeddings of unit length, as everything
in facewise has them, and a face is named by the very vector that it is compared by.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file, save
from torch import Tensor
from torch.nn import functional

from facewise._files import replace_file
from facewise.errors import ModelError, TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facewise.training.losses import FaceLoss

CLASSIFIER, PEOPLE = "classifier.safetensors", "people.json"


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """Says who of the people it knows a face shows; it knows no strangers.

    Attributes:
        names: of the people.
        directions: float32 (people, d), of unit length.
        scale: what multiplies cosines.
        model_sha256: of the model whose embeddings it takes.
    """

    names: tuple[str, ...]
    directions: NDArray[np.float32]
    scale: float
    model_sha256: str

    def probabilities(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """How probable each of the people is: softmax(scale · cosines), rows sum to 1.

        Args:
            embeddings: float32 (n, d), of unit length.

        Returns:
            float32 (n, people).
        """
        logits = self.scale * (embeddings @ self.directions.T)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
        found: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
        return found

    def predict(self, embeddings: NDArray[np.float32]) -> list[tuple[str, float]]:
        """The most probable of the people for each face, and how probable.

        Args:
            embeddings: float32 (n, d), of unit length, as `Embedder` gives them.
        """
        found = self.probabilities(embeddings)
        best = found.argmax(axis=1).tolist()
        return [(self.names[who], float(row[who])) for who, row in zip(best, found, strict=True)]


def save_classifier(folder: Path, loss: FaceLoss, names: Sequence[str], model_sha256: str) -> None:
    """Write `classifier.safetensors` and `people.json`.

    Args:
        folder: of the run.
        loss: its weights are those of the classes.
        names: of the people, in the order of the labels.
        model_sha256: of the model's weight file.

    Raises:
        TrainingError: the loss has not one direction for each of the people.
        OSError: they cannot be written.
    """
    weights = _directions(loss)
    if weights is None or len(weights) != len(names):
        raise TrainingError(f"loss: has not one direction for each of {len(names)} people")
    content = {
        "names": list(names),
        "scale": float(getattr(loss, "scale", 1.0)),
        "model_sha256": model_sha256,
    }
    unit = functional.normalize(weights.detach().float().cpu()).numpy()
    replace_file(folder / CLASSIFIER, save({"directions": np.ascontiguousarray(unit)}))
    replace_file(folder / PEOPLE, json.dumps(content, indent=1, ensure_ascii=False).encode())


def load_classifier(folder: str | PathLike[str]) -> Classifier:
    """The classifier of a run that was trained with the task "classify".

    Raises:
        ModelError: there is none, or its files are damaged.

    Example:
        >>> from facewise.training.classifying import load_classifier
        >>> load_classifier("no/such/run")
        Traceback (most recent call last):
        facewise.errors.ModelError: no/such/run: names nobody...
    """
    path = Path(folder)
    if not (path / PEOPLE).is_file() or not (path / CLASSIFIER).is_file():
        raise ModelError(
            f"{folder}: names nobody; expected the folder of a run with the task classify "
            f"({PEOPLE} and {CLASSIFIER})"
        )
    try:
        content = json.loads((path / PEOPLE).read_bytes())
        return Classifier(
            tuple(content["names"]),
            load_file(path / CLASSIFIER)["directions"],
            float(content["scale"]),
            str(content["model_sha256"]),
        )
    except Exception as error:  # safetensors' own errors are not of one kind
        raise ModelError(f"{path}: its classifier is damaged ({error})") from error


def require_directions(loss: FaceLoss, name: str) -> None:
    """Refuse a loss that cannot name people, before anything is learnt.

    Raises:
        TrainingError: it has not one direction for each of the people.
    """
    if _directions(loss) is None:
        raise TrainingError(
            f"loss {name}: has not one direction for each of the people; with the task classify "
            "take normface, arcface, cosface or another margin on cosines"
        )


def _directions(loss: FaceLoss) -> Tensor | None:
    weights = getattr(getattr(loss, "class_weights", None), "weight", None)
    return weights if isinstance(weights, Tensor) and weights.ndim == 2 else None
