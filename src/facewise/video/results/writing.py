"""The second pass over a video, and the videos that are made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

from facewise.runtime.workers import ordered_map
from facewise.video.results.annotating import annotate
from facewise.video.results.labels import Colors, labels_of
from facewise.video.results.presence import presences
from facewise.video.writing import VideoWriter

if TYPE_CHECKING:
    from facewise.faces import Faces
    from facewise.images import Picture
    from facewise.video.frames import VideoFrame
    from facewise.video.results.tracked_video import TrackedVideo
    from facewise.video.sources import Source

    Drawing = Callable[[Picture, Faces], Picture]
    Report = Callable[[int], object]


def write_annotated(
    video: TrackedVideo,
    path: str | PathLike[str],
    *,
    audio: bool = True,
    boxes: bool = True,
    similarity: bool = True,
    ids: bool = False,
    landmarks: bool = False,
    report: Report | None = None,
) -> list[str]:
    """Write the video with boxes and final names; frames keep their times.

    Args:
        video: what was found.
        path: the new file; its suffix says the container (see `VideoWriter`).
        audio: keep the sound.
        boxes: False: draw nothing; the video is only encoded anew.
        similarity: write it behind a name.
        ids: write the number of the track before it.
        landmarks: draw them too.
        report: called with the number of frames that are done.

    Returns:
        Notes on what could not be kept (`VideoWriter.notes`).

    Raises:
        VideoError: the video cannot be read a second time, or the file not be written.
    """
    draw = annotation(video, similarity=similarity, ids=ids, landmarks=landmarks)
    jobs = (
        (tracked.time, partial(_drawn, draw if boxes else None, tracked.frame, tracked.faces))
        for tracked in video.again()
    )
    return write_pictures(jobs, path, video.source, audio=audio, report=report)


def annotation(
    video: TrackedVideo, *, similarity: bool = True, ids: bool = False, landmarks: bool = False
) -> Drawing:
    """What draws faces of a video on a frame, everybody in a colour of their own."""
    colors = colors_of(video)

    def draw(image: Picture, faces: Faces) -> Picture:
        return annotate(
            image,
            faces,
            colors=colors,
            labels=labels_of(faces, named=video.named),
            similarity=similarity,
            ids=ids and video.named,
            landmarks=landmarks,
        )

    return draw


def colors_of(video: TrackedVideo) -> Colors:
    """The colours of the people of a video; asked again, they are the same."""
    colors = Colors()
    for one in presences(video.tracks, named=video.named):
        colors(one.label)
    return colors


def write_pictures(
    jobs: Iterable[tuple[float, Callable[[], Picture]]],
    path: str | PathLike[str],
    like: Source,
    *,
    audio: bool = True,
    report: Report | None = None,
) -> list[str]:
    """Write a video of pictures, which are made in workers.

    Args:
        jobs: for each frame its time, and what makes its picture.
        path: the new file.
        like: where the frames come from.
        audio: keep the sound.
        report: called with the number of frames that are done.

    Returns:
        As `write_annotated`.
    """
    with (
        VideoWriter(path, like=like, audio=audio) as writer,
        closing(ordered_map(lambda job: (job[0], job[1]()), jobs)) as made,
    ):
        for time, picture in made:
            writer.write(picture, time)
            if report is not None:
                report(writer.frames)
    return writer.notes


def _drawn(draw: Drawing | None, frame: VideoFrame, faces: Faces) -> Picture:
    return frame.image if draw is None else draw(frame.image, faces)
