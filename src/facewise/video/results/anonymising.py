"""A video in which faces cannot be recognised any more."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

from facewise.errors import VideoError
from facewise.video.results.covering import SOLID, How, cover
from facewise.video.results.hiding import hidden
from facewise.video.results.tracked_video import collect
from facewise.video.results.whom import Who, Whom, as_names
from facewise.video.results.writing import annotation, write_pictures
from facewise.video.tracking import TrackingOptions

if TYPE_CHECKING:
    from facewise.images import Picture
    from facewise.video.frames import VideoFrame
    from facewise.video.results.covering import Color
    from facewise.video.results.hiding import Hidden
    from facewise.video.results.tracked_video import TrackedVideo
    from facewise.video.results.writing import Drawing, Report

COVERING: dict[str, Any] = {"every": 1, "options": TrackingOptions(confirm=False)}
"""Arguments of `facewise.video.track` for a video that is to be anonymised: the detector looks at
every frame, and what it takes for a face even once is one."""

_STRANGER = re.compile(r"person \d+")


def anonymise(
    source: Any,
    path: str | PathLike[str],
    *,
    how: How = "blur",
    who: Who = "everyone",
    names: Collection[str] = (),
    spared: Collection[str] = (),
    color: Color = SOLID,
    audio: bool = True,
    report: Report | None = None,
    **settings: Any,
) -> TrackedVideo:
    """Write a video in which faces are covered, on every frame and for good.

    The detector looks at every frame, and a face is covered a little longer than it is seen; the
    video is read twice.

    Args:
        source: whatever `open_source` takes, or a `Source`; not a live one.
        path: the new file; its suffix says the container (see `VideoWriter`).
        how: see `cover`.
        who: whose faces; see `Whom`.
        names: of these, only those with such names.
        spared: of these, all but those with such names.
        color: of `solid`, RGB.
        audio: keep the sound. Voices tell who somebody is, too.
        report: called with the number of frames that are written.
        settings: further arguments of `facewise.video.track`: people or gallery, start and
            stop, …. Another `every` or `options` is less safe.

    Returns:
        What was found; close it.

    Raises:
        VideoError: the source cannot be read, or not twice; or the file not be written; or somebody
            is named who is not on the video.
        ValueError: an argument is none that it may be; or `who` tells people with names from
            others, and there are no people and no gallery.
        Whatever `facewise.video.track` raises.

    Example:
        >>> import tempfile
        >>> from facewise.video.results import anonymise
        >>> photos = ["examples/photos/obama.jpg"] * 3
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with anonymise(photos, f"{folder}/covered.mp4", how="pixelate") as video:
        ...         video.frames
        3
    """
    from facewise.video.api import track

    whom = Whom(who, as_names("names", names), as_names("spared", spared))
    if "people" not in settings and "gallery" not in settings:
        require_known(whom, known=False)
        settings.setdefault("recognise", not whom.everyone)
    video = collect(track(source, **{**COVERING, **settings}))
    try:
        absent = whom.absent(track.label for track in video.tracks)
        if absent:
            raise VideoError(f"{video.source.name}: nobody there is {', '.join(sorted(absent))}")
        write_anonymised(video, path, how, whom, color=color, audio=audio, report=report)
    except BaseException:
        video.close()
        raise
    return video


def require_known(whom: Whom, *, known: bool) -> None:
    """Refuse to tell named people from others where nobody is known.

    Raises:
        ValueError: nobody is, and `who` needs it.
    """
    if whom.who != "everyone" and not known:
        raise ValueError(f"whom: {whom.who!r} needs people or a gallery to know who has a name")


def write_anonymised(
    video: TrackedVideo,
    path: str | PathLike[str],
    how: How = "blur",
    whom: Whom | None = None,
    *,
    boxes: bool = False,
    color: Color = SOLID,
    audio: bool = True,
    report: Report | None = None,
) -> list[str]:
    """Write a tracked video with faces covered.

    Faces that the tracking has missed are not covered: track with the settings `COVERING`, as
    `anonymise` does.

    Args:
        video: what was found.
        path: the new file.
        how: see `cover`.
        whom: whose faces; None: everyone's.
        boxes: draw boxes and names of those who are not covered.
        color: of `solid`, RGB.
        audio: keep the sound.
        report: called with the number of frames that are done.

    Returns:
        Notes on what could not be kept (`VideoWriter.notes`).

    Raises:
        VideoError: the video cannot be read a second time, or the file not be written; or a
            stranger is named who is not on the video.
        ValueError: `how` is none that it may be.
    """
    whom = Whom() if whom is None else whom
    labels = {track.label for track in video.tracks}
    strangers = {name for name in whom.names | whom.spared if _STRANGER.fullmatch(name)}
    if strangers - labels:
        missing = ", ".join(sorted(strangers - labels))
        raise VideoError(f"{video.source.name}: nobody there is {missing}")
    draw = annotation(video) if boxes else None
    jobs = (
        (tracked.time, partial(_picture, tracked.frame, places, how, color, draw))
        for tracked, places in zip(video.again(), hidden(video, whom), strict=True)
    )
    return write_pictures(jobs, path, video.source, audio=audio, report=report)


def _picture(
    frame: VideoFrame, places: Hidden, how: How, color: Color, draw: Drawing | None
) -> Picture:
    picture = cover(frame.image, places.regions, how, color)
    return picture if draw is None else draw(picture, places.shown)
