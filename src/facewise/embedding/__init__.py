"""Turn chips into vectors: one `Embedder`, one file for each architecture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from facewise import zoo
from facewise.embedding.architectures import ARCHITECTURES, build_network
from facewise.embedding.embedder import Embedder, Network
from facewise.embedding.onnx import OnnxNetwork
from facewise.errors import ModelError
from facewise.runtime.devices import resolve_device, resolve_dtype

if TYPE_CHECKING:
    from os import PathLike

    from facewise.zoo import ModelSpec

__all__ = ["ARCHITECTURES", "DEFAULT_EMBEDDER", "Embedder", "load_embedder"]

DEFAULT_EMBEDDER = "dlib_resnet29.dlib"


def load_embedder(
    id: str | ModelSpec = DEFAULT_EMBEDDER,  # noqa: A002 - the word every zoo uses
    weights: str | PathLike[str] | None = None,
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    flip: bool | None = None,
    batch_size: int = 32,
) -> Embedder:
    """Load an embedder of the zoo, or one of your own.

    Args:
        id: a model's id (`facewise models list`), the path of a spec file (`*.json`, see
            `docs/models.md`), or a `ModelSpec`.
        weights: a weight file of your own, instead of the zoo's.
        device: where it runs; the CPU by default, `"auto"` for the best there is.
        dtype: number format of a PyTorch network: "float32", "float16" or "bfloat16".
        flip: whether `embed_faces` also embeds each chip's mirror image and adds the two; by
            default what the spec says.
            With other weights or another flip than the spec's, the embedder has no thresholds:
            they were not measured for it.
        batch_size: chips in one pass of the network.

    Returns:
        An `Embedder`: `.spec`, `.embed(chips)`, `.embed_faces(images, faces)`.

    Raises:
        ModelError: no such embedder, or its weights are damaged or of another architecture.
        DownloadError: its weights are not here and could not be fetched.
        DeviceError: the device asked for is not on this machine.

    Example:
        >>> import facewise
        >>> embedder = facewise.load_embedder()
        >>> embedder.spec.embedding_size
        128
        >>> faces = facewise.detect("examples/photos/astronaut.jpg")
        >>> embedder.embed_faces("examples/photos/astronaut.jpg", faces)[0].shape
        (1, 128)
    """
    spec = zoo.find_spec(id)
    if spec.task != "embed":
        raise ModelError(f"{spec.id} is a detector, not an embedder; see `facewise models list`")
    number = resolve_dtype(dtype)
    if spec.format == "torch" and spec.architecture not in ARCHITECTURES:  # before any download
        raise ModelError(
            f"{spec.id}: this version cannot run the architecture {spec.architecture!r}; "
            f"it has {', '.join(ARCHITECTURES)}"
        )
    if spec.format == "onnx" and number != torch.float32:
        raise ModelError(f"{spec.id}: an ONNX graph runs in the format it was saved in")
    # Of an ONNX graph only onnxruntime knows the device; what goes in and out is on the host.
    where = resolve_device(None if spec.format == "onnx" else device)
    path = zoo.weights_path(spec, weights)
    if spec.format == "onnx":
        network = _onnx_network(spec, path, str(device or "cpu"))
    else:
        module = build_network(spec.architecture, path).to(where, number)
        network = module.to(memory_format=torch.channels_last)
    weight_hash = zoo.file_sha256(path)
    flip = spec.flip if flip is None else flip
    if flip != spec.flip or (spec.weights.sha256 or weight_hash) != weight_hash:
        # Thresholds were measured for the spec's weights and flip, and say nothing of others.
        spec = replace(spec, thresholds=(), measured=MappingProxyType({}))
    return Embedder(
        spec,
        network,
        weight_hash=weight_hash,
        device=where,
        dtype=number,
        flip=flip,
        batch_size=batch_size,
    )


def _onnx_network(spec: ModelSpec, path: Path, device: str) -> Network:
    """The graph as a function of tensors, once it is seen to fit the spec."""
    graph = OnnxNetwork(path, device=device)
    for name, found, stated in (
        ("input size", graph.input_size, spec.input_size),
        ("embedding size", graph.embedding_size, spec.embedding_size),
    ):
        if found != stated:
            raise ModelError(f"{path}: {name} {found}, but {spec.id} states {stated}")

    def run(x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(graph(x.contiguous().numpy()))

    return run
