"""`facewise export`: the embeddings of a folder as one file."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.option_sets import ModelOptions, takes
from facewise.cli.options import Json

if TYPE_CHECKING:
    from facewise.export import Exported

_LISTED = 20
"""Pictures that are named on the screen; the table beside the file has them all."""


class Select(str, Enum):
    """Which face of a picture counts."""

    most_central = "most_central"
    largest = "largest"
    most_confident = "most_confident"
    plain = "plain"
    all = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions(ModelOptions):
    """Options of `facewise export`."""

    aligned: Annotated[
        bool,
        typer.Option("--aligned", help="The pictures are chips already: look for no faces."),
    ] = False
    select: Annotated[
        Select | None,
        typer.Option(
            help="Which face of a picture counts (default: most_central); plain: the only one, or "
            "one much larger than all others; all: each is a row.",
            show_default=False,
        ),
    ] = None
    shards: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Keep the vectors there too, and take those that are there: for a second file.",
            show_default=False,
        ),
    ] = None
    shard_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Pictures that a killed run does again (default: 2,000).",
            show_default=False,
        ),
    ] = None
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Look again at pictures that an interrupted run could not read."
        ),
    ] = False


@takes(ExportOptions)
def export(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SRC",
            file_okay=False,
            help="A folder with a folder of pictures for each person.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Write a row for each picture there: .npz, .parquet, or .h5 as facerec has it.",
            show_default=False,
        ),
    ] = None,
    means: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Write the mean of each person there, likewise.",
            show_default=False,
        ),
    ] = None,
    json_file: Json = None,
    *,
    options: ExportOptions,
) -> None:
    """Embed the pictures of a folder of people, and write the vectors into one file.

    Killed or interrupted, the same command goes on where it was.

    Exit status: 0, or 1 when a picture could not be read.
    """
    from facewise.cli.embed_shards import models_of
    from facewise.cli.embedding_bar import EmbeddingBar
    from facewise.cli.files import protect, write_text
    from facewise.cli.loading import limit_torch, wrong_usage
    from facewise.export import export_folder
    from facewise.export.exporting import SHARD_SIZE

    if out is None and means is None:
        raise typer.BadParameter("say where to write: --out FILE, --means FILE, or both")
    if options.aligned and (options.detector or options.mode or options.select):
        raise typer.BadParameter("pictures that are --aligned take no --detector, --mode, --select")
    selection = "most_central" if options.select is None else options.select.value
    if means is not None and selection == "all":
        raise typer.BadParameter("--means: goes not with --select all")
    protect([source], [out, means, json_file])
    limit_torch()
    with ExitStack() as stack:
        try:
            with wrong_usage():
                done = export_folder(
                    source,
                    out,
                    means=means,
                    models=models_of(options, aligned=options.aligned),
                    selection=selection,  # type: ignore[arg-type]
                    shards=options.shards,
                    shard_size=options.shard_size or SHARD_SIZE,
                    force=options.force,
                    retry_failed=options.retry_failed,
                    progress=EmbeddingBar(stack),
                )
        except KeyboardInterrupt:
            typer.echo("what is finished stays; the same command goes on from there", err=True)
            raise
    if json_file is not None:
        write_text(json_file, json.dumps(done.to_dict(), indent=2))
    if str(json_file) != "-":
        _show(done)
    _end(done)


def _show(done: Exported) -> None:
    if done.out is not None:
        typer.echo(f"{done.faces:,} faces of {done.pictures:,} pictures: {done.out}")
    if done.means is not None:
        typer.echo(f"{done.people:,} people: {done.means}")
    typer.echo(f"model {done.model}")
    if done.several:
        typer.echo(f"{done.several:,} pictures show several faces")


def _end(done: Exported) -> None:
    """List pictures without a row, on standard error; status 1 if one could not be read."""
    from facewise.cli.files import shown

    if not done.problems:
        return
    typer.echo(f"no row: {len(done.problems):,} of {done.pictures:,} pictures", err=True)
    for problem in done.problems[:_LISTED]:
        typer.echo(f"  {shown(str(problem))}", err=True)
    if len(done.problems) > _LISTED:
        more = len(done.problems) - _LISTED
        typer.echo(f"  and {more:,} more; all are in {done.list}", err=True)
    if done.failed:
        raise typer.Exit(1)
