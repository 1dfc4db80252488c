"""`facewise align`: photos of people as chips, which a training then reads with --aligned."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from facewise.cli.options import Detector, Device, Mode, Model
from facewise.cli.train.data import Data, DataForm, Form, Images, list_problems, read_data


class Suffix(str, Enum):
    """How chips are written; both lose nothing."""

    png = "png"
    webp = "webp"


def align(
    data: Data,
    out: Annotated[
        Path, typer.Option(metavar="DIR", file_okay=False, help="Write the chips there.")
    ],
    model: Model = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Instead of a model: chips for this --backbone of `facewise train`.",
        ),
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option(metavar="N", min=16, help="Side of the chips, if not the backbone's own."),
    ] = None,
    detector: Detector = None,
    mode: Mode = None,
    device: Device = None,
    suffix: Annotated[Suffix, typer.Option(help="Format of the chips.")] = Suffix.png,
    form: DataForm = Form.auto,
    images: Images = None,
) -> None:
    """Cut the most central face of each photo as a model wants it, a folder for each person.

    What is there already is not cut again, so an interrupted run goes on where it stopped.
    """
    from facewise.cli.files import is_within
    from facewise.cli.loading import the_detector
    from facewise.cli.progress import counting
    from facewise.embedding import DEFAULT_EMBEDDER
    from facewise.errors import FacewiseError
    from facewise.training.data.aligning import align_all
    from facewise.zoo import find_spec

    if backbone is not None and model is not None:
        raise typer.BadParameter("--backbone and --model: give one of them")
    if backbone is None and input_size is not None:
        raise typer.BadParameter("--input-size: goes with --backbone")
    for folder in filter(None, (Path(data), images)):
        if folder.is_dir() and is_within(out, folder):
            raise FacewiseError(f"--out {out}: lies among the photos; choose another folder")
    index = read_data(data, form, images)
    if backbone is None:
        spec = find_spec(model or DEFAULT_EMBEDDER)
    else:
        from facewise.training.backbones import backbone_spec

        spec = backbone_spec(backbone, input_size=input_size)
    finder = the_detector(detector, device, mode=mode)
    with counting("aligning", len(index)) as report:
        done = align_all(index, finder, spec, out, suffix=f".{suffix.value}", report=report)
    before = f", {done.kept:,} were there" if done.kept else ""
    typer.echo(f"{done.cut:,} chips of {spec.input_size}×{spec.input_size} pixels{before}: {out}")
    list_problems(done.index.problems)
