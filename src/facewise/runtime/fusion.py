"""Rewrite a network for inference: the same function, in fewer and cheaper steps.

Training wants batch norms, dropout and factors as layers of their own; inference can have them in
the weights. Everything here works on a copy and in float32, so that one rewriting serves every
backend, and the proof against the network as it was written covers it.
"""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from facewise.runtime.tracing import traced

_NOTHING = (nn.Dropout, nn.Identity)
"""Layers that do nothing in evaluation."""


def simplified(module: nn.Module) -> GraphModule:
    """A copy of a network in evaluation mode, as a graph, with folded weights.

    - A batch norm after a convolution or a linear layer goes into its weights. (One before a padded
      convolution cannot: the padding's zeros are not normalised.)
    - A factor on a convolution's result (`x + 0.17 * conv(y)`) goes into its weights.
    - Dropout and identity go.

    Args:
        module: a network that `torch.fx` can trace: no control flow that depends on values. What
            asks whether gradients are wanted is told yes, and shows its plain operations.

    Raises:
        torch.fx.proxy.TraceError: it cannot be traced.
    """
    network = copy.deepcopy(module).eval().requires_grad_(False).cpu().float()
    with torch.inference_mode(False), torch.enable_grad():
        graph = traced(network)
    with torch.no_grad():
        for node in list(graph.graph.nodes):
            layer = layer_of(graph, node)
            if isinstance(layer, _NOTHING):
                _skip(graph, node, node.all_input_nodes[0])
            elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
                _fold_norm(graph, node, layer)
            elif node.op == "call_function" and node.target in (operator.mul, torch.mul):
                _fold_factor(graph, node)
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph.requires_grad_(False)


def shapes(graph: GraphModule, example: Tensor) -> dict[Node, torch.Size]:
    """The shape of each step's result, where it is a tensor, when run on an example."""
    shapes = _Shapes(graph)
    with torch.inference_mode():
        shapes.run(example)
    return shapes.found


class _Shapes(Interpreter):
    """Like torch's `ShapeProp`, which takes half a second to import."""

    def __init__(self, graph: GraphModule) -> None:
        super().__init__(graph)
        self.found: dict[Node, torch.Size] = {}

    def run_node(self, n: Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.found[n] = result.shape
        return result


def layer_of(graph: GraphModule, node: Node) -> nn.Module | None:
    """The layer that a node calls, or None when it calls none."""
    return graph.get_submodule(str(node.target)) if node.op == "call_module" else None


def is_map(shape: Sequence[int]) -> bool:
    """Whether a result of this shape is a map, (n, c, h, w) with more than one place.

    Maps are where the work is, and they may be rounded; after the last there is little left to
    compute, and each rounding is seen in the result. So vectors stay in float32: for dlib's network
    in bfloat16 that halves the error.
    """
    return len(shape) == 4 and max(shape[2:]) > 1


def only_user(node: Node) -> Node | None:
    """The one step that uses a step's result, or None when there are more or none."""
    return next(iter(node.users)) if len(node.users) == 1 else None


def activation_of(graph: GraphModule, node: Node) -> tuple[float, float] | None:
    """The limits to which a step clips values (ReLU, ReLU6), or None for another step."""
    layer = layer_of(graph, node)
    if isinstance(layer, nn.ReLU) or node.target in (torch.relu, torch.nn.functional.relu):
        return (0.0, math.inf)
    if isinstance(layer, nn.Hardtanh):  # ReLU6 is one
        return (float(layer.min_val), float(layer.max_val))
    return None


def _fold_norm(graph: GraphModule, node: Node, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    source = node.all_input_nodes[0]
    layer = _own_layer(graph, source)
    if isinstance(layer, nn.Conv2d):
        graph.add_submodule(str(source.target), fuse_conv_bn_eval(layer, norm))
    elif isinstance(layer, nn.Linear):
        graph.add_submodule(str(source.target), fuse_linear_bn_eval(layer, norm))
    else:
        return
    _skip(graph, node, source)


def _fold_factor(graph: GraphModule, node: Node) -> None:
    factors = [arg for arg in node.args if isinstance(arg, (int, float))]
    if len(factors) != 1 or len(node.all_input_nodes) != 1:
        return
    source = node.all_input_nodes[0]
    layer = _own_layer(graph, source)
    if isinstance(layer, nn.Conv2d):
        for parameter in layer.parameters():
            parameter.mul_(factors[0])
        _skip(graph, node, source)


def _own_layer(graph: GraphModule, node: Node) -> nn.Module | None:
    """The layer a node calls, if nobody else sees its result or uses its weights."""
    calls = sum(other.target == node.target for other in graph.graph.nodes)
    return layer_of(graph, node) if len(node.users) == 1 and calls == 1 else None


def _skip(graph: GraphModule, node: Node, source: Node) -> None:
    node.replace_all_uses_with(source)
    graph.graph.erase_node(node)
