"""From what a user names to a `Session`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import FacewiseError
from facewise.gallery import Gallery
from facewise.pipeline import Pipeline
from facewise.recognition import People, load_people
from facewise.recognition.people import pictures_by_name
from facewise.result_cache import ResultCache
from facewise.video.camera.enrolling import Enroller, IntoFolder, IntoGallery
from facewise.video.camera.saving import Folder
from facewise.video.camera.session import Session
from facewise.video.naming.known import KnownPeople
from facewise.video.naming.namer import Namer
from facewise.video.naming.opening import Decision, open_recogniser
from facewise.video.running import Tracking
from facewise.video.tracking import Tracker, TrackingOptions

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.video.camera.events import Event
    from facewise.video.camera.feed import Feed
    from facewise.video.tracking import Schedule


def open_session(
    stack: ExitStack,
    feed: Feed,
    detector: Detector,
    embedder: Embedder,
    *,
    people: Path | None = None,
    gallery: Gallery | None = None,
    decision: Decision | None = None,
    schedule: Schedule | None = None,
    out: Path = Path(),
    cache: bool = True,
    tell: Callable[[Event], object] | None = None,
    width: int = 1280,
) -> Session:
    """A session that is ready to begin.

    Args:
        stack: closes what is opened here; the session must have ended before.
        feed: the camera; the session closes it.
        detector: finds the faces.
        embedder: says whose they are; the gallery's, where there is one.
        people: a folder of people, or None. It may be empty.
        gallery: a gallery, or None.
        decision: what names are decided by.
        schedule: when the detector looks; None: the usual one.
        out: where snapshots and recordings go.
        cache: keep what is found in pictures of people in the user's cache folder.
        tell: see `Session`.
        width: see `Session`.

    Raises:
        FacewiseError: people, gallery or calibration cannot be read.
        ModelError: the model has no thresholds, and none was given.
        ModelMismatchError: they are of another model.
        ValueError: people and gallery are given, or the decision is not one.
    """
    store = None
    if people is not None and cache:
        store = stack.enter_context(closing(ResultCache()))
    pipeline = Pipeline(detector, embedder, store)
    known_people = None if people is None else _loaded(people, pipeline)
    _, judge, known = open_recogniser(
        stack,
        known_people,
        gallery,
        embedder,
        detector,
        Decision() if decision is None else decision,
        cache=cache,
    )
    enroller: Enroller | None = None
    if gallery is not None:
        _ = gallery.pipeline  # its models are loaded now: not while others are in use
        enroller = IntoGallery(gallery, feed.source.name)
    elif people is not None and isinstance(known, KnownPeople):
        enroller = IntoFolder(people, known, pipeline)
    options = TrackingOptions()
    if not embedder.spec.thresholds:
        options = replace(options, similarity=judge.strangers(1))
    namer = Namer(embedder, judge, known, carried=True, remembered=options.remembered)
    tracker = Tracker(
        detector,
        schedule,
        embedder=embedder,
        live=True,
        aside=True,
        options=options,
    )
    with ExitStack() as own:
        own.enter_context(feed.source)
        tracking = Tracking(feed.source, tracker, namer, own, final=False)
    return Session(feed, tracking, Folder(out), enroller=enroller, tell=tell, width=width)


def _loaded(folder: Path, pipeline: Pipeline) -> People:
    """The people of a folder, which may be empty."""
    if folder.is_dir() and not pictures_by_name(folder):
        size = pipeline.embedder.spec.embedding_size or 0
        return People((), np.empty((0, size), np.float32), pipeline.embedder.settings)
    return load_people(folder, pipeline)


def made_folder(people: Path) -> Path:
    """A folder of people, which is made where it is not there.

    Raises:
        FacewiseError: it cannot be made.
    """
    try:
        people.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FacewiseError(f"{people}: cannot be made ({error.strerror})") from error
    return people
