"""From what a user names (a folder, a gallery, a model) to what a `Namer` works with."""

from __future__ import annotations

from contextlib import ExitStack, closing, nullcontext
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from facewise.api import as_embedder
from facewise.embedding import DEFAULT_EMBEDDER, Embedder
from facewise.gallery import Gallery, ModelFacts
from facewise.pipeline import Pipeline
from facewise.recognition import People, load_people
from facewise.recognition.calibration_file import as_calibration
from facewise.result_cache import ResultCache
from facewise.video.naming.known import Known, KnownGallery, KnownPeople, Nobody
from facewise.video.naming.limits import Judge

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.recognition import Calibration
    from facewise.zoo import ModelSpec

Model: TypeAlias = "str | PathLike[str] | ModelSpec | Embedder"


class Decision(NamedTuple):
    """What names are decided by; see `Judge`, where these are described."""

    threshold: float | None = None
    far: float | None = None
    fpir: float | None = None
    calibration: Calibration | str | PathLike[str] | None = None


class Recogniser(NamedTuple):
    """What a `Namer` works with."""

    embedder: Embedder
    judge: Judge
    known: Known


def open_recogniser(
    stack: ExitStack,
    people: str | PathLike[str] | People | None,
    gallery: str | PathLike[str] | Gallery | None,
    model: Model | None,
    detector: Detector,
    decision: Decision,
    *,
    cache: bool = True,
) -> Recogniser:
    """Open and load what is needed to name tracks.

    Args:
        stack: closes the gallery, if this has opened it.
        people: a folder of people, or people loaded before; or None.
        gallery: a gallery, or its URL; or None.
        model: None: the gallery's, or the default.
        detector: finds the faces in pictures of people; a calibration must be of it.
        decision: what names are decided by.
        cache: keep what is found in pictures of people in the user's cache folder.

    Raises:
        ValueError: both people and a gallery are given, or the decision is not one.
        FacewiseError: people, gallery or calibration cannot be read.
        ModelError: no such model, or it has no thresholds and none was given.
        ModelMismatchError: people, gallery or calibration are of another model.
    """
    if people is not None and gallery is not None:
        raise ValueError("people and gallery: give one of them, not both")
    if gallery is None:
        embedder = as_embedder(DEFAULT_EMBEDDER if model is None else model)
    elif isinstance(gallery, Gallery):
        embedder = gallery.embedder
        if model is not None:
            facts = gallery.store.facts()
            facts.require(ModelFacts.of(as_embedder(model)), place=gallery.store.url)
    else:
        gallery = stack.enter_context(Gallery.open(gallery, model, detector=detector))
        embedder = gallery.embedder
    threshold, far, fpir, calibration = decision
    calibration = as_calibration(calibration)
    if calibration is not None:
        calibration.check(embedder, detector)
    judge = Judge(embedder.spec, threshold, far, fpir, calibration)
    known: Known = Nobody()
    if gallery is not None:
        known = KnownGallery(gallery)
    elif people is not None:
        if not isinstance(people, People):
            with closing(ResultCache()) if cache else nullcontext() as store:
                people = load_people(people, Pipeline(detector, embedder, store))
        people.require(embedder)
        known = KnownPeople(people)
    return Recogniser(embedder, judge, known)
