"""`facewise track`: who is on a video, when, and where."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.option_sets import takes
from facewise.cli.options import Json
from facewise.cli.track.options import TrackOptions

if TYPE_CHECKING:
    from facewise.cli.track.targets import Targets
    from facewise.cli.track.videos import VideoInput


@takes(TrackOptions)
def track(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO...",
            help="Videos, URLs, folders of videos, patterns such as 'clips/*.mp4'; series of "
            "pictures: a folder, 'img%04d.png', 'shots/*.jpg'; or - for standard input.",
            show_default=False,
        ),
    ],
    json_file: Json = None,
    *,
    options: TrackOptions,
) -> None:
    """Follow the faces of videos, name the people, and write it down, draw it, or cover it.

    Of several videos, {name} in the names of results is each one's name.

    Exit status: 0, or 1 when a video could not be read, or only in part.
    """
    from facewise.cli.ending import tidy_end
    from facewise.cli.progress import waiting
    from facewise.cli.track.models import open_models, require_known
    from facewise.cli.track.running import track_one
    from facewise.cli.track.showing import end
    from facewise.cli.track.spool import JsonSpool
    from facewise.cli.track.targets import check, targets_of
    from facewise.cli.track.videos import expand
    from facewise.video.extra import needed

    options.check()
    inputs = expand(videos)
    targets = targets_of(inputs, options)
    _protect(inputs, targets, json_file, options)
    for module in ("av", "scipy.optimize"):
        needed(module, "tracking faces")
    check(targets)
    failures: list[tuple[str, str]] = []
    with ExitStack() as stack:
        stack.enter_context(tidy_end())
        with waiting("learning the people"):
            models = open_models(stack, options, targets)
        require_known(models, options)
        spool = stack.enter_context(JsonSpool(json_file, models.model))
        for item, places in zip(inputs, targets, strict=True):
            problem = track_one(item, places, models, options, spool)
            if problem is not None:
                failures.append((item.name, problem))
        spool.deliver()
    if models.problems:
        typer.echo(f"to look at among the people: {len(models.problems)}", err=True)
        for line in models.problems:
            typer.echo(f"  {line}", err=True)
    end(failures, len(inputs))


def _protect(
    inputs: list[VideoInput], targets: list[Targets], json_file: Path | None, options: TrackOptions
) -> None:
    """Make sure that nothing is lost when the results are written."""
    from facewise.cli.files import keep_out, protect
    from facewise.cli.gallery.options import is_gallery, store_path
    from facewise.cli.inputs import expand

    read = [item.path for item in inputs]
    folders = [path for path in read if path is not None and path.is_dir()]
    known: list[Path | bytes] = []
    if options.people is not None:
        if is_gallery(options.people):
            known = [store_path(options.people)]
        else:
            known = [item.source for item in expand([options.people])]
            folders.append(Path(options.people))
    further = [options.calibration, options.key_file, *(path for path in read)]
    written = [path for one in targets for path in one.files]
    protect([*known, *filter(None, further)], [json_file, *written])
    for one in targets:
        keep_out(one.by_option, folders)
    keep_out({"--json": json_file}, folders)
