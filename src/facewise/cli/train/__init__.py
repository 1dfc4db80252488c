"""`facewise train`: from a folder of people to a model that recognises them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facewise.cli.option_sets import takes
from facewise.cli.train import data, predict
from facewise.cli.train.options import given, options_of
from facewise.errors import FacewiseError
from facewise.training.config import CONFIG, TrainConfig, read_yaml
from facewise.training.protocol_words import parsed

if TYPE_CHECKING:
    from facewise.training.loop import TrainResult

app = typer.Typer(help="Train or fine-tune a model on your own pictures.")
_Options = options_of(TrainConfig)

_File = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        dir_okay=False,
        help="Settings in YAML; options on the command line go before them.",
        show_default=False,
    ),
]
_Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with the run in --out, exactly where it stopped."),
]


@app.callback(invoke_without_command=True)
@takes(_Options)
def train(
    context: typer.Context,
    config: _File = None,
    resume: _Resume = False,
    *,
    options: Any,
) -> None:
    """Train or fine-tune a model on your own pictures; the folder of the run is a --model.

    facewise train --data PEOPLE --backbone mobilefacenet --loss arcface --out RUN
    """
    values = given(options)
    if context.invoked_subcommand is not None:
        if values or config is not None or resume:
            raise typer.BadParameter(
                f"options of a training go after `run`, not before `{context.invoked_subcommand}`"
            )
        return
    if not values and config is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    _train(config, resume, values)


@app.command("run")
@takes(_Options)
def run(config: _File = None, resume: _Resume = False, *, options: Any) -> None:
    """Train: the same as without a command."""
    _train(config, resume, given(options))


app.command("index")(data.index)
app.command("split")(data.split)
app.command("overlap")(data.overlap)
app.command("predict")(predict.predict)


def _train(file: Path | None, resume: bool, values: dict[str, Any]) -> None:
    out = values.get("out")
    begun = None if out is None else out / CONFIG
    if file is None and resume and begun is not None and begun.is_file():
        file = begun
    content = {} if file is None else read_yaml(file)
    source = "command line" if file is None else str(file)
    try:
        settings = TrainConfig.from_mapping({**content, **values}, source)
    except FacewiseError as error:
        if file is None:
            raise typer.BadParameter(str(error).removeprefix("command line: ")) from None
        raise
    from facewise.cli.loading import limit_torch
    from facewise.training.loop import train as learn
    from facewise.training.processes import end_together
    from facewise.training.stopping import TrainingInterrupted

    limit_torch()
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun starts
    try:
        result = learn(settings, resume=resume)
    except TrainingInterrupted as interrupted:
        if first:
            typer.echo(
                f"{interrupted}; go on with: facewise train --out {settings.out} --resume", err=True
            )
        raise typer.Exit(128 + interrupted.signal) from None
    if first:
        _tell(result, settings)
    end_together()


def _tell(result: TrainResult, settings: TrainConfig) -> None:
    """Say what a training gave."""
    early = ", stopped early" if result.stopped_early else ""
    typer.echo(f"{result.steps} steps{early}")
    if result.best is not None:
        first_protocol = settings.evaluate[0]
        typer.echo(
            f"best {parsed(first_protocol).deciding} {result.best:.4f} at step "
            f"{result.best_step}, by {first_protocol}"
        )
    typer.echo(f"model: {result.folder} (--model {result.folder})")
