"""A network in the operations that small runtimes have."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.nn import functional as F  # noqa: N812

from facewise.runtime.fusion import layer_of, only_user, shapes, simplified

_WIDTH_FIRST = (0, 3, 2, 1)


def portable(module: nn.Module, example: Tensor, dtype: torch.dtype) -> GraphModule:
    """A copy of a network, simplified, with the same results.

    - A pooling that rounds its number of windows up has the last line and column twice instead, and
      rounds down. (For windows of 2 or 3 at stride 2, which are all there are.)
    - Where a map is turned before a dense layer, the layer's columns are turned instead.
    - A PReLU of vectors is written with ReLU.

    Args:
        module: a network that `torch.fx` can trace.
        example: an input.
        dtype: of the copy.
    """
    graph = simplified(module)
    known = shapes(graph, example)
    for node in list(graph.graph.nodes):
        if node.target is F.max_pool2d and node.kwargs.get("ceil_mode"):
            _pad(graph, node)
        elif node.op == "call_method" and node.target == "permute":
            _turn(graph, node, known[node])
        elif isinstance(layer_of(graph, node), nn.PReLU) and len(known[node]) == 2:
            _spell_out(graph, node)
    graph.graph.lint()
    graph.recompile()
    return graph.to(dtype)


def _pad(graph: GraphModule, node: Node) -> None:
    (x,) = node.all_input_nodes
    with graph.graph.inserting_before(node):
        padded = graph.graph.call_function(F.pad, (x, [0, 1, 0, 1]), {"mode": "replicate"})
    node.replace_input_with(x, padded)
    node.kwargs = {**node.kwargs, "ceil_mode": False}


def _spell_out(graph: GraphModule, node: Node) -> None:
    """`relu(x) + slope * (x - relu(x))`."""
    (x,) = node.all_input_nodes
    with graph.graph.inserting_before(node):
        above = graph.graph.call_function(torch.relu, (x,))
        below = graph.graph.call_function(operator.sub, (x, above))
        slope = graph.graph.get_attr(f"{node.target}.weight")
        part = graph.graph.call_function(operator.mul, (below, slope))
        whole = graph.graph.call_function(operator.add, (above, part))
    node.replace_all_uses_with(whole)
    graph.graph.erase_node(node)


def _turn(graph: GraphModule, node: Node, shape: Any) -> None:
    """Of `x.permute(0, 3, 2, 1).flatten(1)` and a dense layer take the first away."""
    flat = only_user(node)
    dense = None if flat is None else only_user(flat)
    if tuple(node.args[1:]) != _WIDTH_FIRST or flat is None or dense is None:
        return
    layer = layer_of(graph, dense)
    if flat.target != "flatten" or not isinstance(layer, nn.Linear):
        return
    _, width, height, channels = shape
    columns = layer.weight.view(-1, width, height, channels).permute(0, 3, 2, 1)
    layer.weight = nn.Parameter(columns.reshape(layer.weight.shape), requires_grad=False)
    flat.replace_input_with(node, node.all_input_nodes[0])
    graph.graph.erase_node(node)
