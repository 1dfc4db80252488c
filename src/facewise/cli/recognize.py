"""`facewise recognize`: names on the faces of photos."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.gallery.options import KeyFile
from facewise.cli.options import (
    Backend,
    Cache,
    Calibrated,
    Detector,
    Device,
    Far,
    Json,
    Mode,
    Model,
    Out,
    Photos,
    Precision,
    Similarity,
)
from facewise.errors import FacewiseError

if TYPE_CHECKING:
    from facewise.cli.inputs import Input
    from facewise.faces import EmbeddedFaces, Faces


def recognize(
    photos: Photos,
    people: Annotated[
        str,
        typer.Option(
            metavar="DIR",
            help="Folder with a sub-folder of pictures for each person, or a picture for each; or "
            "a gallery (`facewise gallery`).",
        ),
    ],
    out: Out = None,
    json_file: Json = None,
    model: Model = None,
    detector: Detector = None,
    mode: Mode = None,
    backend: Backend = None,
    precision: Precision = None,
    device: Device = None,
    far: Far = None,
    threshold: Similarity = None,
    calibration: Calibrated = None,
    cache: Cache = True,
    key_file: KeyFile = None,
) -> None:
    """Name the people in photos; who is not among the people is unknown.

    Exit status: 0, or 1 when a photo could not be read.
    """
    from facewise.cli.annotated import draw, plan
    from facewise.cli.files import is_within, protect, write_text
    from facewise.cli.gallery.options import embedder_of, is_gallery, store_path, the_key
    from facewise.cli.inputs import expand
    from facewise.cli.loading import (
        described,
        the_calibration,
        the_detector,
        the_embedder,
        the_threshold,
    )
    from facewise.cli.photos import end, through, work_through
    from facewise.cli.progress import waiting
    from facewise.cli.tables import show
    from facewise.gallery import Gallery
    from facewise.images import load
    from facewise.pipeline import Pipeline
    from facewise.recognition import Recognition, identify, load_people
    from facewise.result_cache import ResultCache

    if not people:
        raise typer.BadParameter("--people: the name of the folder is empty")
    inputs = expand(photos, skip=out)
    kept = is_gallery(people)
    if key_file is not None and not kept:
        raise typer.BadParameter("--key-file: --people is a folder, which has no key")
    if out is not None and not kept and is_within(out, Path(people)):
        raise FacewiseError(f"--out {out}: lies in the folder of people; choose another folder")
    targets = {} if out is None else plan(inputs, out)
    known_from = [store_path(people)] if kept else [item.source for item in expand([people])]
    read = [*(item.source for item in inputs), *known_from]
    protect([*read, *filter(None, [calibration, key_file])], [json_file, *targets.values()])
    gallery = Gallery.open(people, key=the_key(key_file)) if kept else None
    if gallery is None:
        embedder = the_embedder(model, device, backend=backend, precision=precision)
    else:
        embedder = embedder_of(gallery.store, model, device, backend, precision)
    finder = the_detector(detector, device, mode=mode, backend=backend)
    meaning = the_calibration(calibration, embedder, finder)
    chosen = the_threshold(embedder.spec, threshold, far, meaning)
    if gallery is not None and gallery.store.cipher is not None:
        cache = False  # what is there can be read
    with ResultCache() if cache else nullcontext() as store:
        pipeline = Pipeline(finder, embedder, store)
        with waiting("learning the people"):
            if gallery is None:
                known = load_people(people, pipeline)
            else:
                with gallery:
                    known = gallery.people()

        def finish(item: Input, found: EmbeddedFaces) -> Faces:
            faces = identify(found, known, chosen, meaning)
            if targets:
                draw(load(item.source, name=item.name), faces, targets[item.name])
            return faces

        results = work_through(
            inputs, lambda items: through(pipeline, items, finish), "recognising"
        )
    if json_file is not None:
        content = Recognition(
            model=embedder.spec.id,
            threshold=chosen.value,
            far=chosen.far,
            measured_on=chosen.measured_on,
            images=tuple(results),
            problems=known.problems,
        )
        write_text(json_file, json.dumps(content.to_dict(), indent=2))
    if str(json_file) != "-":
        show(results, out)
        typer.echo(f"{described(chosen)}; model {embedder.spec.id}")
    if known.problems:
        typer.echo(f"to look at among the people: {len(known.problems)}", err=True)
        for problem in known.problems:
            typer.echo(f"  {problem}", err=True)
    end(results)
