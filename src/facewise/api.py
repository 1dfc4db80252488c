"""The two short calls, `detect` and `embed`, on models that are loaded once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from os import PathLike, fspath
from typing import TYPE_CHECKING

from facewise.detection import DEFAULT_DETECTOR, Detector, load_detector
from facewise.embedding import DEFAULT_EMBEDDER, Embedder, load_embedder
from facewise.errors import ImageError
from facewise.images import sources
from facewise.pipeline import Pipeline
from facewise.zoo import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facewise.faces import Faces
    from facewise.images import ImageSource


def detect(
    images: Sequence[ImageSource] | ImageSource, detector: str | Detector = DEFAULT_DETECTOR
) -> list[Faces]:
    """Find the faces of each picture.

    Args:
        images: one picture or many, of any sizes, in any form that `load_image` takes.
        detector: a detector's id, or one made by `load_detector` with options of its own.

    Returns:
        One `Faces` for each picture, also for one picture; empty where there is none.

    Raises:
        ImageError: an input is not a picture.
        ModelError: no such detector.

    Example:
        >>> import facewise
        >>> [faces] = facewise.detect("examples/photos/astronaut.jpg")
        >>> len(faces), bool(faces.scores[0] > 0.99)
        (1, True)
    """
    return as_detector(detector).detect(images)


def embed(
    images: Sequence[ImageSource] | ImageSource,
    model: str | PathLike[str] | ModelSpec | Embedder = DEFAULT_EMBEDDER,
    detector: str | Detector = DEFAULT_DETECTOR,
) -> list[NDArray[np.float32]]:
    """Find and embed the faces of each picture.

    Many pictures are worked on at once, on all processors, but only as many are in memory as are
    being worked on, however long the list (docs/throughput.md).

    Args:
        images: one picture or many, in any form that `load_image` takes.
        model: an embedder's id, spec or spec file, or one made by `load_embedder`.
        detector: a detector's id, or one made by `load_detector`.

    Returns:
        For each picture an array float32 (number of faces, d) of unit vectors, in the order of
        `detect`: the most confident face first.

    Raises:
        ImageError: an input is not a picture.
        ModelError: no such model.

    Example:
        >>> import facewise
        >>> [vectors] = facewise.embed("examples/photos/astronaut.jpg")
        >>> vectors.shape
        (1, 128)
    """
    pipeline = Pipeline(as_detector(detector), as_embedder(model))
    vectors = []
    for found in pipeline.run_each(sources(images)):
        if isinstance(found, ImageError):
            raise found
        vectors.append(found.embeddings)
    return vectors


def as_detector(detector: str | Detector) -> Detector:
    """The detector itself, or the one of an id, loaded once in a process."""
    if isinstance(detector, str):
        return _detector(detector)
    if not hasattr(detector, "detect"):
        raise TypeError(f"detector: expected a detector or its id, got {type(detector).__name__}")
    return detector


def as_embedder(model: str | PathLike[str] | ModelSpec | Embedder) -> Embedder:
    """The embedder itself, or the one of an id (loaded once in a process) or of a spec."""
    if isinstance(model, Embedder):
        return model
    if isinstance(model, PathLike):
        model = fspath(model)
    if isinstance(model, ModelSpec) or (isinstance(model, str) and model.endswith(".json")):
        return load_embedder(model)  # not kept: the file may change
    if not isinstance(model, str):
        raise TypeError(f"model: expected an embedder or its id, got {type(model).__name__}")
    return _embedder(model)


@lru_cache(maxsize=4)
def _detector(model_id: str) -> Detector:
    return load_detector(model_id)


@lru_cache(maxsize=4)
def _embedder(model_id: str) -> Embedder:
    return load_embedder(model_id)
