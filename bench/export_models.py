"""Export every model in every format, run each file in its own runtime, and print how near it is.

    python -m bench.export_models ../shared --format onnx openvino torchscript executorch

Formats whose packages are missing are left out, with the reason. Weights that are not on the
machine are random (marked *), with batch norms that fit real chips, so that faces give different
vectors; such a network exaggerates rounding, so it is exported in float32 alone. Calibration and
loss are on people of LFW, one picture of each 95th. A row has the worse
of files with and without preprocessing.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from inspect import signature
from pathlib import Path

import safetensors.torch
import torch

from facewise import zoo
from facewise.embedding.architectures import ARCHITECTURES
from facewise.embedding.embedder import normalised
from facewise.embedding.heads import Head
from facewise.embedding.proof import proof_chips
from facewise.errors import ExtraMissingError, FacewiseError
from facewise.model_export import FORMATS, export_model
from facewise.model_export.formats import the_format

PRECISIONS = ("float32", "float16", "int8")


def lively_weights(spec: zoo.ModelSpec, folder: Path) -> Path:
    """Random weights of a model's architecture."""
    torch.manual_seed(0)
    build = ARCHITECTURES[spec.architecture]
    options = {}
    if "head" in signature(build).parameters:
        options["head"] = Head("normed", spec.embedding_size)
    network = build(**options).train()
    for layer in network.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    with torch.no_grad():
        network(normalised(proof_chips(spec.crop), spec, torch.device("cpu")).contiguous())
    path = folder / f"{spec.id}.safetensors"
    safetensors.torch.save_file(network.state_dict(), path)
    return path


def own_weights(spec: zoo.ModelSpec, shared: Path) -> Path | None:
    """The weights of a model, if they are on the machine."""
    if spec.weights.bundled:
        return zoo.weights_path(spec)
    path = shared / "weights" / spec.weights.filename
    return path if path.is_file() else None


def rows(spec, formats, precisions, shared, pictures):
    with tempfile.TemporaryDirectory() as folder:
        weights = own_weights(spec, shared)
        known = weights is not None
        if weights is None:
            if spec.format == "onnx" or spec.task == "detect":
                return
            weights = lively_weights(spec, Path(folder))
        for name in formats:
            for precision in precisions if known else ("float32",):
                if precision not in the_format(name).PRECISIONS:
                    continue
                try:
                    found = list(
                        exported_both_ways(spec, name, precision, weights, pictures, folder)
                    )
                except FacewiseError as error:
                    yield f"| {spec.id} | {name} | {precision} | – | {error} | – |"
                    continue
                for ways in zip(*found, strict=True):
                    worst = max(ways, key=lambda each: each.parity.difference)
                    loss = worst.loss
                    yield (
                        f"| {worst.name}{'' if known else '*'} | {name} | {precision} | "
                        f"{worst.size / 1e6:.2f} | {worst.parity} | "
                        f"{'–' if loss is None else f'{loss} ({loss.pictures})'} |"
                    )


def exported_both_ways(spec, name, precision, weights, pictures, folder):
    """In float32 with and without preprocessing, otherwise with."""
    for preprocess in (False, True) if precision == "float32" else (True,):
        yield export_model(
            spec.id,
            name,
            Path(folder) / f"{name}-{precision}-{preprocess}",
            weights=weights,
            precision=precision,
            preprocess=preprocess,
            calibration=() if precision == "float32" else pictures,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("shared", type=Path)
    parser.add_argument("--format", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--model", nargs="+", help="default: all of the zoo")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    formats = []
    for name in arguments.format:
        try:
            with tempfile.TemporaryDirectory() as folder:
                export_model("mtcnn", name, folder)
            formats.append(name)
        except ExtraMissingError as error:
            print(f"{name}: left out: {error}\n")
    people = sorted((arguments.shared / "data/lfw/lfw-deepfunneled").glob("*/*_0001.jpg"))
    pictures = people[::95]
    print("| network | format | precision | MB | parity | loss on LFW (pictures) |")
    print("|---|---|---|---|---|---|")
    for spec in zoo.list_specs():
        if arguments.model and spec.id not in arguments.model:
            continue
        for row in rows(spec, formats, arguments.precision, arguments.shared, pictures):
            print(row, flush=True)


if __name__ == "__main__":
    main()
