"""OpenVINO's files (`.xml` with the weights in `.bin` beside), made of the ONNX model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facewise._extras import needed
from facewise.errors import ModelError
from facewise.model_export import onnx_file
from facewise.model_export.formats import Runner, Wanted
from facewise.model_export.metadata import KEY
from facewise.model_export.parts import Part

SUFFIX = ".xml"
BESIDE = (".bin",)
PRECISIONS = ("float32", "float16", "int8")


def write(part: Part, wanted: Wanted, path: Path) -> None:
    """See `facewise.model_export.formats.Format`.

    In float16 the weights are; what OpenVINO computes in is its own choice on each device.
    """
    openvino = needed("openvino", "the format 'openvino'", "openvino")
    half = wanted.precision == "float16"
    exact = Wanted(
        precision="float32" if half else wanted.precision,
        preprocess=wanted.preprocess,
        metadata=wanted.metadata,
        calibration=wanted.calibration,
    )
    content = onnx_file.model_of(part, exact).SerializeToString()
    model = openvino.Core().read_model(content)
    model.set_rt_info(wanted.metadata, [KEY])
    openvino.save_model(model, path, compress_to_fp16=half)


def opened(path: Path) -> Runner:
    """See `facewise.model_export.formats.Format`."""
    openvino = needed("openvino", "the format 'openvino'", "openvino")
    # By itself OpenVINO computes in bfloat16 where the processor can.
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", settings)

    def run(batch: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
        answers = compiled([batch])
        return tuple(np.array(answers[output]) for output in compiled.outputs)

    return run


def metadata(path: Path) -> str:
    """See `facewise.model_export.formats.Format`."""
    openvino = needed("openvino", "the format 'openvino'", "openvino")
    try:
        model = openvino.Core().read_model(path)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelError(f"{path}: not a file of OpenVINO ({reason})") from None
    return str(model.get_rt_info([KEY]).value) if model.has_rt_info([KEY]) else ""
