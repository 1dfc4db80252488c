"""Run a network with 8-bit integers in PyTorch: oneDNN's integer convolutions, called directly.

Between convolutions maps are uint8 with a scale and a zero point, fixed beforehand (`Ranges`).
Activations and the sum of a residual block are part of the convolution; maxima are taken of the
integers. What else a network has is computed in float32, on maps that are converted for it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node

from facewise.runtime.fusion import activation_of, layer_of, only_user, shapes
from facewise.runtime.quantization import Ranges, filter_scales, scale_and_zero

_ADDITIONS = (operator.add, operator.iadd, torch.add)
_ENTRY = 16  # bytes of complex128
_CONCATENATIONS = (torch.cat, torch.concat)


@cache
def available() -> bool:
    """Whether this PyTorch has the operators, and they compute what is expected here.

    They are not part of its stable interface, and their arguments have changed before.
    """
    try:
        with torch.inference_mode():
            conv = nn.Conv2d(16, 16, 1, bias=False)
            conv.weight.copy_(2 * torch.eye(16)[:, :, None, None])
            halves, ones = _Steps(0.5, 10), _Steps(1.0, 0)
            x, added = (
                torch.full((1, 16, 2, 2), value, dtype=torch.uint8).contiguous(
                    memory_format=torch.channels_last
                )
                for value in (14, 100)
            )
            alone = _Convolution(conv, None, x.shape, halves, halves, None)(x)
            total = _Convolution(conv, (0.0, math.inf), x.shape, halves, ones, ones)(x, added)
            pooled = torch.ops.quantized.max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], False)
        return bool((alone == 18).all() and (total == 104).all() and (pooled == 14).all())
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return False


class _Steps(NamedTuple):
    """How the integers of a map stand for numbers: `(integer - zero) * scale`."""

    scale: float
    zero: int


class _Convolution(nn.Module):
    """A convolution of uint8 maps, with its activation, and with a map to add before that."""

    def __init__(
        self,
        conv: nn.Conv2d,
        limits: tuple[float, float] | None,
        shape: torch.Size,
        source: _Steps,
        result: _Steps | None,
        added: _Steps | None,
    ) -> None:
        """Take over a convolution in float32.

        Args:
            conv: the convolution.
            limits: of the result; None for no activation.
            shape: of the input that the order of the weights is chosen for; others work too.
            source: of the input.
            result: of the result; None for a result in float32.
            added: of the map that is added; None for none.
        """
        super().__init__()
        place = [list(value) for value in (conv.stride, conv.padding, conv.dilation)]
        stride, padding, dilation = place
        scales = filter_scales(conv.weight)
        whole = (conv.weight.detach() / scales.reshape(-1, 1, 1, 1)).round().to(torch.int8)
        scales = scales.float()
        packed = torch.ops.onednn.qconv_prepack(
            whole, scales, *source, stride, padding, dilation, conv.groups, list(shape)
        )
        bias = None if conv.bias is None else conv.bias.detach()
        self._input = source
        self._settings = (packed, scales, torch.zeros(len(scales), dtype=torch.int64))
        self._rest = (bias, *place, conv.groups)
        self._output = (1.0, 0, torch.float32) if result is None else (*result, torch.uint8)
        self._added = added
        activation: tuple[str, list[float], str] = ("none", [], "")
        if limits is not None:
            relu = limits == (0.0, math.inf)
            activation = ("relu", [], "") if relu else ("hardtanh", list(limits), "")
        self._activation = activation

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """(n, c, h, w) to (n, c', h', w'), where `added` has that shape; it is used up."""
        convolve: Any = torch.ops.onednn.qconv2d_pointwise
        if self._added is None:
            result: Tensor = convolve(
                x, *self._input, *self._settings, *self._rest, *self._output, *self._activation
            )
            return result
        name, values, kind = self._activation
        total: Tensor = convolve.binary(
            x, *self._input, *self._settings, added, *self._rest, *self._output,
            *self._added, "sum", 1.0, name, values, kind,
        )  # fmt: skip
        return total


class _Maxima(nn.Module):
    """`MaxPool2d` of uint8; PyTorch's own (2.14) refuses maps of more than 255 values."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        sizes = (pool.kernel_size, pool.stride, pool.padding, pool.dilation)
        pairs = [[size, size] if isinstance(size, int) else list(size) for size in sizes]
        self._settings = (*pairs, pool.ceil_mode)
        self._halves = self._settings == ([2, 2], [2, 2], [0, 0], [1, 1], False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, h', w')."""
        if self._halves and x.shape[1] % _ENTRY == 0:
            return _maxima_of_four(x)
        result: Tensor = torch.ops.quantized.max_pool2d(x, *self._settings)
        return result


def _maxima_of_four(x: Tensor) -> Tensor:
    """Maxima of 2×2 pixels, in long vector operations: 20 times as fast on 16 channels."""
    n, c, h, w = x.shape
    x = x.permute(0, 2, 3, 1).contiguous()
    lines = torch.maximum(x[:, 0 : h - 1 : 2], x[:, 1::2]).view(-1)
    # Of each pixel and the next; every second one counts, so the last of a line never does.
    both = torch.empty_like(lines)
    torch.maximum(lines[:-c], lines[c:], out=both[:-c])
    entries = both.view(n, h // 2, w, c).view(torch.complex128)  # copied as one item each
    halved = entries[:, :, 0 : w - 1 : 2].contiguous().view(torch.uint8)
    return halved.permute(0, 3, 1, 2)


class _Fused(NamedTuple):
    """A convolution and what is computed together with it.

    Attributes:
        convolution: the step.
        added: whose map is added to its result, if any.
        limits: of the activation after that, if any.
        last: the step whose result comes out.
    """

    convolution: Node
    added: Node | None
    limits: tuple[float, float] | None
    last: Node


def with_integers(graph: GraphModule, ranges: Ranges, example: Tensor) -> GraphModule:
    """The same network, with integer convolutions.

    Args:
        graph: what `facewise.runtime.fusion.simplified` gives.
        ranges: of its maps, as `facewise.runtime.quantization.observe` gives them.
        example: an input of the shape that matters most.

    Returns:
        A network of float32 inputs, or of uint8 pixels where the range of its input is 0 to 255.
    """
    with torch.inference_mode():
        return _Writer(graph, ranges, shapes(graph, example)).write()


class _Writer:
    """Writes a new graph, step by step; a result is there as integers, as numbers, or as both."""

    def __init__(
        self, graph: GraphModule, ranges: Ranges, known: Mapping[Node, torch.Size]
    ) -> None:
        self._old = graph
        self._known = known
        self._steps = _steps_of(graph, ranges)
        self._new = Graph()
        self._targets: dict[str, Any] = {}
        self._whole: dict[Node, Node] = {}
        self._plain: dict[Node, Node] = {}

    def write(self) -> GraphModule:
        fused, inside = _fused(self._old, self._known, self._steps)
        if not fused:
            raise ValueError("int8: the ranges are of another network")
        for node in self._old.graph.nodes:
            if node in fused:
                self._convolve(fused[node])
            elif node not in inside:
                self._copy(node)
        return GraphModule(self._targets, self._new)

    def _convolve(self, fused: _Fused) -> None:
        conv = layer_of(self._old, fused.convolution)
        assert isinstance(conv, nn.Conv2d)  # noqa: S101 - `_fused` looks for nothing else
        (source,) = fused.convolution.all_input_nodes
        last, steps = fused.last, self._steps.get(fused.last)
        added = None if fused.added is None else self._steps[fused.added]
        name = f"{last.name}_integers"
        self._targets[name] = _Convolution(
            conv, fused.limits, self._known[source], self._steps[source], steps, added
        )
        maps = [source] if fused.added is None else [source, fused.added]
        new = self._new.call_module(name, tuple(self._as_integers(node) for node in maps))
        (self._plain if steps is None else self._whole)[last] = new

    def _copy(self, node: Node) -> None:
        """A step that is no convolution: on integers if it can be, or else on numbers."""
        sources = node.all_input_nodes
        whole = (
            node in self._steps
            and _passes_on(self._old, node)
            and all(source in self._steps for source in sources)
        )
        form = self._as_integers if whole else self._as_numbers
        new = self._new.node_copy(node, form)
        (self._whole if whole else self._plain)[node] = new
        target = str(node.target)
        if node.op == "call_module":
            layer = self._old.get_submodule(target)
            if whole and isinstance(layer, nn.MaxPool2d):  # elsewhere it may be called on numbers
                new.target = f"{node.name}_integers"
                layer = _Maxima(layer)
            self._targets[str(new.target)] = layer
        elif node.op == "get_attr":
            self._targets[target] = self._old.get_parameter(target)

    def _as_integers(self, node: Node) -> Node:
        if node not in self._whole:
            self._whole[node] = self._new.call_function(
                _quantized, (self._plain[node], *self._steps[node])
            )
        return self._whole[node]

    def _as_numbers(self, node: Node) -> Node:
        if node not in self._plain:
            self._plain[node] = self._new.call_function(
                _dequantized, (self._whole[node], *self._steps[node])
            )
        return self._plain[node]


def _fused(
    graph: GraphModule, known: Mapping[Node, torch.Size], steps: Mapping[Node, _Steps]
) -> tuple[dict[Node, _Fused], set[Node]]:
    """The integer convolutions, by the step at whose place each is computed; and all their steps.

    That is the convolution's place, or the addition's, where both maps are there.
    """
    order = {node: place for place, node in enumerate(graph.graph.nodes)}
    found: dict[Node, _Fused] = {}
    inside: set[Node] = set()
    for node in order:
        if not isinstance(layer_of(graph, node), nn.Conv2d) or node.all_input_nodes[0] not in steps:
            continue
        row, added = [node], None
        after = only_user(node)
        if after is not None and after not in found and _adds(graph, after, steps):
            added = _used_up(graph, node, after, order, known, steps)
            row += [] if added is None else [after]
        following = only_user(row[-1])
        limits = None if following is None else activation_of(graph, following)
        if following is not None and limits is not None:
            row.append(following)
        found[node if added is None else row[1]] = _Fused(node, added, limits, row[-1])
        inside.update(row)
    return found, inside


def _adds(graph: GraphModule, node: Node, steps: Mapping[Node, _Steps]) -> bool:
    """Whether a step is a sum that a convolution can end in: of two maps, then ReLU or nothing."""
    after = only_user(node)
    limits = None if after is None else activation_of(graph, after)
    rounded = after if after is not None and limits is not None else node
    return (
        node.target in _ADDITIONS
        and not node.kwargs  # a factor
        and len(node.all_input_nodes) == 2
        and limits in (None, (0.0, math.inf))
        and rounded in steps
    )


def _used_up(
    graph: GraphModule,
    conv: Node,
    addition: Node,
    order: Mapping[Node, int],
    known: Mapping[Node, torch.Size],
    steps: Mapping[Node, _Steps],
) -> Node | None:
    """The other map of a sum, if the sum may be made in its memory: nobody needs it any more."""
    [other] = [node for node in addition.all_input_nodes if node is not conv]

    def place(user: Node) -> int:
        """When a step reads its input, at the latest: a convolution perhaps with its sum."""
        after = only_user(user)
        if after is None or not isinstance(layer_of(graph, user), nn.Conv2d):
            return order[user]
        return order[after if after.target in _ADDITIONS else user]

    free = all(user is addition or place(user) < order[addition] for user in other.users)
    fits = other in steps and known[other] == known[conv] and other.op != "placeholder"
    return other if free and fits else None


def _passes_on(graph: GraphModule, node: Node) -> bool:
    """Whether a step gives values of its inputs, and nothing else."""
    return isinstance(layer_of(graph, node), nn.MaxPool2d) or node.target in _CONCATENATIONS


def _steps_of(graph: GraphModule, ranges: Ranges) -> dict[Node, _Steps]:
    """How each map is written; all maps alike between which values are passed on as they are."""
    nodes = [node for node in graph.graph.nodes if node.name in ranges]
    group = {node: node for node in nodes}

    def head(node: Node) -> Node:
        above = group[node]
        return node if above is node else head(above)

    for node in nodes:
        if _passes_on(graph, node):
            for source in node.all_input_nodes:
                if source in group:
                    group[head(source)] = head(node)
    wide: dict[Node, tuple[float, float]] = {}
    for node in nodes:
        low, high = ranges[node.name]
        known = wide.get(head(node), (0.0, 0.0))
        wide[head(node)] = min(low, known[0]), max(high, known[1])
    return {node: _Steps(*scale_and_zero(*wide[head(node)])) for node in nodes}


def _quantized(x: Tensor, scale: float, zero: int) -> Tensor:
    if x.dtype == torch.uint8 and (scale, zero) == (1.0, 0):  # pixels, given as such
        return x
    return (x * (1 / scale)).round_().add_(zero).clamp_(0, 255).to(torch.uint8)


def _dequantized(x: Tensor, scale: float, zero: int) -> Tensor:
    return (x.float() - zero) * scale
