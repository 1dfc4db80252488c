"""Options that all protocols have, declared once."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from facewise.cli.options import (
    Backend,
    Detector,
    Device,
    Json,
    Mode,
    Precision,
)


class Select(str, Enum):
    """Which face of a picture counts."""

    most_central = "most_central"
    largest = "largest"
    most_confident = "most_confident"


class Missing(str, Enum):
    """What becomes of images without a face."""

    fail = "fail"
    drop = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How images become vectors, and where results go."""

    model: Annotated[
        list[str],
        typer.Option(
            metavar="ID",
            help="Embedder, or the file of its spec; ID=FILE takes weights of your own; A+B fuses "
            "two. Give several to compare them.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    detector: Detector = None
    mode: Mode = None
    backend: Backend = None
    precision: Precision = None
    device: Device = None
    select: Annotated[
        Select,
        typer.Option(
            help="Which face counts where a picture shows several; data sets have theirs in the "
            "middle, and compare takes the largest."
        ),
    ] = Select.most_central
    aligned: Annotated[
        bool, typer.Option("--aligned", help="The images are chips already: look for no faces.")
    ] = False
    flip: Annotated[
        bool | None,
        typer.Option(help="Embed each chip with its mirror image. Default: as the model states."),
    ] = None
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Write a page with plots and the worst errors, and the same as JSON, there.",
        ),
    ] = None
    json_file: Json = None
    cache: Annotated[
        bool,
        typer.Option(help="Keep what was found in the images, to go on where a run stopped."),
    ] = True

    def __post_init__(self) -> None:
        if self.aligned and self.detector:
            raise typer.BadParameter("images that are --aligned take no --detector")
        if self.aligned and self.mode:
            raise typer.BadParameter("images that are --aligned take no --mode")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOptions(RunOptions):
    """How pairs are scored, besides."""

    missing: Annotated[
        Missing,
        typer.Option(help="Pairs with an image without a face count as wrong, or do not count."),
    ] = Missing.fail
    far: Annotated[
        list[float],
        typer.Option(
            metavar="RATE", help="Give the true-accept rate at this false-accept rate; repeatable."
        ),
    ] = field(default_factory=list)
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="COSINE", help="Decide by this similarity, not by the best of the other folds."
        ),
    ] = None
    groups: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            dir_okay=False,
            help="Lines `NAME,GROUP`, of images or of people: the same figures by group.",
        ),
    ] = None
    calibration: Annotated[
        list[Path],
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="A model's calibration (`facewise calibrate`): tell how true its probabilities "
            "are on these pairs.",
        ),
    ] = field(default_factory=list)

    def __post_init__(self) -> None:
        super(PairOptions, self).__post_init__()  # with slots the short form knows no class
        check_rates("--far", self.far)
        if self.threshold is not None and not -1 <= self.threshold <= 1:
            raise typer.BadParameter(
                f"--threshold: expected a similarity in [-1, 1], got {self.threshold:g}"
            )


def check_rates(option: str, rates: Sequence[float]) -> None:
    """Refuse rates that are none; the message names the option."""
    for rate in rates:
        if not 0 < rate < 1:
            raise typer.BadParameter(f"{option}: expected a rate in (0, 1), got {rate:g}")


def command_line(context: typer.Context, *, without: tuple[str, ...]) -> str:
    """What a user would type to get the same: the options that have not their defaults.

    Args:
        context: of the command.
        without: parameters that change no figure.
    """
    words = context.command_path.split()
    for parameter in context.command.params:
        name = str(parameter.name)
        value = context.params.get(name)
        if name in without or value is None or value == parameter.get_default(context):
            continue
        if isinstance(value, bool):
            words.append(parameter.opts[0] if value else parameter.secondary_opts[0])
            continue
        for each in value if isinstance(value, (list, tuple)) else [value]:
            option = [] if parameter.param_type_name == "argument" else [parameter.opts[0]]
            words += [*option, str(each.value if isinstance(each, Enum) else each)]
    return shlex.join(words)


def check_usage(lists: Sequence[Path], folders: Sequence[Path], options: RunOptions) -> None:
    """Refuse, before anything is read, what would lose data or could not be finished.

    Args:
        lists: files that are read.
        folders: of images.
        options: of the command.

    Raises:
        FacewiseError: a result would be written over something, or lie among the images.
        ExtraMissingError: a package is missing.
    """
    from facewise.cli.files import keep_out, protect
    from facewise.evaluation.extra import needed

    read = list(lists)
    if isinstance(options, PairOptions):
        read += [*options.calibration, *([options.groups] if options.groups else [])]
        if options.groups or len(options.model) > 1:
            needed("scipy.stats", "tests of significance")
    page = None if options.report is None else options.report / "report.html"
    data = None if options.report is None else options.report / "report.json"
    protect(read, [options.json_file, page, data])
    keep_out({"--json": options.json_file, "--report": options.report}, folders)
    if options.report is not None:
        needed("matplotlib", "the plots of a report")
