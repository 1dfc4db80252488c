"""`facewise models`: which models there are, where their weights lie, whether they are whole."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from facewise.cli.files import write_text
from facewise.cli.options import Json
from facewise.errors import FacewiseError, ModelError
from facewise.zoo import ModelSpec, check, fetch, get_spec, list_specs, locate, state
from facewise.zoo.download import by_hand
from facewise.zoo.hashing import expected_sha256

app = typer.Typer(help="List, fetch and verify the weights of models.", no_args_is_help=True)

_OneId = Annotated[str, typer.Argument(metavar="ID", help="A model, as `list` names it.")]
_Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Models, as `list` names them.")
]


@app.command("list")
def list_models(json_file: Json = None) -> None:
    """Show all models, and whether their weights are here."""
    specs = list_specs()
    if json_file is not None:
        write_text(json_file, json.dumps([_as_dict(spec) for spec in specs], indent=2))
        if str(json_file) == "-":
            return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column("id")
    table.add_column("task")
    table.add_column("size", justify="right")
    table.add_column("state")
    # The one column that gives way. Licences begin with what matters, and `info` shows the rest.
    table.add_column("licence", ratio=1, no_wrap=True)
    for spec in specs:
        table.add_row(spec.id, spec.task, _megabytes(spec), state(spec), spec.weights.licence)
    Console().print(table, markup=False)


@app.command()
def info(model_id: _OneId) -> None:
    """Show everything known of a model."""
    spec = get_spec(model_id)
    for key, value in _as_dict(spec).items():
        if value not in (None, "", [], {}):
            typer.echo(f"{key}: {value if isinstance(value, str) else json.dumps(value)}")
    if state(spec) == "absent" and not spec.weights.urls:
        typer.echo(f"to use it: {by_hand(spec)}")


@app.command()
def pull(
    model_ids: _Ids = None,
    every: Annotated[
        bool, typer.Option("--all", help="All models that can be downloaded automatically.")
    ] = False,
) -> None:
    """Download weights, verified; what is here already is only checked."""
    if every == bool(model_ids):
        raise typer.BadParameter("name models, or give --all")
    if every:
        specs = [spec for spec in list_specs() if spec.weights.urls]
    else:
        specs = [get_spec(model_id) for model_id in model_ids or []]
    failures = []
    for spec in specs:
        try:
            typer.echo(f"{spec.id}: {fetch(spec)}")
        except FacewiseError as error:
            failures.append(str(error))
    if failures:
        raise ModelError("; ".join(failures))


@app.command()
def verify(model_ids: _Ids = None) -> None:
    """Hash the weight files that are here, all of them or those named; exit 1 if one is damaged."""
    specs = [get_spec(model_id) for model_id in model_ids] if model_ids else list_specs()
    faulty = False
    for spec in specs:
        path = locate(spec)
        if path is None:
            if model_ids:
                faulty = True
                typer.echo(f"{spec.id}: absent; {by_hand(spec)}")
            continue
        try:
            check(spec, path, memo=False)
        except ModelError as error:
            faulty = True
            typer.echo(f"{spec.id}: {error}")
        else:
            known = expected_sha256(spec, path) is not None
            typer.echo(f"{spec.id}: {'ok' if known else 'no sha256 to compare with'} ({path})")
    if faulty:
        raise typer.Exit(1)


@app.command()
def path(model_id: _OneId) -> None:
    """Print where the weights of a model lie."""
    spec = get_spec(model_id)
    found = locate(spec)
    if found is None:
        raise ModelError(
            f"{spec.id}: {spec.weights.filename} is not on this machine; "
            f"`facewise models pull {spec.id}`, or {by_hand(spec)}"
        )
    typer.echo(str(found))


def _megabytes(spec: ModelSpec) -> str:
    return f"{spec.weights.size / 1e6:.1f} MB" if spec.weights.size else "?"


def _as_dict(spec: ModelSpec) -> dict[str, Any]:
    weights = spec.weights
    found = locate(spec)
    return {
        "id": spec.id,
        "task": spec.task,
        "architecture": spec.architecture,
        "format": spec.format,
        "state": state(spec),
        "path": None if found is None else str(found),
        "file": weights.filename,
        "size": weights.size,
        "sha256": weights.sha256,
        "licence": weights.licence,
        "training_set": weights.training_set,
        "urls": list(weights.urls),
        "by_hand": weights.by_hand,
        "input_size": spec.input_size,
        "embedding_size": spec.embedding_size,
        "published": dict(spec.published),
        "measured": dict(spec.measured),
        "thresholds": [
            {"value": t.value, "far": t.far, "measured_on": t.measured_on} for t in spec.thresholds
        ],
        "notes": spec.notes,
    }
