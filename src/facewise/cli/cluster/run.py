"""Take photos in, sort them, and write what was asked for."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facewise.cli.cluster.options import ALBUM, AlbumFile, report
from facewise.cli.files import shown
from facewise.cli.gallery.options import KeyFile, Selection
from facewise.cli.option_sets import ModelOptions, takes
from facewise.cli.options import Calibrated, Json, Similarity
from facewise.errors import CurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facewise.cli.inputs import Input
    from facewise.curation.clustering import Album, Limits
    from facewise.embedding import Embedder


class ClusterMethod(str, Enum):
    """Ways to cluster."""

    graph = "graph"
    whispers = "whispers"
    agglomerative = "agglomerative"
    hdbscan = "hdbscan"


class PlacedAs(str, Enum):
    """What is put into the folders of people."""

    copy = "copy"
    symlink = "symlink"
    hardlink = "hardlink"


@takes(ModelOptions)
def run(
    photos: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PHOTO...", help="Pictures, folders or patterns.", show_default=False
        ),
    ] = None,
    album: AlbumFile = ALBUM,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Make a folder for each person there."),
    ] = None,
    how: Annotated[PlacedAs, typer.Option("--as", help="What is put there.")] = PlacedAs.copy,
    gallery: Annotated[
        str | None,
        typer.Option(metavar="STORE", help="Enrol the people in a gallery, which may be new."),
    ] = None,
    key_file: KeyFile = None,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help="Write an overview (HTML) to correct by clicks."
        ),
    ] = None,
    apply: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help="First do what was decided on that page."
        ),
    ] = None,
    json_file: Json = None,
    method: Annotated[ClusterMethod, typer.Option(help="How.")] = ClusterMethod.graph,
    threshold: Similarity = None,
    far: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="Take the threshold of large clusters for this false-accept rate (0.0002).",
        ),
    ] = None,
    calibration: Calibrated = None,
    least: Annotated[
        int, typer.Option("--min-faces", min=1, help="Who has fewer faces is a stranger.")
    ] = 2,
    select: Annotated[
        Selection | None,
        typer.Option(help="Only one face of each photo counts: which.", show_default=False),
    ] = None,
    same_photo: Annotated[
        bool, typer.Option("--same-photo", help="Two faces of one photo may be one person.")
    ] = False,
    forget_missing: Annotated[
        bool,
        typer.Option("--forget-missing", help="Forget photos whose files are not there any more."),
    ] = False,
    strangers: Annotated[
        bool, typer.Option("--strangers", help="Strangers are on the page too.")
    ] = False,
    *,
    options: Any,
) -> None:
    """Sort photos into people: new photos join those who are there; rerun at any time.

    Photos are only read. Strangers, who have one face, stay out. Exit status: 0, or 1 when a photo
    could not be read or placed.
    """
    from facewise.cli.files import is_within, keep_out, protect
    from facewise.cli.inputs import expand
    from facewise.curation.clustering.overview import apply_decisions, write_overview
    from facewise.curation.pages.writing import require_page
    from facewise.recognition.folders import is_picture

    folders = [folder for folder in map(Path, photos or []) if folder.is_dir()]
    keep_out({"--page": page}, folders)  # its thumbnails would be photos of the next run
    if out is not None and any(is_within(folder, out) for folder in folders):
        raise CurationError(f"--out {out}: the photos lie in it; choose another folder")
    inputs = expand(photos or [], skip=out)
    sources = [item.source for item in inputs]
    protect([*sources, *filter(None, [apply, key_file, calibration])], [album, json_file, page])
    problems = [item.problem for item in inputs if item.problem is not None]
    if page is not None:
        require_page(page)
    if is_picture(album):
        raise typer.BadParameter(f"--album {album}: has the name of a picture; choose another")
    if inputs and not album.exists() and not any(map(_is_there, inputs)):
        # No album is made for a name mistyped.
        raise CurationError(inputs[0].problem or f"{inputs[0].source!s}: no such file")
    chosen = None if select is None else select.value
    with _album(album, options, new=bool(inputs)) as kept:
        limits, done = None, ""
        if apply is not None:
            for line in apply_decisions(kept, apply):
                typer.echo(line, err=True)
        if forget_missing:
            typer.echo(f"{kept.forget_missing()} photos forgotten", err=True)
        if inputs or apply is not None or kept.unsorted():
            embedder = _embedder(kept, options)
            problems += _collect(kept, inputs, embedder, options, chosen)
            limits = _limits(kept, embedder, threshold, far, calibration)
            done = _sort(kept, limits, method.value, same_photo)
        if page is not None:
            write_overview(kept, page, least=least, strangers=strangers, problems=problems)
        if out is not None:
            problems += _place(kept, out, how.value, least)
        if gallery is not None:
            _enrol(kept, gallery, key_file, least)
        report(kept, limits, least, problems, json_file, done)
    if problems:
        typer.echo(f"problems: {len(problems)}", err=True)
        for problem in problems:
            typer.echo(f"  {shown(problem)}", err=True)
        raise typer.Exit(1)


def _is_there(item: Input) -> bool:
    return item.problem is None and not (
        isinstance(item.source, Path) and not os.path.lexists(item.source)
    )


def _album(path: Path, options: ModelOptions, *, new: bool) -> Album:
    """The album, which is made where it is not there and photos are given."""
    from facewise.cli.loading import the_embedder
    from facewise.curation.clustering import Album
    from facewise.gallery.model_facts import ModelFacts

    if path.exists() or not new:
        return Album.open(path)
    embedder = the_embedder(
        options.model, options.device, backend=options.backend, precision=options.precision
    )
    return Album.create(path, ModelFacts.of(embedder))


def _embedder(kept: Album, options: ModelOptions) -> Embedder:
    """The embedder of `--model`, or the one the album was made with."""
    from facewise.cli.loading import the_embedder
    from facewise.gallery.models import embedder_of

    def load(name: Any, flip: bool | None) -> Embedder:
        return the_embedder(
            name, options.device, flip, backend=options.backend, precision=options.precision
        )

    return embedder_of(kept.facts, options.model, str(kept.path), load)


def _collect(
    kept: Album, inputs: Sequence[Input], embedder: Embedder, options: ModelOptions, select: Any
) -> list[str]:
    from contextlib import nullcontext

    from facewise.cli.loading import the_detector
    from facewise.cli.progress import counting
    from facewise.curation.clustering import collect
    from facewise.pipeline import Pipeline
    from facewise.result_cache import ResultCache

    finder = the_detector(
        options.detector, options.device, mode=options.mode, backend=options.backend
    )
    paths = [
        item.source for item in inputs if isinstance(item.source, Path) and item.problem is None
    ]
    if any(not isinstance(item.source, Path) for item in inputs):
        raise typer.BadParameter("photos of an album are files, not standard input")
    with (
        ResultCache() if options.cache else nullcontext() as store,
        counting("finding faces", len(paths)) as count,
    ):
        pipeline = Pipeline(finder, embedder, store)
        found = collect(kept, paths, pipeline, select=select, report=count)
    return found.problems


def _limits(
    kept: Album,
    embedder: Embedder,
    threshold: float | None,
    far: float | None,
    calibration: Path | None,
) -> Limits:
    from facewise.cli.loading import the_calibration, wrong_usage
    from facewise.curation.clustering import limits_for

    with wrong_usage():
        return limits_for(
            embedder.spec,
            kept.count(),
            threshold=threshold,
            far=far,
            calibration=the_calibration(calibration, embedder, None),
        )


def _sort(kept: Album, limits: Limits, method: Any, same_photo: bool) -> str:
    from facewise.cli.loading import wrong_usage
    from facewise.cli.progress import waiting
    from facewise.curation.clustering import sort

    with waiting("sorting"), wrong_usage():
        done = sort(kept, limits, method, same_photo=same_photo)
    return f"{done.new} new faces, {done.joined} of them with others; {done.merged} people merged"


def _place(kept: Album, out: Path, how: Any, least: int) -> list[str]:
    from facewise.cli.progress import counting
    from facewise.curation.clustering.people_folders import place_people

    with counting("placing photos", None) as count:
        return place_people(kept, kept.clusters(least), out, how, report=count).problems


def _enrol(kept: Album, url: str, key_file: Path | None, least: int) -> None:
    from facewise.cli.gallery.options import is_gallery, the_key
    from facewise.curation.clustering.enrolling import enrol_clusters
    from facewise.gallery import Gallery, open_store

    key = the_key(key_file)
    if not is_gallery(url):
        open_store(url, kept.facts, key).close()
    with Gallery.open(url, key=key) as gallery:
        enrol_clusters(kept, kept.clusters(least), gallery)
