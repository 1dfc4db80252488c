"""Feed the same pictures to a file's own graph, run by TensorFlow, and to what was made of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from facewise.convert.tensorflow.checkpoint import checkpoint_prefix
from facewise.errors import ExtraMissingError, ModelError

LIMIT = 1e-4
"""Greatest distance of two outputs for one batch that rounding explains. It is the Euclidean norm
of the difference of the whole batch, as facenet-pytorch's README has it (1.3e-6 there)."""

_INPUT, _OUTPUT, _PHASE = ("input", "image_batch"), "embeddings", "phase_train"


class Parity(NamedTuple):
    """Two outputs for one batch.

    Attributes:
        theirs: of the file's own graph, (n, d).
        ours: of the converted network, (n, d).
    """

    theirs: NDArray[np.float32]
    ours: NDArray[np.float32]

    @property
    def distance(self) -> float:
        """The Euclidean norm of their difference."""
        return float(np.linalg.norm(self.theirs - self.ours))


def parity(path: Path, network: nn.Module, *, pictures: int = 5, seed: int = 0) -> Parity:
    """Compare a converted network with its origin on normal random numbers (n, 160, 160, 3).

    This runs the graph in the file, with TensorFlow: only for files that are trusted.

    Args:
        path: what was converted; a checkpoint needs its `.meta`, which holds the graph.
        network: what came of it.
        pictures: in the batch.
        seed: of the random numbers.

    Raises:
        ExtraMissingError: TensorFlow is not installed.
        ModelError: it cannot run the graph, or the graph has not the names of the project's.
    """
    tensorflow = _tensorflow()
    batch = np.random.default_rng(seed).standard_normal((pictures, 160, 160, 3), np.float32)
    with torch.inference_mode():
        ours = network(torch.from_numpy(batch).permute(0, 3, 1, 2)).numpy()
    try:
        theirs = _run(tensorflow.compat.v1, path, batch)
    except ModelError:
        raise
    except Exception as error:  # TensorFlow's errors have no common base
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"{path}: TensorFlow cannot run its graph: {reason}") from error
    if theirs.shape != ours.shape:
        raise ModelError(f"{path}: its graph gave {theirs.shape}, the converted {ours.shape}")
    return Parity(theirs, ours)


def _tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import tensorflow as tf  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError as error:
        raise ExtraMissingError(
            "parity with the original: needs TensorFlow; pip install tensorflow-cpu "
            "(in an environment of its own, if it does not fit yours)"
        ) from error
    return tf


def _run(v1: Any, path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    with v1.Graph().as_default() as graph, v1.Session() as session:
        prefix = checkpoint_prefix(path)
        if prefix is None:
            definition = v1.GraphDef()
            definition.ParseFromString(path.read_bytes())
            v1.import_graph_def(definition, name="")
        else:
            meta = _meta(prefix)
            v1.train.import_meta_graph(str(meta), clear_devices=True).restore(session, str(prefix))
        nodes = {operation.name for operation in graph.get_operations()}
        source = next((name for name in _INPUT if name in nodes), None)
        if source is None or _OUTPUT not in nodes:
            raise ModelError(f"{path}: its graph has no nodes {' or '.join(_INPUT)} and {_OUTPUT}")
        given: dict[str, Any] = {f"{source}:0": batch}
        if _PHASE in nodes:
            given[f"{_PHASE}:0"] = False
        result: NDArray[np.float32] = session.run(f"{_OUTPUT}:0", given)
        return result


def _meta(prefix: Path) -> Path:
    """The graph of a checkpoint: beside it, named alike or (as in the project's releases) alone."""
    own = prefix.with_name(f"{prefix.name}.meta")
    found = [own] if own.is_file() else list(prefix.parent.glob("*.meta"))
    if len(found) != 1:
        raise ModelError(f"{prefix}: parity needs the checkpoint's graph, {own.name}, beside it")
    return found[0]
