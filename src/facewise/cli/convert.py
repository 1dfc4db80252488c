"""`facewise convert`: checkpoints of other projects as models of facewise."""

from __future__ import annotations

import hashlib
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


class _Normalisation(str, Enum):
    """Keys of `facewise.convert.tensorflow.NORMALISATIONS`."""

    fixed = "fixed"
    per_image = "per-image"


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

_Folder = Annotated[
    Path,
    typer.Option(metavar="FOLDER", file_okay=False, help="Write there.", show_default=False),
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


@app.command()
def tensorflow(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT|FROZEN.pb",
            help="A frozen graph, or a checkpoint: its folder, one of its files, or what their "
            "names begin with.",
            show_default=False,
        ),
    ],
    out: _Out,
    normalisation: Annotated[
        _Normalisation | None,
        typer.Option(
            help="How the network was shown pixels: (pixel - 127.5) / 128, or each picture by its "
            "own mean and deviation. Default: fixed, but per-image for embeddings of 128 numbers.",
            show_default=False,
        ),
    ] = None,
    margin: Annotated[
        int, typer.Option(metavar="PIXELS", help="Around the box, in pixels of the 160×160 chip.")
    ] = 32,
    parity: Annotated[
        bool,
        typer.Option(
            "--parity",
            help="Run the file's own graph too, with TensorFlow, and compare what both give for "
            "random pictures. Only for files you trust.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the random pictures.")] = 0,
) -> None:
    """Convert an Inception-ResNet-v1 of davidsandberg/facenet (512 or 128 numbers)."""
    from facewise.convert.tensorflow import convert_tensorflow

    _require_free(out)
    network, spec = convert_tensorflow(
        source,
        normalisation=None if normalisation is None else normalisation.value,
        margin=margin,
    )
    if parity:
        _compare(source, network, seed)
    _write(out, network, spec)


@app.command()
def dlib(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A .dat of dlib's face recognition network or five-point shape predictor, or the "
            "archive of face-recognition-models 0.3.0 with both.",
            show_default=False,
        ),
    ],
    out: _Folder,
) -> None:
    """Convert dlib's face network or landmark predictor to the files facewise brings."""
    from facewise.convert.dlib_files import convert_dlib

    for name, content in convert_dlib(file).items():
        _write_file(out / name, content)


@app.command()
def mtcnn(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="The three networks: det1.npy to det3.npy, .caffemodel, or .pt of "
            "facenet-pytorch; or their folder.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE.safetensors", dir_okay=False, help="Write this.", show_default=False
        ),
    ],
) -> None:
    """Convert the three networks of MTCNN from TensorFlow's line, Caffe or facenet-pytorch."""
    from facewise.convert.mtcnn import convert_mtcnn

    if out.suffix != ".safetensors":
        raise typer.BadParameter(f"--out {out}: expected a name that ends in .safetensors")
    _write_file(out, convert_mtcnn(files))
    if not _finds_a_face(out):
        typer.echo(
            "warning: with these weights no face is found in the picture that comes with facewise; "
            "were they trained with other conventions (docs/converting.md)?",
            err=True,
        )
    typer.echo(f"use it with --detector mtcnn={out}")


def _compare(source: Path, network: nn.Module, seed: int) -> None:
    """Print what the original and ours give, as facenet-pytorch's converter does."""
    from facewise.convert.tensorflow.parity import LIMIT
    from facewise.convert.tensorflow.parity import parity as compared

    found = compared(source, network, seed=seed)
    typer.echo(f"TensorFlow:\n{found.theirs}\nfacewise:\n{found.ours}")
    typer.echo(f"distance {found.distance:.3g}")
    if not found.distance <= LIMIT:
        raise FacewiseError(
            f"{source}: the converted network is another: distance {found.distance:.3g}, expected "
            f"at most {LIMIT:g}; nothing was written"
        )


def _finds_a_face(weights: Path) -> bool:
    import facewise.detection
    from facewise.embedding.proof import known_picture

    detector = facewise.detection.load_detector("mtcnn", weights)
    return len(detector.detect([known_picture()])[0]) > 0


def _write_file(path: Path, content: bytes) -> None:
    """A file that is there already is not replaced."""
    from facewise._files import replace_file

    if path.exists():
        raise FacewiseError(f"{path}: is there already; choose another name")
    replace_file(path, content)
    digest = hashlib.sha256(content).hexdigest()
    typer.echo(f"{path}: {len(content)} bytes, sha256 {digest}")


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
