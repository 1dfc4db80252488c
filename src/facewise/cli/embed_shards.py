"""`facewise embed … --out DIR`: very many pictures to Parquet shards."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.option_sets import ModelOptions

if TYPE_CHECKING:
    from facewise.shards import Models, ShardRun

_DEFAULT_SIZE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOptions(ModelOptions):
    """Options of `facewise embed`, and of shards."""

    aligned: Annotated[
        bool,
        typer.Option(
            "--aligned", help="To shards: the images are chips already: look for no faces."
        ),
    ] = False
    chips: Annotated[
        bool, typer.Option("--chips", help="To shards: keep the cut-out faces too (PNG).")
    ] = False
    shard_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help=f"Pictures of a shard (default: {_DEFAULT_SIZE:,}).",
            show_default=False,
        ),
    ] = None
    part: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="To shards: do the I-th of N parts, for N machines with one --out.",
            show_default=False,
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="To shards: so many processes, each with the models; on Ray, so many actors.",
            show_default=False,
        ),
    ] = None
    ray: Annotated[
        bool, typer.Option("--ray", help="To shards: on Ray; without an address on this machine.")
    ] = False
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="To shards: on this Ray cluster: auto, host:port or ray://….",
            show_default=False,
        ),
    ] = None
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Do shards again that have pictures that could not be read."
        ),
    ] = False

    def require_shards(self) -> None:
        """Refuse options of shards where none are written."""
        given = {
            "--aligned": self.aligned,
            "--chips": self.chips,
            "--shard-size": self.shard_size,
            "--part": self.part,
            "--workers": self.workers,
            "--ray": self.ray,
            "--ray-address": self.ray_address,
            "--retry-failed": self.retry_failed,
        }
        names = [name for name, value in given.items() if value]
        if names:
            raise typer.BadParameter(f"{', '.join(names)}: with shards only, so with --out DIR")


def embed_shards(
    sources: Sequence[str], out: str, json_file: Path | None, options: ShardOptions
) -> None:
    """Run the command; see `facewise.cli.embed`."""
    from facewise.cli.embedding_bar import EmbeddingBar
    from facewise.cli.files import protect, write_text
    from facewise.cli.loading import limit_torch, wrong_usage
    from facewise.shards import Way, embed_to_shards

    if options.aligned and (options.detector or options.mode):
        raise typer.BadParameter("images that are --aligned take no --detector and no --mode")
    part = _part(options.part)
    protect([Path(source) for source in sources if Path(source).exists()], [json_file])
    limit_torch()
    with ExitStack() as stack:
        try:
            with wrong_usage():
                run = embed_to_shards(
                    sources,
                    out,
                    models=models_of(options, aligned=options.aligned),
                    chips=options.chips,
                    shard_size=options.shard_size or _DEFAULT_SIZE,
                    part=part,
                    way=Way(
                        options.workers,
                        options.ray or bool(options.ray_address),
                        options.ray_address,
                    ),
                    retry_failed=options.retry_failed,
                    progress=EmbeddingBar(stack),
                )
        except KeyboardInterrupt:
            typer.echo(
                f"{out}: finished shards stay; the same command goes on from there", err=True
            )
            raise
    if json_file is not None:
        write_text(json_file, json.dumps(run.to_dict(), indent=2))
    if str(json_file) != "-":
        _show(run)
    _end(run)


def _part(text: str | None) -> tuple[int, int]:
    if text is None:
        return 1, 1
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    part = (0, 0) if match is None else (int(match[1]), int(match[2]))
    if not 1 <= part[0] <= part[1]:
        raise typer.BadParameter(f"--part: expected I/N with I from 1 to N, got {text!r}")
    return part


def models_of(options: ModelOptions, *, aligned: bool) -> Models:
    """The models of a command's options, by name."""
    from facewise.detection import DEFAULT_DETECTOR
    from facewise.embedding import DEFAULT_EMBEDDER
    from facewise.shards import Models
    from facewise.zoo import model_and_weights

    model, weights = model_and_weights(options.model or DEFAULT_EMBEDDER)
    detector, detector_weights = model_and_weights(options.detector or DEFAULT_DETECTOR)
    backend = None if options.backend is None else options.backend.value
    return Models(
        model=model,
        weights=weights,
        detector=detector,
        detector_weights=detector_weights,
        aligned=aligned,
        mode=None if options.mode is None else options.mode.value,
        device=options.device,
        backend=backend,
        precision=None if options.precision is None else options.precision.value,
        detector_backend=backend,
    )


def _show(run: ShardRun) -> None:
    counts = run.counts
    before = f", {run.kept:,} were there" if run.kept else ""
    typer.echo(f"{run.written:,} of {run.shards:,} shards written{before}: {run.out}")
    typer.echo(
        f"{counts.pictures:,} pictures, {counts.faces:,} faces, "
        f"{counts.faceless:,} pictures without a face; model {run.model}"
    )


def _end(run: ShardRun) -> None:
    """List what failed, on standard error, and end with status 1 if anything did."""
    from facewise.cli.files import shown

    if run.counts.failed:
        typer.echo(f"failed: {run.counts.failed:,} of {run.counts.pictures:,}", err=True)
        for failure in run.failures:
            typer.echo(f"  {shown(str(failure))}", err=True)
        if run.counts.failed > len(run.failures):
            typer.echo("  … (all are in the shards, with the status 'error')", err=True)
        typer.echo("--retry-failed does their shards again", err=True)
    if run.unwritten:
        typer.echo(f"shards not written: {len(run.unwritten):,}", err=True)
        for problem in run.unwritten:
            typer.echo(f"  {shown(problem)}", err=True)
        typer.echo("the same command tries them again", err=True)
    if run.counts.failed or run.unwritten:
        raise typer.Exit(1)
