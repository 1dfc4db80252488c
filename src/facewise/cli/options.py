"""Arguments and options that several commands have."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer


class DetectionMode(str, Enum):
    """Modes of MTCNN."""

    exact = "exact"
    fast = "fast"


class NetworkBackend(str, Enum):
    """What runs a network."""

    auto = "auto"
    torch = "torch"
    onnxruntime = "onnxruntime"
    openvino = "openvino"


class NumberFormat(str, Enum):
    """What a network computes in."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"
    int8 = "int8"


Photos: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="PHOTO...",
        help="Pictures, folders, patterns such as 'photos/**/*.jpg', "
        "or - for one picture from standard input.",
        show_default=False,
    ),
]
Model: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Embedder, the folder of a training, or a spec file; ID=FILE: weights of your own.",
        show_default=False,
    ),
]
Detector: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="ID", help="Detector; ID=FILE takes weights of your own.", show_default=False
    ),
]
Device: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="cpu (the default), cuda, cuda:1, mps or auto."),
]
Mode: TypeAlias = Annotated[
    DetectionMode | None,
    typer.Option(
        help="How MTCNN looks: exact as facenet-pytorch does, or fast.", show_default=False
    ),
]
Backend: TypeAlias = Annotated[
    NetworkBackend | None,
    typer.Option(help="What runs the networks; auto takes the fastest that is here and proves."),
]
Precision: TypeAlias = Annotated[
    NumberFormat | None,
    typer.Option(
        help="What the embedder computes in; auto takes the fastest the processor has and proves."
    ),
]
Far: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="Use the threshold that was measured for this false-accept rate (default: 0.001, or "
        "the lowest that was measured).",
    ),
]
Similarity: TypeAlias = Annotated[
    float | None,
    typer.Option("--threshold", metavar="COSINE", help="Use this similarity as the threshold."),
]
Calibrated: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        dir_okay=False,
        help="Say how probable it is, by this calibration of the model (`facewise calibrate`), "
        "and take the threshold from it.",
    ),
]
Json: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        dir_okay=False,
        help="Write the result as JSON; - writes it, and nothing else, to standard output.",
    ),
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", file_okay=False, help="Write the pictures with what was found drawn on them."
    ),
]
Cache: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache",
        help="Remember what was found in files, in the cache folder, "
        "so that an interrupted run goes on where it stopped.",
    ),
]
