"""`track`: the faces of a video, followed and named, frame by frame."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from facewise.api import as_detector
from facewise.detection import DEFAULT_DETECTOR, Detector
from facewise.video.naming.namer import Namer
from facewise.video.naming.opening import Decision, open_recogniser
from facewise.video.running import Tracking
from facewise.video.sources import Source, open_source
from facewise.video.tracking import EveryNth, Tracker, TrackingOptions, usual_schedule

if TYPE_CHECKING:
    from facewise.gallery import Gallery
    from facewise.recognition import Calibration, People
    from facewise.video.naming.opening import Model
    from facewise.video.tracking import Schedule


def track(
    source: Any,
    *,
    people: str | PathLike[str] | People | None = None,
    gallery: str | PathLike[str] | Gallery | None = None,
    model: Model | None = None,
    detector: str | Detector = DEFAULT_DETECTOR,
    recognise: bool = True,
    every: int | Schedule | None = None,
    resize: float = 1.0,
    live: bool | None = None,
    aside: bool = False,
    final: bool = False,
    start: float | None = None,
    stop: float | None = None,
    threshold: float | None = None,
    far: float | None = None,
    fpir: float | None = None,
    calibration: Calibration | str | PathLike[str] | None = None,
    options: TrackingOptions | None = None,
    cache: bool = True,
) -> Tracking:
    """Follow the faces of a video, and say who they are.

    A track is one face, from when it comes to when it goes, and beyond that if it comes back. The
    best few faces of each are embedded, and it gets one name. On a frame it has the name that is
    known by then: `unknown` at first, perhaps. A name that was given changes at most once, and two
    faces of a frame never have the same. What is final, also the numbers of strangers, is in
    `Tracking.tracks` after the last frame; or on every frame, with `final`.

    Args:
        source: whatever `open_source` takes, or a `Source`.
        people: a folder of people (see `facewise.recognition.load_people`), or people loaded
            before. Without people and gallery nobody has a name, and strangers have numbers.
        gallery: instead of people: a `Gallery`, or its URL.
        model: an embedder, or what `load_embedder` takes; None: the gallery's, or the default.
        detector: a detector's id, or one made by `load_detector`.
        recognise: False: make no embeddings at all; tracks have no names, and strangers no numbers.
        every: let the detector look at every nth frame; None: when there is reason to
            (`Adaptive`); or a schedule of your own.
        resize: what frames are multiplied by before the detector sees them, in (0, 1].
        live: give each frame at once; None: for live sources. Otherwise frames are some frames
            late, and a face is also given on the frames before the detector first saw it.
        aside: of a live one: let the detector look in a thread of its own, so that no frame waits
            for it; see `Tracker`.
        final: read the video twice: first to find and name all faces, then to give the frames, with
            the final names, and a column `person`: the stranger's number, 0 for who has a name.
        start: seconds, where to begin.
        stop: seconds, where to stop.
        threshold: a similarity in [-1, 1] to decide by, instead of a measured one.
        far: the false-accept rate, in (0, 1), of one comparison of two pictures, whose measured
            threshold decides.
        fpir: the share, in (0, 1), of strangers' tracks that may get a name; 0.01 by default.
        calibration: of this model and detector (`load_calibration`), or its file. `probability`
            of `Track` is by it, and thresholds are the calibration's.
        options: how tracks begin, go on and end.
        cache: keep what is found in pictures of people in the user's cache folder.

    Raises:
        VideoError: the source cannot be read; or it is live, and `final` is asked for.
        FacewiseError: the people or the gallery cannot be read.
        ModelError: no such model, or it has no thresholds: give `threshold`.
        ModelMismatchError: people, gallery or calibration are of another model.
        ExtraMissingError: the extra `video` is not installed.
        ValueError: an argument is outside its range, or two exclude each other.

    Example:
        >>> import facewise.video
        >>> photos = ["examples/photos/obama.jpg"] * 3
        >>> with facewise.video.track(photos, people="examples/people") as tracking:
        ...     for frame in tracking:
        ...         print(frame.index, frame.time, frame.faces.data["name"].tolist())
        0 0.0 ['obama']
        1 0.04 ['obama']
        2 0.08 ['obama']
        >>> [(track.id, track.name, track.frames) for track in tracking.tracks]
        [(1, 'obama', 3)]
    """
    if not recognise and (people is not None or gallery is not None):
        raise ValueError("recognise: without it nobody has a name, so give no people and gallery")
    finder = as_detector(detector)
    schedule = _schedule(every, resize, live=bool(live))
    options = TrackingOptions() if options is None else options
    with ExitStack() as stack:
        embedder, similarity, namer = None, options.similarity, Namer()
        if recognise:
            decision = Decision(threshold, far, fpir, calibration)
            embedder, judge, known = open_recogniser(
                stack, people, gallery, model, finder, decision, cache=cache
            )
            if similarity is None and not embedder.spec.thresholds:
                similarity = judge.strangers(1)
            namer = Namer(embedder, judge, known, carried=aside, remembered=options.remembered)
        if isinstance(source, Source):
            if start is not None or stop is not None:
                raise ValueError("start and stop: the source that is given has its own")
            opened = source
        else:
            opened = stack.enter_context(open_source(source, start=start, stop=stop))
        if live is None:
            live = opened.live
            schedule = _schedule(every, resize, live=live)
        tracker = Tracker(
            finder,
            schedule,
            embedder=embedder,
            live=live,
            aside=aside,
            options=replace(options, similarity=similarity),
        )
        return Tracking(opened, tracker, namer, stack, final=final)


def _schedule(every: int | Schedule | None, resize: float, *, live: bool) -> Schedule:
    if every is None:
        return usual_schedule(live=live, resize=resize)
    if isinstance(every, int):
        return EveryNth(every, resize, carries=True)
    if not hasattr(every, "looks"):
        raise ValueError(f"every: expected a whole number of frames or a schedule, got {every!r}")
    if resize != 1:
        raise ValueError("resize: the schedule that is given has its own")
    return every
