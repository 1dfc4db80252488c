"""Does this installation find and embed a real face as it should?

`python -m facewise.cli.self_test` records the expected embedding again, for when the default model
or its preprocessing changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facewise.detection import load_detector
from facewise.embedding import load_embedder
from facewise.faces import EmbeddedFaces
from facewise.pipeline import Pipeline

MIN_SIMILARITY = 0.999
"""To the recorded embedding; other processors and library versions differ by about 1e-5."""

_DATA = Path(__file__).parents[1] / "data"
_FACE = _DATA / "self_test_face.jpg"
_EXPECTED = _DATA / "self_test_face.json"


@dataclass(frozen=True, slots=True)
class SelfTest:
    """How it went.

    Attributes:
        ok: whether everything was as expected.
        detail: what was found, or what went wrong.
        similarity: cosine to the recorded embedding, where it came to that.
    """

    ok: bool
    detail: str
    similarity: float | None = None


def _pipeline() -> Pipeline:
    """The default models as the reference runs them: what is faster has proofs of its own."""
    detector = load_detector(mode="exact", backend="torch")
    return Pipeline(detector, load_embedder(backend="torch", precision="float32"))


def run_self_test() -> SelfTest:
    """Find and embed the bundled face with the default models, and compare; never raises."""
    try:
        pipeline = _pipeline()
        found = pipeline.run(_FACE)
        expected = json.loads(_EXPECTED.read_text(encoding="utf-8"))
    except Exception as error:  # a diagnosis reports whatever is wrong
        return SelfTest(False, f"{type(error).__name__}: {error}")
    if expected["settings"] != pipeline.embedder.settings:
        return SelfTest(False, "the recorded embedding was made by another version of the model")
    if len(found.faces) != 1:
        return SelfTest(False, f"{len(found.faces)} faces found in a picture of one")
    similarity = float(found.embeddings[0] @ np.array(expected["embedding"], np.float32))
    ok = similarity >= MIN_SIMILARITY
    return SelfTest(ok, f"1 face, similarity {similarity:.6f} to the recorded one", similarity)


def record() -> None:
    """Write the embedding that this installation gives as the expected one."""
    pipeline = _pipeline()
    found: EmbeddedFaces = pipeline.run(_FACE)
    [vector] = found.embeddings
    content = {
        "settings": pipeline.embedder.settings,
        "embedding": vector.tolist(),
        "face": json.loads(found.faces.to_json()),  # for `facewise.embedding.proof`
    }
    _EXPECTED.write_text(json.dumps(content) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
