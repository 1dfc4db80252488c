"""ONNX files, by facewise's own writer; run by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facewise._extras import needed
from facewise.errors import ModelError
from facewise.model_export import onnx_changes
from facewise.model_export.formats import Runner, Wanted
from facewise.model_export.metadata import KEY
from facewise.model_export.parts import Part
from facewise.runtime.fusion import simplified
from facewise.runtime.onnx_graph import onnx_graph
from facewise.runtime.quantization import Ranges, observe

SUFFIX = ".onnx"
BESIDE: tuple[str, ...] = ()
PRECISIONS = ("float32", "float16", "int8")


def write(part: Part, wanted: Wanted, path: Path) -> None:
    """See `facewise.model_export.formats.Format`."""
    path.write_bytes(model_of(part, wanted).SerializeToString())


def model_of(part: Part, wanted: Wanted) -> Any:
    """The network as an `onnx.ModelProto`."""
    onnx = needed("onnx", "the format 'onnx'", "onnx")
    if part.module is None:
        if wanted.precision != "float32":
            raise ModelError(
                f"{part.name}: comes as a graph, which is not rewritten in {wanted.precision}"
            )
        model = onnx.load(part.graph)
        onnx_changes.free_batch(model, part.dynamic[0])
        onnx_changes.with_unit_vectors(model)
    else:
        graph = simplified(part.module)
        ranges: Ranges | None = None
        if wanted.precision == "int8":
            ranges = observe(graph, (part.input(pixels) for pixels in wanted.calibration))
        try:
            content = onnx_graph(graph, part.input(part.proofs[0]), part.dynamic, ranges)
        except NotImplementedError as error:
            raise ModelError(
                f"{part.name}: facewise cannot write it as ONNX ({error}); take torchscript"
            ) from None
        model = onnx.load_from_string(content)
    onnx_changes.with_names(model, part.outputs, part.dynamic)
    if wanted.precision == "float16":
        onnx_changes.in_half(model)
    if wanted.preprocess:
        onnx_changes.with_preprocessing(model, part.spec.normalisation)
    model.producer_name = KEY
    onnx.helper.set_model_props(model, {KEY: wanted.metadata})
    onnx.checker.check_model(model)
    return model


def opened(path: Path) -> Runner:
    """See `facewise.model_export.formats.Format`."""
    onnxruntime = needed("onnxruntime", "the format 'onnx'", "onnx")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()

    def run(batch: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
        return tuple(session.run(None, {source.name: batch}))

    return run


def metadata(path: Path) -> str:
    """See `facewise.model_export.formats.Format`."""
    onnx = needed("onnx", "the format 'onnx'", "onnx")
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    except Exception as error:  # protobuf's errors are not onnx's
        raise ModelError(f"{path}: not an ONNX file ({type(error).__name__})") from None
    return next((each.value for each in model.metadata_props if each.key == KEY), "")
