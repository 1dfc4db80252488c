"""Turn chips into vectors: one `Embedder`, one file for each architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facewise import zoo
from facewise.embedding.architectures import ARCHITECTURES, require_architecture
from facewise.embedding.embedder import Embedder
from facewise.embedding.running import choose_network, graph_network
from facewise.errors import ModelError
from facewise.runtime.devices import resolve_device
from facewise.runtime.networks import Candidate
from facewise.runtime.selection import asked_for, matches

if TYPE_CHECKING:
    from os import PathLike

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from facewise.zoo import ModelSpec

__all__ = ["ARCHITECTURES", "DEFAULT_EMBEDDER", "Embedder", "load_embedder"]

DEFAULT_EMBEDDER = "dlib_resnet29.dlib"


def load_embedder(
    id: str | PathLike[str] | ModelSpec = DEFAULT_EMBEDDER,  # noqa: A002 - the word every zoo uses
    weights: str | PathLike[str] | None = None,
    *,
    device: str | torch.device | None = None,
    backend: str | None = None,
    precision: str | None = None,
    flip: bool | None = None,
    batch_size: int = 32,
    calibration: NDArray[np.uint8] | None = None,
) -> Embedder:
    """Load an embedder of the zoo, or one of your own.

    Args:
        id: a model's id (`facewise models list`); the folder of a model, such as a training
            leaves, or the path of a spec file (`*.json`, see `docs/models.md`); or a `ModelSpec`.
        weights: a weight file of your own, instead of the zoo's.
        device: where it runs; the CPU by default, `"auto"` for the best there is.
        backend: what runs it: "torch", "onnxruntime", "openvino", or "auto" for the fastest that
            proves itself on this machine; by default what `FACEWISE_BACKEND` says, else "auto".
        precision: "float32", "bfloat16", "float16" (not on the CPU), "int8", or "auto"; by default
            what `FACEWISE_PRECISION` says, else "auto". See `docs/runtime.md`.
        flip: whether `embed_faces` also embeds each chip's mirror image and adds the two; by
            default what the spec says.
            With other weights or another flip than the spec's, the embedder has no thresholds:
            they were not measured for it.
        batch_size: chips in one pass of the network.
        calibration: for int8: chips of a few hundred different people, uint8 (n, S, S, 3), cut as
            `spec.crop` says. What is learnt from them is kept, so they are needed once.

    Returns:
        An `Embedder`: `.spec`, `.embed(chips)`, `.embed_faces(images, faces)`.

    Raises:
        ModelError: no such embedder, or its weights are damaged or of another architecture.
        DownloadError: its weights are not here and could not be fetched.
        DeviceError: the device, or what the precision needs, is not on this machine.
        ExtraMissingError: the backend, or timm for a network of it, is not installed.
        FacewiseError: backend or precision has a wrong name, or gives vectors too far from
            those of PyTorch in float32.

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
    if spec.format == "torch":  # before any download
        try:
            require_architecture(spec.architecture)
        except ModelError as error:
            raise ModelError(f"{spec.id}: {error}") from None
    asked = asked_for(backend, precision, impossible="torch" if spec.format == "onnx" else None)
    # Of an ONNX graph only onnxruntime knows the device; what goes in and out is on the host.
    where = resolve_device(None if spec.format == "onnx" else device)
    path = zoo.weights_path(spec, weights)
    weight_hash = zoo.file_sha256(path)
    if spec.format == "onnx" and str(device or "cpu") != "cpu":
        candidate = Candidate("onnxruntime", "float32")
        if not matches(candidate, asked):
            raise ModelError(f"{spec.id}: on device '{device}' an ONNX graph runs as {candidate}")
        network = graph_network(spec, path, candidate, str(device))
    else:
        choice = choose_network(
            spec, path, weight_hash, asked=asked, device=where, calibration=calibration
        )
        network, candidate = choice.built, choice.candidate
    flip = spec.flip if flip is None else flip
    if flip != spec.flip or (spec.weights.sha256 or weight_hash) != weight_hash:
        # Thresholds were measured for the spec's weights and flip, and say nothing of others.
        spec = spec.unmeasured()
    return Embedder(
        spec,
        network,
        weight_hash=weight_hash,
        device=where,
        candidate=candidate,
        flip=flip,
        batch_size=batch_size,
    )
