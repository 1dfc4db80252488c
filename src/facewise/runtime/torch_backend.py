"""Run a network with PyTorch, eagerly: no compilation that takes seconds for each shape."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.fx.proxy import TraceError

from facewise.runtime import onednn, torch_int8
from facewise.runtime.fusion import is_map, layer_of, shapes, simplified
from facewise.runtime.quantization import Ranges

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class TorchNetwork:
    """A simplified copy of a module, in channels_last memory order and one number format."""

    def __init__(
        self,
        module: nn.Module,
        example: Tensor,
        precision: str,
        device: torch.device,
        ranges: Ranges | None = None,
    ) -> None:
        """Prepare it.

        Args:
            module: the network in float32; one that cannot be traced runs as it is written.
            example: an input of the size that matters most.
            precision: `float32`, `bfloat16`, `float16`, or `int8` on the CPU.
            device: where it runs.
            ranges: of the activations, for `int8`.

        Raises:
            ValueError: another precision, or `int8` without ranges.
            NotImplementedError: this PyTorch has no integer convolutions.
        """
        if precision not in (*_DTYPES, "int8"):
            raise ValueError(f"torch runs {', '.join(_DTYPES)} and int8, not {precision}")
        self._dtype = _DTYPES.get(precision, torch.float32)
        self._device = device
        self._integers = precision == "int8"
        self._network: nn.Module
        if self._integers:
            if ranges is None:
                raise ValueError("int8 needs calibration")
            if not torch_int8.available():
                raise NotImplementedError("this PyTorch has no 8-bit convolutions")
            self._network = torch_int8.with_integers(simplified(module), ranges, example.cpu())
            return
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
        if not (self._integers and x.dtype == torch.uint8):
            x = x.to(self._device, self._dtype)
        return x.contiguous(memory_format=torch.channels_last)


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
