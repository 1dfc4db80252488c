"""Changes to an ONNX model: names, a batch of any size, 16-bit numbers, pixels as input.

All work on `onnx.ModelProto` in place. Operators are those of opset 9 to 17.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from facewise.zoo import Normalisation

_LARGEST = float(np.finfo(np.float16).max)
_PIXELS = "pixels"
_KEPT = ("QuantizeLinear", "DequantizeLinear")


def with_names(model: Any, outputs: Sequence[str], dynamic: Mapping[int, str]) -> None:
    """Name the outputs, and the dimensions that vary."""
    names = dict(zip((o.name for o in model.graph.output), outputs, strict=True))
    for node in model.graph.node:
        for side in (node.input, node.output):
            side[:] = [names.get(name, name) for name in side]
    for output in model.graph.output:
        output.name = names[output.name]
        output.type.tensor_type.shape.dim[0].dim_param = dynamic[0]


def free_batch(model: Any, name: str) -> None:
    """Let the batch be of any size, in what the model says; whether it can is seen when it runs."""
    known = {tensor.name for tensor in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.output):
        if value.name not in known:
            value.type.tensor_type.shape.dim[0].dim_param = name
    del model.graph.value_info[:]


def with_unit_vectors(model: Any) -> None:
    """Divide the model's one output, vectors (n, d), by their length."""
    from onnx import helper

    (output,) = model.graph.output
    inner = f"{output.name}.raw"
    for node in model.graph.node:
        node.output[:] = [inner if name == output.name else name for name in node.output]
        node.input[:] = [inner if name == output.name else name for name in node.input]
    model.graph.node.append(
        helper.make_node("LpNormalization", [inner], [output.name], axis=1, p=2)
    )


def in_half(model: Any) -> None:
    """Compute in 16-bit floating point; what goes in and out stays float32."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor).clip(-_LARGEST, _LARGEST).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    source = _source(graph)
    half = f"{source.name}.half"
    _replace_input(graph, source.name, half)
    graph.node.insert(0, helper.make_node("Cast", [source.name], [half], to=TensorProto.FLOAT16))
    for output in graph.output:
        inner = f"{output.name}.half"
        for node in graph.node:
            node.output[:] = [inner if name == output.name else name for name in node.output]
            node.input[:] = [inner if name == output.name else name for name in node.input]
        graph.node.append(helper.make_node("Cast", [inner], [output.name], to=TensorProto.FLOAT))


def with_preprocessing(model: Any, normalisation: Normalisation) -> None:
    """Take RGB pixels, uint8 (n, h, w, 3), instead of normalised pictures (n, 3, h, w)."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    source = _source(graph)
    nodes: list[Any] = []

    def constant(name: str, values: Any, kind: Any = np.float32) -> str:
        array = np.asarray(values, kind)
        graph.initializer.append(numpy_helper.from_array(array, f"preprocessing.{name}"))
        return f"preprocessing.{name}"

    def step(operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    x = step("Cast", [_PIXELS], "preprocessing.numbers", to=TensorProto.FLOAT)
    if normalisation.colour == "bgr":
        order = constant("order", [2, 1, 0], np.int64)
        x = step("Gather", [x, order], "preprocessing.bgr", axis=3)
    if normalisation.per_image:
        axes: dict[str, Any] = {"axes": [1, 2, 3], "keepdims": 1}
        mean = step("ReduceMean", [x], "preprocessing.mean", **axes)
        x = step("Sub", [x, mean], "preprocessing.centred")
        square = step("Mul", [x, x], "preprocessing.square")
        variance = step("ReduceMean", [square], "preprocessing.variance", **axes)
        deviation = step("Sqrt", [variance], "preprocessing.deviation")
        dims = [d.dim_value for d in source.type.tensor_type.shape.dim][1:]
        least = constant("least", float(np.prod(dims)) ** -0.5)
        deviation = step("Max", [deviation, least], "preprocessing.divisor")
        x = step("Div", [x, deviation], "preprocessing.normal")
    else:
        x = step("Sub", [x, constant("mean", normalisation.mean)], "preprocessing.centred")
        scale = constant("scale", 1 / np.asarray(normalisation.std, np.float32))
        x = step("Mul", [x, scale], "preprocessing.normal")
    step("Transpose", [x], source.name, perm=[0, 3, 1, 2])

    batch, _, height, width = (
        d.dim_param or d.dim_value for d in source.type.tensor_type.shape.dim
    )
    shape = [batch, height, width, 3]
    source.CopyFrom(helper.make_tensor_value_info(_PIXELS, TensorProto.UINT8, shape))
    for node in reversed(nodes):
        graph.node.insert(0, node)


def _source(graph: Any) -> Any:
    """The one input that is no constant."""
    known = {tensor.name for tensor in graph.initializer}
    (source,) = (value for value in graph.input if value.name not in known)
    return source


def _replace_input(graph: Any, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
