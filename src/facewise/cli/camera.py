"""`facewise camera`: who is there now, in a local web page or as a stream of events."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from facewise.cli.camera_options import (
    Create,
    EndWithPage,
    Far,
    Fpir,
    Host,
    JsonLines,
    Loop,
    Open,
    OutFolder,
    Page,
    People,
    Port,
    Rate,
    Record,
    Resize,
    Retry,
    Size,
    SourceArgument,
    Token,
)
from facewise.cli.gallery.options import KeyFile
from facewise.cli.option_sets import ModelOptions, takes
from facewise.cli.options import Calibrated, Similarity

if TYPE_CHECKING:
    from collections.abc import Callable

    from facewise.gallery import Gallery
    from facewise.video.camera.serving import PageOptions

_GALLERY_FILES = {".db", ".sqlite", ".sqlite3"}


@takes(ModelOptions)
def camera(
    source: SourceArgument = "0",
    people: People = None,
    create: Create = False,
    out: OutFolder = Path("camera"),
    json_file: JsonLines = None,
    record: Record = False,
    page: Page = True,
    show: Open = False,
    end_with_page: EndWithPage = False,
    host: Host = "127.0.0.1",
    port: Port = None,
    token: Token = None,
    size: Size = None,
    rate: Rate = None,
    loop: Loop = False,
    retry: Retry = None,
    resize: Resize = 1.0,
    fpir: Fpir = None,
    far: Far = None,
    threshold: Similarity = None,
    calibration: Calibrated = None,
    key_file: KeyFile = None,
    *,
    options: ModelOptions,
) -> None:
    """Watch a camera in a local page: the live picture with names; enrol, save, record.

    Ctrl-C ends it; a recording is finished then. Exit status: 0, or 1 when the camera was lost for
    good.
    """
    from facewise.cli.camera_events import teller
    from facewise.cli.files import protect
    from facewise.cli.loading import the_detector, the_embedder, wrong_usage
    from facewise.cli.progress import waiting
    from facewise.video.camera.feed import open_feed
    from facewise.video.camera.opening import made_folder, open_session
    from facewise.video.camera.running import run_session
    from facewise.video.camera.serving import PageOptions
    from facewise.video.extra import needed
    from facewise.video.naming.opening import Decision
    from facewise.video.tracking import usual_schedule

    if not source:
        raise typer.BadParameter("the name of the camera is empty")
    if people == "":
        raise typer.BadParameter("--people: the name is empty")
    if create and people is None:
        raise typer.BadParameter("--create: says nothing without --people")
    if key_file is not None and not (people and _is_gallery(people, create)):
        raise typer.BadParameter("--key-file: without a gallery there is no key")
    asked = _size(size)
    needed("av", "watching a camera")
    if page:
        needed("aiohttp", "the page of a camera")
    read = [Path(source), *(Path(path) for path in (people, calibration, key_file) if path)]
    protect([path for path in read if path.is_file()], [json_file])
    with wrong_usage():
        serving = PageOptions(host, port, token, end_with_page)
        schedule = usual_schedule(live=True, resize=resize)
        decision = Decision(threshold, far, fpir, calibration)
    with ExitStack() as stack:
        finder = the_detector(
            options.detector, options.device, mode=options.mode, backend=options.backend
        )
        gallery = folder = None
        if people is not None and _is_gallery(people, create):
            gallery = stack.enter_context(_gallery(people, create, key_file, options))
            embedder = gallery.embedder
        else:
            embedder = the_embedder(
                options.model, options.device, backend=options.backend, precision=options.precision
            )
            if people is not None:
                folder = made_folder(Path(people)) if create else Path(people)
        tell = teller(stack, json_file, page)
        with wrong_usage(), waiting("opening the camera"):
            feed = open_feed(
                source, rate=rate, size=asked, loop=loop, retry=math.inf if retry is None else retry
            )
            stack.callback(feed.source.close)
            session = open_session(
                stack,
                feed,
                finder,
                embedder,
                people=folder,
                gallery=gallery,
                decision=decision,
                schedule=schedule,
                out=out,
                cache=options.cache,
                tell=tell,
            )
        with wrong_usage():
            run_session(
                session,
                serving if page else None,
                _ready(serving, json_file, open_it=show),
                record=record,
            )


def _is_gallery(people: str, create: bool) -> bool:
    from facewise.cli.gallery.options import is_gallery

    new = create and Path(people).suffix.lower() in _GALLERY_FILES and not Path(people).is_dir()
    return new or is_gallery(people)


def _gallery(people: str, create: bool, key_file: Path | None, options: ModelOptions) -> Gallery:
    """The gallery that `--people` names; with `--create`, a new one where there is none."""
    from facewise.cli.gallery.options import store_path, the_key, with_models
    from facewise.cli.loading import the_embedder
    from facewise.gallery import Gallery

    if create and ("://" not in people or people.startswith("sqlite:")):
        create = not store_path(people).exists()
    if create:
        embedder = the_embedder(
            options.model, options.device, backend=options.backend, precision=options.precision
        )
        Gallery.create(people, embedder, key=the_key(key_file)).close()
    return with_models(people, options, key_file)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise typer.BadParameter(f"--size: expected a size such as 1280x720, got {text!r}")
    return int(width), int(height)


def _ready(serving: PageOptions, json_file: Path | None, *, open_it: bool) -> Callable[[str], None]:
    """Says where the page is."""

    def ready(address: str) -> None:
        typer.echo(f"page: {address}", err=str(json_file) == "-")
        if not serving.is_local:
            typer.echo(
                "warning: whoever has this address can look and enrol, and what is sent is not "
                "encrypted; in a network that is not yours use a tunnel",
                err=True,
            )
        typer.echo("Ctrl-C ends it", err=True)
        if open_it:
            import webbrowser

            webbrowser.open(address)

    return ready
