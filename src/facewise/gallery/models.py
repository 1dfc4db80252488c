"""The models that a gallery works with: its own embedder, any detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facewise.api import as_detector, as_embedder
from facewise.detection import DEFAULT_DETECTOR
from facewise.embedding import load_embedder
from facewise.errors import ModelError
from facewise.gallery.model_facts import ModelFacts
from facewise.pipeline import Pipeline
from facewise.zoo import get_spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.result_cache import ResultCache
    from facewise.zoo import ModelSpec


def embedder_of(
    facts: ModelFacts,
    model: str | PathLike[str] | ModelSpec | Embedder | None,
    place: str,
    load: Callable[[Any, bool | None], Embedder] | None = None,
) -> Embedder:
    """The embedder to work with.

    Args:
        facts: of the model that the gallery was made with.
        model: an embedder, or what `load_embedder` takes; None: the one of the facts.
        place: the gallery, for messages.
        load: gives the embedder of a model with that flip (None: the model's own); by default on
            the device and backend that `load_embedder` takes, and once in a process.

    Raises:
        ModelError: the model is unknown, or its weights are not here.
        ModelMismatchError: it is another than the gallery was made with; names both.
    """
    load = load or _loaded
    if model is None:
        try:
            embedder = load(facts.model, bool(facts.settings.get("flip", False)))
        except ModelError as error:
            raise ModelError(
                f"{place}: made with {facts.model}, which cannot be loaded: {error}; "
                "name the model with --model (Python: model=)"
            ) from error
    else:
        embedder = load(model, None)
    facts.require(ModelFacts.of(embedder), place=place)
    return embedder


def _loaded(model: Any, flip: bool | None) -> Embedder:
    if flip is None or get_spec(model).flip == flip:
        return as_embedder(model)  # loaded once in a process
    return load_embedder(model, flip=flip)


def pipeline_of(
    embedder: Embedder, detector: str | Detector | None, cache: ResultCache | None
) -> Pipeline:
    """The way from pictures to vectors, with the default detector unless another is named.

    Raises:
        ModelError: no such detector.
    """
    return Pipeline(
        as_detector(DEFAULT_DETECTOR if detector is None else detector), embedder, cache
    )
