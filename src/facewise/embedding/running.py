"""Make an embedder's network ready to run: by what was asked for, or the best of this machine."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import nn

from facewise import zoo
from facewise._files import replace_file
from facewise.embedding.architectures import build_network
from facewise.embedding.embedder import VectorNetwork, normalised
from facewise.embedding.onnx import OnnxNetwork
from facewise.embedding.proof import least_cosine, proof_chips
from facewise.errors import ChipError, FacewiseError, ModelError
from facewise.runtime.decisions import Proof
from facewise.runtime.networks import Candidate, compile_network
from facewise.runtime.quantization import Ranges, measured_ranges
from facewise.runtime.selection import Choice, choose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.zoo import ModelSpec

Chips: TypeAlias = "NDArray[np.uint8]"

_RANGES = Path(__file__).parents[1] / "data" / "int8_ranges.json"
_CPU = (
    Candidate("torch", "float32"),
    Candidate("torch", "bfloat16"),
    Candidate("torch", "int8"),
    Candidate("onnxruntime", "float32"),
    Candidate("onnxruntime", "int8"),
    Candidate("openvino", "float32"),
    Candidate("openvino", "bfloat16"),
    Candidate("openvino", "int8"),
)
_OTHER_DEVICES = tuple(Candidate("torch", p) for p in ("float32", "bfloat16", "float16"))
_GRAPHS = (
    Candidate("onnxruntime", "float32"),
    Candidate("openvino", "float32"),
    Candidate("openvino", "bfloat16"),
)

_MOST_LOST = 0.05
"""Points of LFW accuracy that "auto" may lose."""
_BATCH = 32  # of calibration
_FACES = (1, 8)  # at once, in the work that is timed


def choose_network(
    spec: ModelSpec,
    path: Path,
    weight_hash: str,
    *,
    asked: tuple[str, str],
    device: torch.device,
    calibration: Chips | None,
) -> Choice[VectorNetwork]:
    """The network of a model, running as was asked for or as is best here.

    Args:
        spec: the model.
        path: its weights or graph.
        weight_hash: of that file.
        asked: backend and precision, from `asked_for`.
        device: where PyTorch runs.
        calibration: chips by which to make integers of it.

    Raises:
        ModelError: the file does not fit the spec.
        FacewiseError: see `facewise.runtime.selection.choose`; int8 without calibration.
    """
    model = (
        _Graph(spec, path)
        if spec.format == "onnx"
        else _Module(spec, path, weight_hash, device, calibration, asked)
    )
    chips = None if spec.crop is None else proof_chips(spec.crop)
    assert chips is not None  # noqa: S101 - the registry refuses embedders without a crop
    x = normalised(chips, spec, device)

    def prove(network: VectorNetwork, candidate: Candidate) -> Proof:
        expected = model.reference(x.cpu())
        if not torch.isfinite(expected).all():
            raise ModelError(f"{path}: gives values that are not finite, with float32 too")
        cosines = torch.cosine_similarity(network(x).cpu(), expected)
        limit = least_cosine(spec, candidate.precision)
        return Proof(f"least cosine of {len(x)} chips", float(cosines.min()), limit)

    return choose(
        spec.id,
        key=f"{weight_hash} {spec.crop} {spec.normalisation} {model.ranges}",
        asked=asked,
        offered=model.offered,
        build=model.build,
        prove=prove,
        workloads={
            f"{n} face{'s'[: n - 1]}": lambda network, n=n: network(x[:n])  # type: ignore[misc]
            for n in _FACES
        },
        folder=_folder(),
        device=device,
        withheld=model.withheld,
    )


class _Module:
    """An embedder that facewise builds."""

    def __init__(
        self,
        spec: ModelSpec,
        path: Path,
        weight_hash: str,
        device: torch.device,
        calibration: Chips | None,
        asked: tuple[str, str],
    ) -> None:
        self._spec = spec
        self._hash = weight_hash
        self._device = device
        self._module: nn.Module = build_network(spec.architecture, path, spec.input_size)
        self.offered = _CPU if device.type == "cpu" else _OTHER_DEVICES
        self.ranges = _ranges(spec, self._module, weight_hash, calibration)
        self.withheld = _withheld(spec, weight_hash)
        if self.ranges is None:
            self.offered = tuple(c for c in self.offered if c.precision != "int8")
            if asked[1] == "int8" and device.type == "cpu":
                raise FacewiseError(
                    f"{spec.id}: int8 needs calibration with these weights; give a few hundred "
                    "chips of different people: load_embedder(..., calibration=chips)"
                )

    def build(self, candidate: Candidate) -> VectorNetwork:
        size = self._spec.input_size or 0
        network = compile_network(
            self._module,
            torch.zeros(1, 3, size, size),
            candidate,
            key=f"{self._spec.architecture} {self._hash}",
            folder=_folder(),
            device=self._device,
            calibration=self.ranges,
        )
        return lambda x: network(x)[0]

    @torch.inference_mode()
    def reference(self, x: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self._module(x)
        return vectors


class _Graph:
    """An embedder that comes as an ONNX file."""

    ranges = None
    withheld: Mapping[str, str] = {}
    offered = _GRAPHS

    def __init__(self, spec: ModelSpec, path: Path) -> None:
        self._spec = spec
        self._path = path
        self._reference: VectorNetwork | None = None

    def build(self, candidate: Candidate) -> VectorNetwork:
        return graph_network(self._spec, self._path, candidate)

    def reference(self, x: torch.Tensor) -> torch.Tensor:
        """What the first float32 backend gives: there is no PyTorch network to compare with."""
        for candidate in self.offered:
            if self._reference is None and candidate.precision == "float32":
                with contextlib.suppress(ImportError):
                    self._reference = self.build(candidate)
        assert self._reference is not None  # noqa: S101 - one is being proved
        return self._reference(x)


def graph_network(
    spec: ModelSpec, path: Path, candidate: Candidate, device: str = "cpu"
) -> VectorNetwork:
    """An ONNX file as a function of tensors, once it is seen to fit the spec.

    Raises:
        ModelError: it does not.
    """
    graph = OnnxNetwork(path, device=device, candidate=candidate)
    for name, found, stated in (
        ("input size", graph.input_size, spec.input_size),
        ("embedding size", graph.embedding_size, spec.embedding_size),
    ):
        if found != stated:
            raise ModelError(f"{path}: {name} {found}, but {spec.id} states {stated}")
    return lambda x: torch.from_numpy(graph(x.numpy()))


def _withheld(spec: ModelSpec, weight_hash: str) -> Mapping[str, str]:
    """By candidate, why "auto" does not take it for a model."""
    known = spec.precision_loss if weight_hash == spec.weights.sha256 else {}
    withheld = {}
    for candidate in _CPU:
        lost = known.get(str(candidate))
        if lost is None and candidate.precision == "int8":
            withheld[str(candidate)] = "its loss of accuracy was not measured for these weights"
        elif lost is not None and lost > _MOST_LOST:
            withheld[str(candidate)] = (
                f"loses {lost:g} points of accuracy on LFW, more than {_MOST_LOST:g}"
            )
    return withheld


def _ranges(
    spec: ModelSpec, module: nn.Module, weight_hash: str, calibration: Chips | None
) -> Ranges | None:
    """The ranges for int8: measured on chips now, or on others before, or those facewise brings."""
    path = _folder() / "ranges" / f"{weight_hash}.json"
    if calibration is None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return _read_ranges(path, weight_hash)
        with contextlib.suppress(KeyError):
            return _read_ranges(_RANGES, weight_hash)
        return None
    size = spec.input_size
    if calibration.dtype != np.uint8 or calibration.shape[1:] != (size, size, 3):
        raise ChipError(
            f"calibration: expected uint8 (n, {size}, {size}, 3) for {spec.id}, "
            f"got {calibration.dtype} {calibration.shape}"
        )

    def batches() -> Iterator[torch.Tensor]:
        for start in range(0, len(calibration), _BATCH):
            yield normalised(calibration[start : start + _BATCH], spec, torch.device("cpu"))

    try:
        found = measured_ranges(module, batches)
    except ValueError as error:
        raise ChipError(str(error)) from None
    content = {weight_hash: {"ranges": found}}
    with contextlib.suppress(OSError):
        replace_file(path, json.dumps(content).encode())
    return found


def _read_ranges(path: Path, weight_hash: str) -> Ranges:
    content = json.loads(path.read_text(encoding="utf-8"))[weight_hash]["ranges"]
    return {name: (float(low), float(high)) for name, (low, high) in content.items()}


def _folder() -> Path:
    return zoo.cache_dir() / "runtime"
