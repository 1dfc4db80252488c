"""`facewise gallery identify` and `search`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.gallery.options import KeyFile, StoreUrl, TemplateKind, guard, with_models, write
from facewise.cli.option_sets import ModelOptions, takes
from facewise.cli.options import Calibrated, Json, Out, Photos, Similarity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from facewise.cli.inputs import Input
    from facewise.gallery.identification import IdentifiedPhoto

_Count = Annotated[int, typer.Option(metavar="N", min=1, help="Candidates for each face.")]


@takes(ModelOptions)
def identify(
    store: StoreUrl,
    photos: Photos,
    out: Out = None,
    json_file: Json = None,
    key_file: KeyFile = None,
    fpir: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="Of the faces of strangers, the share that may get a name (default: 0.01).",
            show_default=False,
        ),
    ] = None,
    far: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="Instead: the false-accept rate of one comparison, however large the gallery is.",
            show_default=False,
        ),
    ] = None,
    threshold: Similarity = None,
    calibration: Calibrated = None,
    template: Annotated[
        TemplateKind | None,
        typer.Option(
            help="What of a person a face is compared with: the best face, the mean of all, or the "
            "mean weighted by quality.",
            show_default=False,
        ),
    ] = None,
    top: _Count = 5,
    *,
    options: ModelOptions,
) -> None:
    """Say who is on photos; who is not in the gallery is unknown.

    Exit status: 0, or 1 when a photo could not be read.
    """
    from facewise.cli.annotated import draw, plan
    from facewise.cli.files import protect
    from facewise.cli.gallery.tables import decided
    from facewise.cli.inputs import expand
    from facewise.cli.photos import end
    from facewise.cli.tables import show
    from facewise.errors import ImageError
    from facewise.gallery.identification import Identification, unread
    from facewise.gallery.templates import DEFAULT_TEMPLATE
    from facewise.images import load
    from facewise.recognition import load_calibration

    inputs = expand(photos, skip=out)
    targets = {} if out is None else plan(inputs, out)
    read = [item.source for item in inputs]
    guard(store, json_file, key_file, [*read, *filter(None, [calibration])])
    protect([*read, *filter(None, [key_file])], [json_file, *targets.values()])
    compared = DEFAULT_TEMPLATE if template is None else template.value
    meaning = None if calibration is None else load_calibration(calibration)
    with with_models(store, options, key_file) as gallery:
        try:
            decide = gallery.threshold(threshold=threshold, far=far, fpir=fpir, calibration=meaning)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        good = [(item.source, item.name) for item in inputs if item.problem is None]
        each = gallery.identify_each(good, decide, template=compared, top=top, calibration=meaning)
        images = []
        for item, image in _through(inputs, each, "identifying"):
            if targets and image.error is None:
                try:
                    draw(load(item.source, name=item.name), image.faces, targets[item.name])
                except ImageError as error:
                    image = unread(item.name, error)
            images.append(image)
        result = Identification(gallery.embedder.spec.id, decide, compared, tuple(images))
    if write(json_file, result.to_dict()):
        show(images, out)
        typer.echo(f"{decided(decide)}; model {result.model}, template {compared}")
    end(images)


@takes(ModelOptions)
def search(
    store: StoreUrl,
    photos: Photos,
    top: _Count = 10,
    people: Annotated[
        bool, typer.Option("--people", help="The best face of each person, instead of all faces.")
    ] = False,
    json_file: Json = None,
    key_file: KeyFile = None,
    *,
    options: ModelOptions,
) -> None:
    """Find the faces of the gallery that those of photos are most similar to; nothing is decided.

    Exit status: 0, or 1 when a photo could not be read.
    """
    from facewise.cli.gallery.tables import candidates
    from facewise.cli.inputs import expand
    from facewise.cli.photos import end

    inputs = expand(photos)
    guard(store, json_file, key_file, [item.source for item in inputs])
    with with_models(store, options, key_file) as gallery:
        good = [(item.source, item.name) for item in inputs if item.problem is None]
        each = gallery.search_each(good, top, people=people)
        images = [image for _, image in _through(inputs, each, "searching")]
        content = {
            "model": gallery.embedder.spec.id,
            "images": [image.to_dict() for image in images],
        }
    if write(json_file, content):
        candidates(images)
    end(images)


def _through(
    inputs: Sequence[Input], each: Iterator[IdentifiedPhoto], doing: str
) -> Iterator[tuple[Input, IdentifiedPhoto]]:
    """The result of each input, with a bar; of one that cannot be read, its error."""
    from facewise.cli.progress import progress
    from facewise.gallery.identification import unread

    for item in progress(inputs, doing):
        if item.problem is None:
            yield item, next(each)
        else:
            yield item, unread(item.name, item.problem)
