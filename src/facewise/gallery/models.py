"""The models that a gallery works with: its own embedder, any detector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facewise.api import as_detector, as_embedder
from facewise.detection import DEFAULT_DETECTOR
from facewise.embedding import load_embedder
from facewise.errors import ModelError
from facewise.gallery.model_facts import ModelFacts
from facewise.pipeline import Pipeline
from facewise.zoo import get_spec

if TYPE_CHECKING:
    from os import PathLike

    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.result_cache import ResultCache
    from facewise.zoo import ModelSpec


def embedder_of(
    facts: ModelFacts, model: str | PathLike[str] | ModelSpec | Embedder | None, place: str
) -> Embedder:
    """The embedder to work with.

    Args:
        facts: of the model that the gallery was made with.
        model: an embedder, or what `load_embedder` takes; None: the one of the facts.
        place: the gallery, for messages.

    Raises:
        ModelError: the model is unknown, or its weights are not here.
        ModelMismatchError: it is another than the gallery was made with; names both.
    """
    if model is None:
        flip = bool(facts.settings.get("flip", False))
        try:
            if get_spec(facts.model).flip == flip:
                embedder = as_embedder(facts.model)  # loaded once in a process
            else:
                embedder = load_embedder(facts.model, flip=flip)
        except ModelError as error:
            raise ModelError(
                f"{place}: made with {facts.model}, which cannot be loaded: {error}; "
                "name the model with --model (Python: model=)"
            ) from error
    else:
        embedder = as_embedder(model)
    facts.require(ModelFacts.of(embedder), place=place)
    return embedder


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
