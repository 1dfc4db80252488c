"""Write a simplified network as an ONNX graph, in floating point or with 8-bit integers.

The few operators of our networks are written here, rather than by `torch.onnx`: that takes seconds
and another dependency, changes names with every version, and the names are what the ranges of the
integers hang on.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node

from facewise.runtime.fusion import layer_of
from facewise.runtime.quantization import Ranges, filter_scales, is_quantized, scale_and_zero

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPSET = 17
_IR_VERSION = 8  # of opset 17: older runtimes refuse what onnx would write by default
INPUT = "pictures"


def onnx_graph(
    graph: GraphModule,
    example: Tensor,
    dynamic: Mapping[int, str],
    ranges: Ranges | None = None,
) -> bytes:
    """The graph as the content of an ONNX file.

    Args:
        graph: what `facewise.runtime.fusion.simplified` gives.
        example: an input.
        dynamic: names of the input's dimensions that vary; the others are fixed.
        ranges: write convolutions with 8-bit integers in these ranges (QDQ form: float operators
            between pairs of QuantizeLinear and DequantizeLinear, which runtimes fuse).

    Returns:
        A model whose one input is `INPUT`, float32 (n, 3, h, w).

    Raises:
        NotImplementedError: the network has an operator that is not written here.
    """
    return _Writer(graph, ranges).write(example, dynamic)


class _Writer(Interpreter):
    """Runs the graph on an example and writes down each step: shapes are then plain numbers."""

    def __init__(self, graph: GraphModule, ranges: Ranges | None) -> None:
        super().__init__(graph)
        import onnx

        self._onnx = onnx
        self._graph = graph
        self._ranges = ranges
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._names: dict[Node, str] = {}
        self._scales: dict[Node, float] = {}

    def write(self, example: Tensor, dynamic: Mapping[int, str]) -> bytes:
        onnx = self._onnx
        with torch.inference_mode():
            results = self.run(example)
        shape = [dynamic.get(i, size) for i, size in enumerate(example.shape)]
        [output] = (node for node in self._graph.graph.nodes if node.op == "output")
        helper, kind = onnx.helper, onnx.TensorProto.FLOAT
        values = results if isinstance(results, tuple) else (results,)
        outputs = [
            helper.make_tensor_value_info(self._names[node], kind, [None] * value.ndim)
            for node, value in zip(output.all_input_nodes, values, strict=True)
        ]
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info(INPUT, kind, shape)],
            outputs,
            self._constants,
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)
        content: bytes = model.SerializeToString()
        return content

    def run_node(self, n: Node) -> Any:
        """Run one step, and write it if its result is a tensor."""
        result = super().run_node(n)
        if n.op == "output" or not isinstance(result, Tensor):
            return result
        if n.op == "placeholder":
            self._names[n] = INPUT
        elif n.op == "get_attr":
            self._names[n] = self.constant(n.name, result)
        else:
            self._names[n] = self._write(n)
        if self._ranges is not None and is_quantized(self._graph, n, result):
            self._quantize(n, *self._ranges[n.name])
        return result

    def _write(self, n: Node) -> str:
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        inputs = [self._names[source] for source in n.all_input_nodes if source in self._names]
        if n.op == "call_module":
            layer = layer_of(self._graph, n)
            assert layer is not None  # noqa: S101 - for mypy
            return self._layer(n, layer, inputs, args[0])
        step = _STEPS.get(n.target)
        if step is None:
            raise NotImplementedError(f"{n.format_node()}: no ONNX operator is known for it")
        return step(_Call(self, n.name, inputs, args, kwargs))

    def _layer(self, n: Node, layer: nn.Module, inputs: list[str], x: Tensor) -> str:
        match layer:
            case nn.Conv2d():
                return self._convolution(n, layer, inputs[0])
            case nn.Linear():
                weights = [self.constant(f"{n.name}.weight", layer.weight)]
                if layer.bias is not None:
                    weights.append(self.constant(f"{n.name}.bias", layer.bias))
                return self.node("Gemm", n.name, [*inputs, *weights], transB=1)
            case nn.ReLU():
                return self.node("Relu", n.name, inputs)
            case nn.Hardtanh():  # ReLU6 is one
                limits = [
                    self.constant(f"{n.name}.{key}", torch.tensor(float(value)))
                    for key, value in (("min", layer.min_val), ("max", layer.max_val))
                ]
                return self.node("Clip", n.name, [*inputs, *limits])
            case nn.PReLU():
                weight = layer.weight.reshape(-1, *[1] * (x.ndim - 2))
                slope = self.constant(f"{n.name}.slope", weight)
                return self.node("PRelu", n.name, [*inputs, slope])
            case nn.BatchNorm1d() | nn.BatchNorm2d():
                parts = [
                    self.constant(f"{n.name}.{key}", getattr(layer, key))
                    for key in ("weight", "bias", "running_mean", "running_var")
                ]
                return self.node("BatchNormalization", n.name, [*inputs, *parts], epsilon=layer.eps)
            case nn.MaxPool2d():
                return self.pool(
                    "MaxPool",
                    n.name,
                    inputs,
                    layer.kernel_size,
                    layer.stride,
                    layer.padding,
                    ceil_mode=int(layer.ceil_mode),
                )
            case nn.AdaptiveAvgPool2d(output_size=1 | (1, 1)):
                return self.node("GlobalAveragePool", n.name, inputs)
            case nn.Flatten(start_dim=1, end_dim=-1):
                return self.node("Flatten", n.name, inputs, axis=1)
        raise NotImplementedError(f"{layer}: no ONNX operator is known for it")

    def _convolution(self, n: Node, conv: nn.Conv2d, source: str) -> str:
        scale = self._scales.get(n.all_input_nodes[0])
        if scale is None:
            inputs = [source, self.constant(f"{n.name}.weight", conv.weight)]
            if conv.bias is not None:
                inputs.append(self.constant(f"{n.name}.bias", conv.bias))
        else:
            inputs = [source, *self._integer_weights(n.name, conv, scale)]
        return self.node(
            "Conv",
            n.name,
            inputs,
            kernel_shape=conv.kernel_size,
            strides=conv.stride,
            pads=(*conv.padding, *conv.padding),
            dilations=conv.dilation,
            group=conv.groups,
        )

    def _integer_weights(self, name: str, conv: nn.Conv2d, input_scale: float) -> list[str]:
        """The weights as int8, each filter with its own scale; the bias as the sums' int32."""
        weight, scale = conv.weight.detach().double(), filter_scales(conv.weight)
        whole = (weight / scale.reshape(-1, 1, 1, 1)).round().to(torch.int8)
        inputs = [self._dequantized(f"{name}.weight", whole, scale)]
        if conv.bias is not None:
            steps = scale * input_scale
            bias = (conv.bias.detach().double() / steps).round().clamp(-(2**31), 2**31 - 1)
            inputs.append(self._dequantized(f"{name}.bias", bias.to(torch.int32), steps))
        return inputs

    def _dequantized(self, name: str, whole: Tensor, scale: Tensor) -> str:
        zero = torch.zeros(len(scale), dtype=whole.dtype)
        parts = [
            self.constant(f"{name}.integers", whole),
            self.constant(f"{name}.scale", scale.float()),
            self.constant(f"{name}.zero", zero),
        ]
        return self.node("DequantizeLinear", name, parts, axis=0)

    def _quantize(self, n: Node, low: float, high: float) -> None:
        """Round a result to 8 bits."""
        scale, zero = scale_and_zero(low, high)
        name = self._names[n]
        parts = [
            self.constant(f"{name}.scale", torch.tensor(scale, dtype=torch.float32)),
            self.constant(f"{name}.zero", torch.tensor(zero, dtype=torch.uint8)),
        ]
        whole = self.node("QuantizeLinear", f"{name}.uint8", [name, *parts])
        self._names[n] = self.node("DequantizeLinear", f"{name}.rounded", [whole, *parts])
        self._scales[n] = scale

    def node(self, operator_name: str, name: str, inputs: list[str], **attributes: Any) -> str:
        """Add a step; gives the name of its result, which is its own."""
        self._nodes.append(
            self._onnx.helper.make_node(operator_name, inputs, [name], name=name, **attributes)
        )
        return name

    def constant(self, name: str, value: Tensor) -> str:
        """Add a constant."""
        array: NDArray[Any] = value.detach().contiguous().numpy()
        self._constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def pool(
        self,
        operator_name: str,
        name: str,
        inputs: list[str],
        kernel: Any,
        stride: Any = None,
        padding: Any = 0,
        **attributes: int,
    ) -> str:
        """Add a pooling with torch's arguments."""
        return self.node(
            operator_name,
            name,
            inputs,
            kernel_shape=_pair(kernel),
            strides=_pair(kernel if stride is None else stride),
            pads=_pair(padding) * 2,
            **attributes,
        )


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


class _Call(NamedTuple):
    """A call of a function or method in the network: torch's arguments, and the inputs' names."""

    writer: _Writer
    name: str
    inputs: list[str]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def write(self, operator_name: str, **attributes: Any) -> str:
        return self.writer.node(operator_name, self.name, self.inputs, **attributes)

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        return self.args[place] if len(self.args) > place else self.kwargs.get(name, default)


_Step = Callable[[_Call], str]


def _plain(operator_name: str) -> _Step:
    """An operator without attributes."""
    return lambda call: call.write(operator_name)


def _along(operator_name: str, keyword: str = "dim") -> _Step:
    """An operator along one dimension, torch's second argument."""
    return lambda call: call.write(operator_name, axis=call.argument(1, keyword, 0))


def _pool(call: _Call, operator_name: str, **attributes: int) -> str:
    kernel = call.argument(1, "kernel_size")
    stride, padding = call.argument(2, "stride"), call.argument(3, "padding", 0)
    return call.writer.pool(
        operator_name, call.name, call.inputs, kernel, stride, padding, **attributes
    )


def _max_pool(call: _Call) -> str:
    return _pool(call, "MaxPool", ceil_mode=int(call.kwargs.get("ceil_mode", False)))


def _pad(call: _Call) -> str:
    x, amounts = call.args
    # torch counts from the last dimension, in pairs; ONNX has all beginnings, then all ends.
    pairs = [tuple(amounts[i : i + 2]) for i in range(0, len(amounts), 2)]
    pairs = [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]
    values = torch.tensor([*(a for a, _ in pairs), *(b for _, b in pairs)], dtype=torch.int64)
    call.inputs.append(call.writer.constant(f"{call.name}.amounts", values))
    return call.write("Pad")


def _mean(call: _Call) -> str:
    axes, keep = call.argument(1, "dim"), call.argument(2, "keepdim", False)
    return call.write("ReduceMean", axes=list(axes), keepdims=int(keep))


def _normalize(call: _Call) -> str:
    """Over the Euclidean length, as `F.normalize` does when told no more than `dim`."""
    length = call.writer.node(
        "ReduceL2", f"{call.name}.length", call.inputs, axes=[call.kwargs["dim"]], keepdims=1
    )
    least = call.writer.constant(f"{call.name}.least", torch.tensor(1e-12))
    call.inputs.append(call.writer.node("Max", f"{call.name}.divisor", [length, least]))
    return call.write("Div")


def _prelu(call: _Call) -> str:
    x, weight = call.args
    slope = weight.reshape(-1, *[1] * (x.ndim - 2))
    call.inputs[1] = call.writer.constant(f"{call.name}.slope", slope)
    return call.write("PRelu")


_STEPS: Mapping[Any, _Step] = {
    F.prelu: _prelu,
    F.relu: _plain("Relu"),
    torch.relu: _plain("Relu"),
    torch.sigmoid: _plain("Sigmoid"),
    operator.add: _plain("Add"),
    operator.mul: _plain("Mul"),
    torch.cat: _along("Concat"),
    "softmax": _along("Softmax"),
    "flatten": _along("Flatten", "start_dim"),
    F.max_pool2d: _max_pool,
    F.avg_pool2d: lambda call: _pool(call, "AveragePool"),
    F.pad: _pad,
    "mean": _mean,
    F.normalize: _normalize,
    "permute": lambda call: call.write("Transpose", perm=list(call.args[1:])),
}
