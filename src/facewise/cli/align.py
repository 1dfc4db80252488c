"""`facewise align`: from folders of photos to folders of chips."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.options import Detector, Device, Json, Mode, Model
from facewise.cli.train.data import DataForm, Form, Images, read_data

if TYPE_CHECKING:
    from facewise.aligning import Choice, Cutter, Work
    from facewise.aligning.run import Report
    from facewise.alignment import CropPolicy


class Suffix(str, Enum):
    """How chips are written; both lose nothing."""

    png = "png"
    webp = "webp"


class Select(str, Enum):
    """Which face of a photo is cut."""

    most_central = "most_central"
    largest = "largest"
    most_confident = "most_confident"
    largest_over = "largest_over"
    all = "all"


def align(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            help="A folder of photos; or people as `facewise train` takes them: a CSV file (path, "
            "person), LFW's people file, a .rec file.",
            show_default=False,
        ),
    ],
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DST]",
            file_okay=False,
            help="Write the chips there, as the photos lie in SRC.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="The same as DST.", show_default=False),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=16,
            max=4096,
            help="Side of the chips: cut the box with a --margin, or --five-point.",
            show_default=False,
        ),
    ] = None,
    margin: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Pixels of the chip that lie outside the box, both sides together, as in "
            "facenet-pytorch; with --image-size. Default: 0.",
            show_default=False,
        ),
    ] = None,
    five_point: Annotated[
        bool,
        typer.Option(
            "--five-point", help="Turn and scale the face onto ArcFace's template (default: 112)."
        ),
    ] = False,
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
        typer.Option(
            metavar="N", min=16, max=4096, help="Side of the chips, if not the backbone's own."
        ),
    ] = None,
    select: Annotated[
        Select,
        typer.Option(
            help="Which face of a photo: most_central takes area less distance from the middle, as "
            "facenet; all writes NAME_0, NAME_1, ….",
        ),
    ] = Select.most_central,
    boxes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Write what was cut there, as facenet does: PATH x1 y1 x2 y2.",
            show_default=False,
        ),
    ] = None,
    detector: Detector = None,
    mode: Mode = None,
    device: Device = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Use so many processors (default: all).", show_default=False
        ),
    ] = None,
    suffix: Annotated[Suffix, typer.Option(help="Format of the chips.")] = Suffix.png,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Look again at photos that failed before.")
    ] = False,
    form: DataForm = Form.auto,
    images: Images = None,
    json_file: Json = None,
) -> None:
    """Cut a face of each photo, into folders as the photos lie in.

    Without --image-size or --five-point chips are cut as a model wants them. What is there already
    is not cut again, so an interrupted run goes on where it stopped.

    Exit status: 0, or 1 when a photo could not be read or a chip not be written.
    """
    from facewise.aligning import Cutter
    from facewise.cli.align_results import as_record, end, show
    from facewise.cli.files import protect, write_text
    from facewise.cli.loading import the_detector
    from facewise.cli.progress import counting

    if (target is None) == (out is None):
        raise typer.BadParameter("say once where the chips go: DST, or --out DIR")
    folder = target or out or Path()
    policy = _policy(image_size, margin, five_point, model, backbone, input_size)
    choice: Choice = select.value
    is_folder = Path(source).is_dir() and form in (Form.auto, Form.folder)
    protect([Path(source), *filter(None, [images])], [boxes, json_file])
    finder = the_detector(detector, device, mode=mode)
    _use(workers)
    cutter = Cutter(finder, policy, choice)
    try:
        with counting("aligning", None) as move:
            if is_folder:
                from facewise.aligning.folder import align_folder

                work = align_folder(
                    source,
                    folder,
                    detector=finder,
                    crop=policy,
                    choice=choice,
                    suffix=f".{suffix.value}",
                    retry_failed=retry_failed,
                    report=move,
                )
            else:
                options = (f".{suffix.value}", retry_failed, move)
                work = _listed(source, folder, cutter, form, images, *options)
    except KeyboardInterrupt:
        typer.echo(f"{folder}: finished chips stay; the same command goes on from there", err=True)
        raise
    if boxes is not None:
        from facewise.aligning.boxes_file import write_boxes

        write_boxes(work, boxes)
    if json_file is not None:
        write_text(json_file, json.dumps(as_record(work, policy), indent=2))
    if str(json_file) != "-":
        show(work, policy.size)
    end(work)


def _policy(
    image_size: int | None,
    margin: int | None,
    five_point: bool,
    model: str | None,
    backbone: str | None,
    input_size: int | None,
) -> CropPolicy:
    """How chips are cut: as it is said, or as a model or backbone wants them."""
    from facewise.alignment import FivePointCrop, MarginCrop, resized
    from facewise.cli.loading import wrong_usage
    from facewise.embedding import DEFAULT_EMBEDDER
    from facewise.errors import FacewiseError
    from facewise.zoo import find_spec, model_and_weights

    if backbone is not None and model is not None:
        raise typer.BadParameter("--backbone and --model: give one of them")
    if backbone is None and input_size is not None:
        raise typer.BadParameter("--input-size: goes with --backbone")
    if margin is not None and (five_point or image_size is None):
        raise typer.BadParameter("--margin: goes with --image-size, and not with --five-point")
    if (five_point or image_size is not None) and (model is not None or backbone is not None):
        raise typer.BadParameter(
            "--model and --backbone have a crop of their own; --image-size and --five-point are "
            "another"
        )
    with wrong_usage():
        if five_point:
            return resized(FivePointCrop(), image_size or 112)
        if image_size is not None:
            return MarginCrop(image_size, margin or 0)
    if backbone is None:
        spec = find_spec(model_and_weights(model or DEFAULT_EMBEDDER)[0])
    else:
        from facewise.training.backbones import backbone_spec

        spec = backbone_spec(backbone, input_size=input_size)
    if spec.crop is None:
        raise FacewiseError(f"{spec.id}: its spec has no crop, so faces cannot be cut for it")
    return spec.crop


def _use(workers: int | None) -> None:
    """Work with so many one-thread workers, at most those that there are processors for."""
    if workers is not None:
        import torch

        torch.set_num_threads(min(workers, torch.get_num_threads()))


def _listed(
    source: str,
    out: Path,
    cutter: Cutter,
    form: Form,
    images: Path | None,
    suffix: str,
    retry_failed: bool,
    report: Report,
) -> Work:
    """Align the pictures of a list, or of a file of pictures."""
    from facewise.cli.files import is_within
    from facewise.cli.train.data import list_problems
    from facewise.errors import FacewiseError
    from facewise.training.data.aligning import align_index

    if images is not None and images.is_dir() and is_within(out, images):
        raise FacewiseError(f"{out}: lies among the photos; choose another folder")
    index = read_data(source, form, images)
    list_problems(index.problems)
    return align_index(index, cutter, out, suffix=suffix, retry_failed=retry_failed, report=report)
