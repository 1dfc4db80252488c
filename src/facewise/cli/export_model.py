"""`facewise export-model`: a model's networks for other runtimes."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facewise.cli.loading import limit_torch, model_and_weights
from facewise.cli.options import Json
from facewise.errors import FacewiseError

if TYPE_CHECKING:
    from facewise.model_export import Exported


_FEW = 50  # faces to measure the loss with, a fifth of those for calibration


class FileFormat(str, Enum):
    """Keys of `facewise.model_export.FORMATS`."""

    onnx = "onnx"
    openvino = "openvino"
    torchscript = "torchscript"
    executorch = "executorch"


class NumberFormat(str, Enum):
    """What the written network computes in."""

    float32 = "float32"
    float16 = "float16"
    int8 = "int8"


def export_model(
    model: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="mtcnn, or an embedder: an id, a model's folder or spec file; ID=FILE: weights of "
            "your own.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", file_okay=False, help="Write the files there.", show_default=False
        ),
    ],
    file_format: Annotated[
        FileFormat, typer.Option("--format", help="For which runtime.", show_default=False)
    ],
    precision: Annotated[
        NumberFormat, typer.Option(help="What the file computes in; int8 needs --calibration.")
    ] = NumberFormat.float32,
    preprocess: Annotated[
        bool,
        typer.Option(
            "--preprocess",
            help="The file takes RGB pixels, uint8 (n, h, w, 3), and normalises them itself.",
        ),
    ] = False,
    calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Photos of a few hundred people: four fifths of what is found in them set the "
            "ranges of integers, the rest measures the loss.",
            show_default=False,
        ),
    ] = None,
    json_file: Json = None,
) -> None:
    """Write a model as ONNX, OpenVINO, TorchScript or ExecuTorch, and prove it in that runtime."""
    from facewise.cli.files import protect, shown, write_text
    from facewise.model_export import export_model as export

    if precision is NumberFormat.int8 and calibration is None:
        raise typer.BadParameter("int8 needs --calibration DIR")
    if json_file is not None and json_file.absolute() == out.absolute():
        raise typer.BadParameter(f"--json {json_file}: is the folder of --out")
    protect([] if calibration is None else [calibration], [json_file])
    pictures, problems = ([], []) if calibration is None else _pictures(calibration)
    limit_torch()
    name, weights = model_and_weights(model)
    exported = export(
        name,
        file_format.value,
        out,
        weights=weights,
        precision=precision.value,
        preprocess=preprocess,
        calibration=pictures,
    )
    quiet = json_file is not None and str(json_file) == "-"
    for each in exported:
        typer.echo(f"{each.path}: {each.size:,} bytes", err=quiet)
        typer.echo(f"  parity on {each.parity.pictures} pictures: {each.parity}", err=quiet)
        if each.loss is not None:
            typer.echo(f"  loss on {each.loss.pictures} pictures of yours: {each.loss}", err=quiet)
            if each.loss.pictures < _FEW:
                typer.echo(
                    "  note: few faces for calibration; with those of a few hundred people the "
                    "ranges of integers fit better",
                    err=True,
                )
    if json_file is not None:
        content = {"files": [_plain(each) for each in exported]}
        write_text(json_file, json.dumps(content, indent=2))
    if problems:
        typer.echo(f"failed: {len(problems):,} pictures for calibration were left out", err=True)
        for problem in problems:
            typer.echo(f"  {shown(problem)}", err=True)
        raise typer.Exit(1)


def _pictures(folder: Path) -> tuple[list[Path | bytes], list[str]]:
    """The photos below a folder, and why others cannot be read.

    Raises:
        FacewiseError: there are none.
    """
    from facewise.cli.inputs import expand
    from facewise.errors import ImageError
    from facewise.images import load

    found, problems = [], []
    for item in expand([str(folder)]):
        if item.problem is not None:
            problems.append(item.problem)
            continue
        try:
            load(item.source)
        except ImageError as error:
            problems.append(str(error))
        else:
            found.append(item.source)
    if not found:
        raise FacewiseError(f"{folder}: no pictures for calibration")
    return found, problems


def _plain(exported: Exported) -> dict[str, Any]:
    return {**asdict(exported), "path": str(exported.path)}
