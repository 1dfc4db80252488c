"""The networks of a model, as what is exported: MTCNN has three, an embedder is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facewise import zoo
from facewise.detection.mtcnn import load_networks
from facewise.embedding.architectures import build_network
from facewise.embedding.embedder import normalised
from facewise.embedding.proof import known_picture, proof_chips
from facewise.errors import ModelError
from facewise.model_export.candidates import candidates, scene
from facewise.zoo import ModelSpec
from facewise.zoo.spec import Weights

if TYPE_CHECKING:
    from facewise.embedding.onnx import OnnxNetwork

Pixels = NDArray[np.uint8]
"""Pictures (n, h, w, 3), RGB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One network.

    Attributes:
        name: of the file, for example `dlib_resnet29.dlib` or `mtcnn.pnet`.
        spec: of the model.
        weight_hash: sha256 of its weight file.
        module: the network in float32; None when it comes as a graph.
        graph: its ONNX file, or None.
        dynamic: names of the dimensions of the input (n, 3, h, w) that vary.
        outputs: names of what it gives.
        proofs: real inputs of several sizes, by which a file is compared with the network.
        chips: whether its inputs are chips of faces as the spec cuts them.
    """

    name: str
    spec: ModelSpec
    weight_hash: str
    module: nn.Module | None
    graph: Path | None
    dynamic: Mapping[int, str]
    outputs: tuple[str, ...]
    proofs: Sequence[Pixels]
    chips: bool

    def input(self, pixels: Pixels) -> Tensor:
        """The network's input, float32 (n, 3, h, w)."""
        # `contiguous`: most runtimes want the order of memory that the shape says.
        return normalised(pixels, self.spec, torch.device("cpu")).contiguous()

    @torch.inference_mode()
    def reference(self, pixels: Pixels) -> tuple[NDArray[np.float32], ...]:
        """What the network gives in float32, by PyTorch, or onnxruntime for a graph."""
        x = self.input(pixels)
        if self.module is not None:
            with torch.enable_grad():  # the plain operations, which are those that are exported
                answers = self.module(x)
            answers = answers if isinstance(answers, tuple) else (answers,)
            return tuple(answer.detach().numpy() for answer in answers)
        vectors = _opened(self.graph)(x.numpy())
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True),)


class UnitVectors(nn.Module):
    """An embedder whose vectors have length 1.

    Args:
        network: gives vectors of any length, (n, d).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Normalised pictures (n, 3, S, S) to (n, d)."""
        return nn.functional.normalize(self.network(x), dim=1)


def parts_of(model: str | ModelSpec, weights: str | PathLike[str] | None = None) -> list[Part]:
    """The networks of a model.

    Args:
        model: `mtcnn` or an embedder: as of `facewise.load_embedder`.
        weights: a weight file of your own, instead of the zoo's.

    Raises:
        ModelError: no such model, its weights are missing or damaged, or it is a detector other
            than MTCNN.
    """
    spec = zoo.find_spec(model)
    if spec.task == "detect" and spec.architecture != "mtcnn":
        raise ModelError(f"{spec.id}: it is an ONNX file; there is nothing to export")
    path = zoo.weights_path(spec, weights)
    digest = zoo.file_sha256(path)
    if (spec.weights.sha256 or digest) != digest:
        own = Weights(path.name, "not stated", "not stated", sha256=digest)
        spec = spec.unmeasured(own)
    if spec.task == "detect":
        return _mtcnn(spec, path, digest)
    assert spec.crop is not None  # noqa: S101 - the registry refuses embedders without
    module = None
    if spec.format == "torch":
        network = build_network(spec.architecture, path, spec.input_size)
        module = UnitVectors(network).eval().requires_grad_(False)
    chips = proof_chips(spec.crop)
    part = Part(
        name=spec.id,
        spec=spec,
        weight_hash=digest,
        module=module,
        graph=None if module is not None else path,
        dynamic={0: "batch"},
        outputs=("embedding",),
        proofs=(chips[:4], chips, chips[:1]),
        chips=True,
    )
    gives = part.reference(chips[:1])[0].shape[1]
    if gives != spec.embedding_size:
        raise ModelError(
            f"{spec.id}: gives {gives} numbers; its spec states embedding_size "
            f"{spec.embedding_size}"
        )
    return [part]


def _mtcnn(spec: ModelSpec, path: Path, digest: str) -> list[Part]:
    networks = dict(zip(("pnet", "rnet", "onet"), load_networks(path), strict=True))
    face, (refined, finished) = known_picture(), candidates([scene()], path)
    proofs: dict[str, Sequence[Pixels]] = {
        "pnet": (
            np.stack([face[::2, ::2], face[::2, ::2][:, ::-1]]),
            face[None],
            face[None, 7:-12],
        ),
        "rnet": (refined[:32], refined[:7], refined[:1]),
        "onet": (finished[:16], finished[:5], finished[:1]),
    }
    return [
        Part(
            name=f"{spec.id}.{name}",
            spec=spec,
            weight_hash=digest,
            module=network,
            graph=None,
            dynamic={0: "batch", **({2: "height", 3: "width"} if name == "pnet" else {})},
            outputs=("moves", *(("landmarks",) if name == "onet" else ()), "probabilities"),
            proofs=proofs[name],
            chips=False,
        )
        for name, network in networks.items()
    ]


def _opened(graph: Path | None) -> OnnxNetwork:
    from facewise.embedding.onnx import OnnxNetwork

    assert graph is not None  # noqa: S101 - a part has a module or a graph
    return OnnxNetwork(graph)
