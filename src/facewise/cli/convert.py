"""`facewise convert`: checkpoints of other projects as models of facewise."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.errors import FacewiseError

if TYPE_CHECKING:
    from torch import nn

    from facewise.zoo import ModelSpec

app = typer.Typer(
    help="Make models of other projects' checkpoints, without running what is in them.",
    no_args_is_help=True,
)


class _Preparation(str, Enum):
    """Keys of `facewise.convert.vggface2_triplet.PREPARATIONS`."""

    s160 = "160"
    s224_margin = "224-margin"
    s224 = "224"
    s140 = "140"


_File = Annotated[Path, typer.Argument(metavar="FILE", help="The checkpoint.", show_default=False)]
_Out = Annotated[
    Path,
    typer.Option(
        metavar="FOLDER",
        file_okay=False,
        help="Write model.safetensors and spec.json there.",
        show_default=False,
    ),
]


@app.command()
def facerec(file: _File, out: _Out) -> None:
    """Convert an IR or IR-SE network of egcode/facerec (`.pth`)."""
    from facewise.convert.facerec import convert_facerec

    _require_free(out)
    _write(out, *convert_facerec(file))


@app.command("vggface2-triplet")
def vggface2_triplet(
    file: _File,
    out: _Out,
    architecture: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="resnet18 to resnet152, inceptionresnetv2 or mobilenetv2, where the file does "
            "not tell.",
            show_default=False,
        ),
    ] = None,
    embedding_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Length of the embedding, where the file states a wrong one.",
            show_default=False,
        ),
    ] = None,
    preparation: Annotated[
        _Preparation | None,
        typer.Option(
            help="How the faces were cut and normalised (see docs/converting.md). Default: as "
            "the project did when it had this head.",
            show_default=False,
        ),
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS", min=32, help="Side of the faces, if another.", show_default=False
        ),
    ] = None,
) -> None:
    """Convert a checkpoint of tamerthamoqa/facenet-pytorch-vggface2 or -glint360k (`.pt`)."""
    from facewise.convert.vggface2_triplet import convert_vggface2_triplet

    _require_free(out)
    network, spec = convert_vggface2_triplet(
        file,
        architecture=architecture,
        embedding_size=embedding_size,
        preparation=None if preparation is None else preparation.value,
        input_size=input_size,
    )
    _write(out, network, spec)


def _require_free(folder: Path) -> None:
    """A model that is there already is not replaced."""
    from facewise.embedding.folder import WEIGHTS_NAME
    from facewise.zoo import SPEC_NAME

    for name in (SPEC_NAME, WEIGHTS_NAME):
        if (folder / name).exists():
            raise FacewiseError(f"{folder}: holds {name} already; choose another folder")


def _write(folder: Path, network: nn.Module, spec: ModelSpec) -> None:
    from facewise.embedding.folder import write_model_folder

    typer.echo(f"{spec.id}: {write_model_folder(folder, network, spec)}")
    typer.echo(
        f"faces of {spec.input_size}×{spec.input_size} pixels to {spec.embedding_size} numbers; "
        f"licence: {spec.weights.licence}"
    )
    typer.echo(spec.notes)
    typer.echo(f"use it with --model {folder}")
