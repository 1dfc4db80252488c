"""`facewise calibrate`: what a model's similarities mean, measured on labelled pictures."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facewise.cli.evaluate.options import Select
from facewise.cli.options import (
    Backend,
    Detector,
    Device,
    Json,
    Mode,
    Model,
    Precision,
)

if TYPE_CHECKING:
    from facewise.evaluation.calibration import CalibrationRun
    from facewise.evaluation.protocols.pairs import PairProtocol
    from facewise.recognition import Calibration

_OUTPUTS = ("out", "plot", "spec", "json_file", "cache")
"""Parameters that change no figure."""

_UNLIMITED = 10_000  # columns, in a file or pipe: nothing is wrapped there


class _Form(str, Enum):
    lfw = "lfw"
    csv = "csv"


def calibrate(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(metavar="FILE", dir_okay=False, help="Write the calibration there.")
    ],
    pairs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Labelled pairs of the images."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="The folder of the pairs' images."),
    ] = None,
    protocol: Annotated[
        _Form | None,
        typer.Option(
            help="The form of the pairs file. Default: csv if its name ends so, else lfw.",
            show_default=False,
        ),
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Instead of pairs: a folder with a sub-folder of pictures for each person.",
        ),
    ] = None,
    model: Model = None,
    detector: Detector = None,
    mode: Mode = None,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="The images are chips already: look for no faces.")
    ] = False,
    flip: Annotated[
        bool | None,
        typer.Option(help="Embed each chip with its mirror image. Default: as the model states."),
    ] = None,
    select: Annotated[
        Select | None,
        typer.Option(
            help="Which face counts where a picture shows several. Default: of pairs the "
            "most_central, of people the largest.",
            show_default=False,
        ),
    ] = None,
    prior: Annotated[
        float,
        typer.Option(metavar="SHARE", help="The share of pairs of one person to assume."),
    ] = 0.5,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Draw how true the probabilities are, as .svg or .png.",
        ),
    ] = None,
    spec: Annotated[
        bool, typer.Option("--spec", help="Print the thresholds as lines of Python for a spec.")
    ] = False,
    json_file: Json = None,
    cache: Annotated[
        bool,
        typer.Option(help="Keep what was found in the images, to go on where a run stopped."),
    ] = True,
    backend: Backend = None,
    precision: Precision = None,
    device: Device = None,
) -> None:
    """Measure what similarities mean: the probability of one person, and the false-accept rate.

    The file is for --calibration of compare and recognize, with the same model and detector.
    """
    from facewise.cli.evaluate.models import load_models, split_fusion, the_digest, vectors_of
    from facewise.cli.evaluate.options import RunOptions, command_line
    from facewise.cli.evaluate.results import end
    from facewise.cli.files import keep_out, protect, write_text
    from facewise.evaluation import record as records
    from facewise.evaluation.calibration import make_calibration
    from facewise.evaluation.extra import needed
    from facewise.evaluation.people_pairs import picture_weights
    from facewise.evaluation.reliability_plot import write_reliability_plot
    from facewise.recognition import DEFAULT_FAR
    from facewise.recognition.calibration import check_prior

    try:
        check_prior(prior)
    except ValueError as error:
        raise typer.BadParameter(f"--{error}") from None
    if plot is not None and plot.suffix.lower() not in (".svg", ".png"):
        raise typer.BadParameter(f"--plot {plot}: expected a name that ends in .svg or .png")
    if str(out) == "-":
        raise typer.BadParameter("--out: expected a file; - is for --json")
    options = RunOptions(
        model=[] if model is None else [model],
        detector=detector,
        mode=mode,
        backend=backend,
        precision=precision,
        device=device,
        aligned=aligned,
        flip=flip,
        select=select or (Select.most_central if people is None else Select.largest),
        cache=cache,
    )
    targets = {"--out": out, "--json": json_file, "--plot": plot}
    protect([] if pairs is None else [pairs], targets.values())
    keep_out(targets, [folder for folder in (images, people) if folder is not None])
    needed("sklearn", "calibrations")
    if plot is not None:
        needed("matplotlib", "plots")
    chosen = _read(pairs, images, protocol, people)
    if model is not None and len(split_fusion(model)) > 1:
        raise typer.BadParameter(f"--model {model}: a fusion cannot be calibrated, give one model")
    models = load_models(options)
    [embedder] = models.embedders.values()
    digest = the_digest(chosen.images, chosen.names)
    [found] = vectors_of(models, chosen.images, chosen.names, digest, options).values()
    made = make_calibration(
        chosen,
        found.vectors,
        embedder,
        models.detector,
        models.detector_id,
        prior=prior,
        weights=None if people is None else picture_weights(chosen),
    )
    made.calibration.save(out)
    if plot is not None:
        write_reliability_plot(
            plot,
            made.fit.probability,
            made.same,
            made.fit.weights,
            title=f"{embedder.spec.id} on {chosen.name}, cross-validated",
        )
    if json_file is not None:
        record = {
            "command": command_line(context, without=_OUTPUTS),
            "protocol": records.protocol_facts(chosen, digest),
            "conditions": records.conditions(
                models.detector, models.detector_id, options.select.value
            ),
            "model": records.model_facts(embedder.spec.id, [embedder]),
            "failed_images": records.failed_images(found, chosen.names),
            **_figures(made),
        }
        write_text(json_file, json.dumps(record, indent=2))
    if str(json_file) != "-":
        if spec:
            _print_spec(made.calibration)
        else:
            _show(made, out, plot)
    if found.failures:
        typer.echo(f"{len(found.failures)} images without a usable face were left out", err=True)
    lowest = made.calibration.far_table[-1].asked
    if lowest > DEFAULT_FAR:
        typer.echo(
            f"FAR {DEFAULT_FAR:g}, which compare and recognize take by default, needs more "
            f"pictures: give them --far {lowest:g} or more",
            err=True,
        )
    end([found])


def _read(
    pairs: Path | None, images: Path | None, form: _Form | None, people: Path | None
) -> PairProtocol:
    """The pairs of the options, before anything is computed."""
    from facewise.evaluation.people_pairs import pair_people

    if people is not None and pairs is None and images is None and form is None:
        return pair_people(people)
    if people is not None or pairs is None or images is None:
        raise typer.BadParameter("give --pairs FILE with --images DIR, or --people DIR alone")
    if form is None:
        form = _Form.csv if pairs.suffix.lower() == ".csv" else _Form.lfw
    if form is _Form.csv:
        from facewise.evaluation.protocols.pairs_csv import read_pairs_csv

        return read_pairs_csv(pairs, images)
    from facewise.evaluation.protocols.lfw import read_lfw

    return read_lfw(pairs, images)


def _spec_thresholds(calibration: Calibration) -> list[dict[str, Any]]:
    """The rates that specs state, in the form of spec files."""
    from facewise.evaluation.thresholds import FARS

    return [
        {"value": point.similarity, "far": point.asked, "measured_on": calibration.measured_on}
        for point in reversed(calibration.far_table)
        if point.asked in FARS
    ]


def _print_spec(calibration: Calibration) -> None:
    typer.echo(f"_MEASURED_ON = {calibration.measured_on!r}\n\nthresholds=(")
    for row in _spec_thresholds(calibration):
        typer.echo(f"    Threshold({row['value']}, {row['far']:g}, _MEASURED_ON),")
    typer.echo("),")


def _figures(made: CalibrationRun) -> dict[str, Any]:
    """What was measured, as plain values."""
    from facewise.evaluation.metrics.calibration import reliability

    bins = reliability(made.fit.probability, made.same, weights=made.fit.weights)
    content = made.calibration.to_dict()
    return {
        "failed_pairs": made.failed_pairs,
        **{name: content[name] for name in ("counts", "prior", "measured_on", "scores")},
        "method": made.calibration.curve.method,
        "reliability": [
            {
                "from": float(bins.edges[i]),
                "to": float(bins.edges[i + 1]),
                "pairs": int(pairs),
                "probability": float(bins.probability[i]) if pairs else None,
                "genuine": float(bins.genuine[i]) if pairs else None,
            }
            for i, pairs in enumerate(bins.pairs)
        ],
        "thresholds": _spec_thresholds(made.calibration),
        "far": content["far"],
    }


def _show(made: CalibrationRun, out: Path, plot: Path | None) -> None:
    """The figures for people to read, on standard output."""
    from rich.console import Console
    from rich.table import Table

    from facewise.cli.loading import probable

    calibration = made.calibration
    counts, method = calibration.counts, calibration.curve.method
    rows = {
        "model": f"{calibration.model}, {'with' if calibration.embedder['flip'] else 'without'} "
        "flip",
        "detector": calibration.detector or "none, the images are aligned",
        "pairs": f"{counts.genuine_pairs:,} of one person, {counts.impostor_pairs:,} of two; "
        f"{made.failed_pairs:,} failed and left out",
        "rates": f"from {counts.impostor_comparisons:,} comparisons of different people",
        "prior": f"{calibration.prior:g} of pairs are of one person",
    }
    for name, scores in sorted(calibration.scores.items()):
        rows[name] = (
            f"log-loss {scores.log_loss:.4f}, expected calibration error "
            f"{scores.expected_calibration_error:.4f}, cross-validated"
            f"{' (kept)' if name == method else ''}"
        )
    table = Table(box=None, pad_edge=False, show_header=False)
    for row in rows.items():
        table.add_row(*row)
    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _UNLIMITED
    console.print(table)
    console.print()
    steps = Table("FAR", "threshold", "probability there", box=None, pad_edge=False)
    for row in reversed(_spec_thresholds(calibration)):
        known = calibration.probability(row["value"])
        steps.add_row(f"{row['far']:g}", f"{row['value']:.4f}", probable(known))
    console.print(steps)
    console.print(f"\ncalibration: {out}")
    if plot is not None:
        console.print(f"plot: {plot}")
