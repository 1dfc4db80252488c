"""Run a network with PyTorch, eagerly: no compilation that takes seconds for each shape."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.fx.proxy import TraceError

from facewise.runtime import onednn
from facewise.runtime.fusion import is_map, layer_of, shapes, simplified

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class TorchNetwork:
    """A simplified copy of a module, in channels_last memory order and one number format."""

    def __init__(
        self, module: nn.Module, example: Tensor, precision: str, device: torch.device
    ) -> None:
        """Prepare it.

        Args:
            module: the network in float32; one that cannot be traced runs as it is written.
            example: an input of the size that matters most.
            precision: `float32`, `bfloat16` or `float16`.
            device: where it runs.

        Raises:
            ValueError: another precision.
        """
        if precision not in _DTYPES:
            raise ValueError(f"torch runs {', '.join(_DTYPES)}, not {precision}")
        self._dtype = _DTYPES[precision]
        self._device = device
        try:
            network: nn.Module = simplified(module)
        except TraceError:
            network = copy.deepcopy(module).eval()
        if isinstance(network, GraphModule):
            _round_maps(network, example.cpu(), self._dtype)
        else:
            network = network.to(self._dtype)
        network = network.to(device).to(memory_format=torch.channels_last)
        fuses = device.type == "cpu" and self._dtype != torch.float16 and onednn.available()
        if isinstance(network, GraphModule) and fuses:
            with torch.inference_mode():
                onednn.fuse_convolutions(network, self._arranged(example))
        self._network = network

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        """See `facewise.runtime.networks.Network`."""
        with torch.inference_mode():
            results = self._network(self._arranged(x))
            if isinstance(results, Tensor):
                results = (results,)
            return tuple(result.float() for result in results)

    def _arranged(self, x: Tensor) -> Tensor:
        return x.to(self._device, self._dtype).contiguous(memory_format=torch.channels_last)


def _round_maps(graph: GraphModule, example: Tensor, dtype: torch.dtype) -> None:
    """Let the maps of a float32 network be computed in another format; vectors stay as they are."""
    known = shapes(graph, example)

    def rounded(node: Node) -> bool:
        return node in known and is_map(known[node])

    for node in list(graph.graph.nodes):
        layer = layer_of(graph, node)
        if node.op in ("placeholder", "output"):
            continue
        if node.op == "get_attr" and any(rounded(user) for user in node.users):
            parameter = graph.get_parameter(str(node.target))
            parameter.data = parameter.data.to(dtype)
        elif rounded(node):
            if layer is not None:
                layer.to(dtype)
        elif node in known:
            for source in node.all_input_nodes:
                if rounded(source):
                    with graph.graph.inserting_before(node):
                        exact = graph.graph.call_method("float", (source,))
                    node.replace_input_with(source, exact)
    graph.recompile()
