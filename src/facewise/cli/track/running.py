"""One video after the other: track it, make what is asked for, and say what was found."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from facewise.cli.files import shown
from facewise.cli.progress import counting
from facewise.errors import ExtraMissingError, FacewiseError, VideoError

if TYPE_CHECKING:
    from facewise.cli.track.models import Models
    from facewise.cli.track.options import TrackOptions
    from facewise.cli.track.spool import JsonSpool
    from facewise.cli.track.targets import Targets
    from facewise.cli.track.videos import VideoInput
    from facewise.video.results import TrackedVideo
    from facewise.video.sources import Source
    from facewise.video.tracking import TrackedFrame


def track_one(
    item: VideoInput,
    targets: Targets,
    models: Models,
    options: TrackOptions,
    spool: JsonSpool,
) -> str | None:
    """Do one video.

    Returns:
        Why it could not be read, or not as far as its end; None: all is well.

    Raises:
        ExtraMissingError: a package is missing, so no video will do.
    """
    from facewise.cli.track.showing import say
    from facewise.video.results.table import json_text

    try:
        if item.problem is not None:
            raise VideoError(item.problem)
        with ExitStack() as stack:
            video, notes = _tracked(stack, item, targets, models, options)
            notes += _results(video, targets, models, options)
            broken = video.source.report.broken
            spool.add(json_text(video, {"video": item.name}))
    except ExtraMissingError:
        raise
    except (FacewiseError, OSError) as error:
        spool.add_failure(item.name, str(error))
        return str(error)
    if not spool.to_stdout:
        say(item, video, targets.by_option.values())
    report = video.source.report
    for note in [*([] if report.clean and not report.notes else [str(report)]), *notes]:
        typer.echo(f"note: {shown(item.name)}: {shown(note)}", err=True)
    return None if broken is None else f"{item.name}: read only in part: {broken}"


def _tracked(
    stack: ExitStack,
    item: VideoInput,
    targets: Targets,
    models: Models,
    options: TrackOptions,
) -> tuple[TrackedVideo, list[str]]:
    """Track a video; a live one, which comes only once, is written at the same time."""
    from facewise.cli.loading import wrong_usage
    from facewise.cli.track.videos import readable_twice
    from facewise.video import VideoWriter, open_source
    from facewise.video.results import collect

    argument = stack.enter_context(readable_twice(item))
    with wrong_usage():
        source = open_source(
            argument,
            start=options.start,
            stop=options.stop,
            rate=options.rate,
            hardware=options.hardware,
        )
    stack.enter_context(source)
    writer: VideoWriter | None = None
    if source.live:
        _require_once(source, targets, options)
        if targets.out is not None:
            writer = stack.enter_context(VideoWriter(targets.out, like=source, audio=options.audio))
    write = _now(writer, options)
    with counting(f"tracking {item.stem}", source.expected) as move:

        def each(tracked: TrackedFrame) -> None:
            write(tracked)
            move(tracked.index + 1)

        video = stack.enter_context(collect(models.track(source), each=each))
    if writer is not None:
        writer.close()
    return video, [] if writer is None else writer.notes


def _require_once(source: Source, targets: Targets, options: TrackOptions) -> None:
    """Refuse what needs a second pass.

    Raises:
        VideoError: the source is live, and such a result is asked for.
    """
    asked = ["--chips"] if targets.chips is not None else []
    asked += ["--anonymise"] if options.anonymise is not None else []
    if asked:
        raise VideoError(
            f"{source.name}: comes only once, and {' and '.join(asked)} reads it twice; record it "
            "first"
        )


def _now(writer: object, options: TrackOptions) -> Callable[[TrackedFrame], None]:
    """What writes a frame of a live source, with the names that are known by now."""
    from facewise.video import VideoWriter
    from facewise.video.results import Colors, annotate

    colors = Colors()

    def write(tracked: TrackedFrame) -> None:
        if not isinstance(writer, VideoWriter):
            return
        picture = tracked.image
        if options.boxes is not False:
            picture = annotate(
                picture,
                tracked.faces,
                colors=colors,
                ids=options.ids,
                landmarks=options.landmarks,
            )
        writer.write(picture, tracked.time)

    return write


def _results(
    video: TrackedVideo, targets: Targets, models: Models, options: TrackOptions
) -> list[str]:
    """Make what is asked for; notes on what could not be kept."""
    from facewise.video import results

    notes: list[str] = []
    if targets.out is not None and not video.source.live:
        with counting("writing the video", video.frames) as move:
            notes = _write_video(video, targets.out, options, move)
    if targets.chips is not None:
        with counting("cutting chips", video.frames) as move:
            results.save_chips(
                video,
                targets.chips,
                per_track=options.chips_per_track,
                crop_policy=models.crop,
                report=move,
            )
    if targets.timeline is not None:
        results.write_picture(results.timeline(video), targets.timeline)
    if targets.contact_sheet is not None:
        results.write_picture(results.contact_sheet(video), targets.contact_sheet)
    if targets.subtitles is not None:
        offset = 0.0 if targets.out is None else _zero_of_out(video)
        results.write_subtitles(video, targets.subtitles, offset=offset)
    if targets.parquet is not None:
        results.write_parquet(video, targets.parquet)
    return notes


def _zero_of_out(video: TrackedVideo) -> float:
    """The time of the source that is 0 in the video which is written."""
    from facewise.video.writing import zero_time

    zero = zero_time(video.source)
    if zero is None and video.times is not None:
        zero = video.times[0]
    return zero or 0.0


def _write_video(
    video: TrackedVideo, out: Path, options: TrackOptions, move: Callable[[int], None]
) -> list[str]:
    from facewise.video import results

    if options.anonymise is not None:
        whom = results.Whom(
            options.whom.value, frozenset(options.cover or ()), frozenset(options.spare or ())
        )
        return results.write_anonymised(
            video,
            out,
            options.anonymise.value,
            whom,
            boxes=bool(options.boxes),
            audio=options.audio,
            report=move,
        )
    return results.write_annotated(
        video,
        out,
        audio=options.audio,
        boxes=options.boxes is not False,
        ids=options.ids,
        landmarks=options.landmarks,
        report=move,
    )
