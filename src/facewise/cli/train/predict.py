"""`facewise train predict`: names by the classifier of a run."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.options import Backend, Cache, Detector, Device, Json, Mode, Photos, Precision
from facewise.errors import ModelMismatchError

if TYPE_CHECKING:
    from facewise.cli.inputs import Input
    from facewise.faces import EmbeddedFaces, Faces


def predict(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="The folder of a run with --task classify.", show_default=False
        ),
    ],
    photos: Photos,
    least: Annotated[
        float,
        typer.Option(metavar="P", help="Faces that nobody has this probability for are unknown."),
    ] = 0.5,
    json_file: Json = None,
    detector: Detector = None,
    mode: Mode = None,
    backend: Backend = None,
    precision: Precision = None,
    device: Device = None,
    cache: Cache = True,
) -> None:
    """Name the faces of photos, by a model that was trained with --task classify.

    It knows the people it was trained on and no strangers: those get the name that suits them best.
    `facewise recognize --model RUN` tells strangers apart.
    """
    import numpy as np

    from facewise.cli.files import shown, write_text
    from facewise.cli.inputs import expand
    from facewise.cli.loading import the_detector, the_embedder
    from facewise.cli.photos import end, through, work_through
    from facewise.pipeline import Pipeline
    from facewise.result_cache import ResultCache
    from facewise.training.classifying import load_classifier

    if not 0 <= least <= 1:
        raise typer.BadParameter(f"--least: expected a probability from 0 to 1, got {least:g}")
    classifier = load_classifier(run)
    embedder = the_embedder(run, device, backend=backend, precision=precision)
    if embedder.weight_hash != classifier.model_sha256:
        raise ModelMismatchError(
            f"{run}: its classifier was made for other weights than its model.safetensors"
        )
    finder = the_detector(detector, device, mode=mode, backend=backend)
    inputs = expand(photos)

    def finish(item: Input, found: EmbeddedFaces) -> Faces:  # noqa: ARG001 - of the pipeline
        said = classifier.predict(found.embeddings)
        return found.faces.with_data(
            name=np.array([name if p >= least else "unknown" for name, p in said], np.str_),
            probability=np.array([p for _, p in said], np.float32),
        )

    with ResultCache() if cache else nullcontext() as store:
        pipeline = Pipeline(finder, embedder, store)
        results = work_through(inputs, lambda some: through(pipeline, some, finish), "naming")
    content = [result.to_dict() for result in results]
    if json_file is not None:
        write_text(json_file, json.dumps({"model": embedder.spec.id, "images": content}, indent=2))
    if str(json_file) != "-":
        for image in content:
            if image["error"] is None:
                words = [f"{face['name']} ({face['probability']:.3f})" for face in image["faces"]]
                typer.echo(f"{shown(image['image'])}: {shown(', '.join(words)) or 'no face'}")
    end(results)
