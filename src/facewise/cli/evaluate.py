"""`facewise evaluate`: how well a model tells people apart, on published protocols."""

from __future__ import annotations

import json
from contextlib import nullcontext
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from facewise.cli.options import (
    Backend,
    DetectionMode,
    Detector,
    Device,
    Json,
    Mode,
    Model,
    Precision,
)

if TYPE_CHECKING:
    from facewise import detection
    from facewise.embedding import Embedder
    from facewise.evaluation.pairs import PairProtocol
    from facewise.evaluation.vectors import ImageVectors
    from facewise.zoo import Threshold

app = typer.Typer(
    help="Measure how well a model tells people apart, on published protocols.",
    no_args_is_help=True,
)

_LISTED = 10  # failed images that are shown; the JSON has all


class _Missing(str, Enum):
    fail = "fail"
    drop = "drop"


_Images: TypeAlias = Annotated[
    Path, typer.Option(metavar="DIR", help="LFW's folder of images, NAME/NAME_0001.jpg.")
]
_Pairs: TypeAlias = Annotated[Path, typer.Option(metavar="FILE", help="LFW's pairs.txt.")]
_Aligned: TypeAlias = Annotated[
    bool, typer.Option("--aligned", help="The images are chips already: look for no faces.")
]
_Flip: TypeAlias = Annotated[
    bool | None,
    typer.Option(help="Embed each chip with its mirror image. Default: as the model states."),
]
_Folds: TypeAlias = Annotated[
    int | None, typer.Option(metavar="K", min=1, help="Only the first K folds of the file.")
]
_OnMissing: TypeAlias = Annotated[
    _Missing,
    typer.Option(help="Pairs with an image without a face count as wrong, or do not count."),
]
_Cache: TypeAlias = Annotated[
    bool, typer.Option(help="Keep what was found in the images, to go on where a run stopped.")
]


@app.command()
def lfw(
    images: _Images,
    pairs: _Pairs,
    model: Model = None,
    detector: Detector = None,
    aligned: _Aligned = False,
    flip: _Flip = None,
    folds: _Folds = None,
    missing: _OnMissing = _Missing.fail,
    json_file: Json = None,
    cache: _Cache = True,
    mode: Mode = None,
    backend: Backend = None,
    precision: Precision = None,
    device: Device = None,
) -> None:
    """Verification on Labeled Faces in the Wild, with the folds of the pairs file.

    The threshold of each fold is the best of the others. A single fold has no others: then the
    model's own threshold is taken.
    """
    from facewise.cli.files import write_text
    from facewise.cli.loading import the_detector, the_embedder
    from facewise.evaluation.lfw import read_lfw
    from facewise.evaluation.record import conditions, figures
    from facewise.evaluation.verification import verify

    detector_id = _detector_id(detector, mode, aligned)
    _protect(images, pairs, json_file)
    protocol = read_lfw(pairs, images, folds)
    embedder = the_embedder(model, device, flip, backend=backend, precision=precision)
    finder = None if aligned else the_detector(detector, device, mode=mode, backend=backend)
    fixed = _own_threshold(embedder) if protocol.fold_count == 1 else None
    found = _embed(protocol, embedder, finder, cache)
    result = verify(
        protocol.similarity(found.vectors), protocol, missing=missing.value, fixed=fixed
    )
    record = {
        **figures(result, missing.value),
        **conditions(protocol, found, embedder, finder, detector_id),
    }
    if json_file is not None:
        write_text(json_file, json.dumps(record, indent=2))
    if str(json_file) != "-":
        _show(record)


@app.command()
def thresholds(
    images: _Images,
    pairs: _Pairs,
    model: Model = None,
    detector: Detector = None,
    aligned: _Aligned = False,
    flip: _Flip = None,
    json_file: Json = None,
    cache: _Cache = True,
    mode: Mode = None,
    backend: Backend = None,
    precision: Precision = None,
    device: Device = None,
) -> None:
    """Measure a model's thresholds by false-accept rate, on all pairs of different people.

    Takes the images that the pairs file names, and compares each with all those of other people.
    Prints lines of Python for a spec; --json writes the `thresholds` of a spec file.
    """
    from facewise.cli.files import write_text
    from facewise.cli.loading import the_detector, the_embedder
    from facewise.evaluation.lfw import read_lfw
    from facewise.evaluation.thresholds import operating_points

    detector_id = _detector_id(detector, mode, aligned)
    _protect(images, pairs, json_file)
    protocol = read_lfw(pairs, images)
    embedder = the_embedder(model, device, flip, backend=backend, precision=precision)
    finder = None if aligned else the_detector(detector, device, mode=mode, backend=backend)
    found = _embed(protocol, embedder, finder, cache)
    points = operating_points(found.vectors, protocol.people)
    measured_on = (
        f"{protocol.name}: {points.impostor_pairs} pairs of different people, all that "
        f"{points.images} images of {points.people} people make; {detector_id or 'aligned chips'}"
        f"{', flip' if embedder.flip else ''}"
    )
    if json_file is not None:
        rows = [
            {"value": value, "far": far, "measured_on": measured_on}
            for far, value in points.thresholds.items()
        ]
        write_text(json_file, json.dumps(rows, indent=2))
    if str(json_file) != "-":
        typer.echo(f"_MEASURED_ON = {measured_on!r}\n\nthresholds=(")
        for far, value in points.thresholds.items():
            typer.echo(f"    Threshold({value}, {far:g}, _MEASURED_ON),")
        typer.echo("),")
    if found.failures:
        typer.echo(f"{len(found.failures)} images without a usable face were left out", err=True)


def _protect(images: Path, pairs: Path, json_file: Path | None) -> None:
    """Refuse to write over what is evaluated."""
    from facewise.cli.files import is_within, protect
    from facewise.errors import FacewiseError

    protect([pairs], [json_file])
    if json_file is not None and is_within(json_file, images):
        raise FacewiseError(f"--json {json_file}: lies among the images; choose another folder")


def _detector_id(detector: str | None, mode: DetectionMode | None, aligned: bool) -> str | None:
    from facewise.cli.loading import model_and_weights
    from facewise.detection import DEFAULT_DETECTOR

    if aligned and detector:
        raise typer.BadParameter("images that are --aligned take no --detector")
    if aligned and mode:
        raise typer.BadParameter("images that are --aligned take no --mode")
    return None if aligned else model_and_weights(detector or DEFAULT_DETECTOR)[0]


def _own_threshold(embedder: Embedder) -> Threshold:
    """The one that recognition decides by."""
    from facewise.errors import ModelError, ProtocolError
    from facewise.recognition import choose_threshold

    try:
        return choose_threshold(embedder.spec)
    except ModelError:
        raise ProtocolError(
            "one fold alone has no others to choose a threshold on, and no threshold has been "
            f"measured for {embedder.spec.id}; use two folds or more"
        ) from None


def _embed(
    protocol: PairProtocol, embedder: Embedder, detector: detection.Detector | None, keep: bool
) -> ImageVectors:
    """The vectors of all images, with a progress bar where standard error is a terminal."""
    from facewise.cli.progress import counting
    from facewise.evaluation.vectors import embed_chips, embed_photos
    from facewise.pipeline import Pipeline
    from facewise.result_cache import ResultCache

    with (
        counting("embedding", len(protocol.images)) as report,
        ResultCache() if keep and detector else nullcontext() as store,
    ):
        if detector is None:
            return embed_chips(protocol.images, embedder, report)
        return embed_photos(protocol.images, Pipeline(detector, embedder, store), report)


def _show(record: dict[str, Any]) -> None:
    """The figures for people to read, on standard output."""
    from rich.console import Console
    from rich.table import Table

    spread = record["accuracy_std"]
    fate = "counted as wrong" if record["missing"] == "fail" else "left out"
    rows = {
        "model": f"{record['model']}, {'with' if record['flip'] else 'without'} flip",
        "detector": record["detector"] or "none, the images are aligned",
        "pairs": f"{record['pairs']} in {len(record['folds'])} folds",
        "failed": f"{record['failed_pairs']} pairs, {fate}",
        "accuracy": f"{record['accuracy']:.4f}"
        + ("" if spread is None else f" ± {spread:.4f} (standard deviation over folds)"),
        "threshold": f"{record['threshold']:.4f} ({record['threshold_source']})",
        "AUC": f"{record['auc']:.5f}",
        "EER": f"{record['eer']:.4f}",
    }
    for far, tar in record["tar_at_far"].items():
        rows[f"TAR at FAR {far}"] = "too few pairs to measure" if tar is None else f"{tar:.4f}"
    table = Table(box=None, pad_edge=False, show_header=False)
    for row in rows.items():
        table.add_row(*row)
    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
    console.print(table)
    failed = record["failed_images"]
    if failed:
        console.print(f"\n{len(failed)} of {record['images']} images failed:")
        for entry in failed[:_LISTED]:
            console.print(f"  {entry['image']}: {entry['reason']}")
        if len(failed) > _LISTED:
            console.print(f"  and {len(failed) - _LISTED} more (--json lists all)")
