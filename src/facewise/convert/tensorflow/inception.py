"""Convert Inception-ResNet-v1 of davidsandberg/facenet, of 512 and of 128 numbers.

The network did not change between its releases: 20170511-185253 and 20170512-110547 (128 numbers),
20180402-114759 and 20180408-102900 (512). What changed with the length is how pixels were
normalised: each picture by its own mean and deviation until 2017 (`facenet.prewhiten`), and
`(pixel - 127.5) / 128` since (`--use_fixed_image_standardization`). Faces were boxes of MTCNN with
32 pixels more, at 160×160.

Slim's batch norms have no `gamma`, and an epsilon of 0.001. The moving averages of variables, which
checkpoints also hold, are left out, as the project's own `load_model` leaves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from facewise.alignment import MarginCrop
from facewise.convert.model_id import id_after
from facewise.convert.tensorflow import tensors
from facewise.convert.tensorflow.checkpoint import checkpoint_prefix, read_checkpoint
from facewise.convert.tensorflow.graph import read_graph
from facewise.convert.tensorflow.names import GAMMA, SCOPE, variables
from facewise.convert.wire import WireError
from facewise.embedding.architectures import fitted_network
from facewise.embedding.inception_resnet_v1 import InceptionResnetV1
from facewise.errors import ModelError
from facewise.zoo import ModelSpec, Normalisation, Weights, get_spec

NORMALISATIONS: Mapping[str, Normalisation] = {
    "fixed": Normalisation(),
    "per-image": Normalisation(per_image=True),
}
"""By the name that `--normalisation` takes."""

_SIZE, _MARGIN = 160, 32
_FIRST = 128  # numbers of the embeddings of 2017
_MOST = 1 << 14  # numbers of an embedding
_TRAINING_SETS = {
    "20170511-185253": "CASIA-WebFace (research only)",
    "20170512-110547": "MS-Celeb-1M (withdrawn by its publisher)",
    "20180402-114759": "VGGFace2 (research only)",
    "20180408-102900": "CASIA-WebFace (research only)",
}
"""By the release's name, which stands in the names of its files."""
_LICENCE_OF = "inception_resnet_v1.vggface2"  # the zoo's entry that states it
_SHOWN = 3  # names in an error


def convert_tensorflow(
    path: Path, *, normalisation: str | None = None, margin: int = _MARGIN
) -> tuple[nn.Module, ModelSpec]:
    """Read a checkpoint or a frozen graph. Nothing of a graph is run, and no TensorFlow is needed.

    Args:
        path: a frozen graph (`.pb`); or a checkpoint: what its files' names begin with, one of the
            files (`.index`, `.meta`, `.data-00000-of-00001`), or the folder that holds it.
        normalisation: a key of `NORMALISATIONS`; by default that of the generation, which the
            length of the embedding tells.
        margin: around MTCNN's box, both sides together, in pixels of the chip.

    Returns:
        The network, in float32 and evaluation mode, and its spec.

    Raises:
        ModelError: the file is missing, cut short, damaged, or holds another network; an argument
            does not fit. Says what.
    """
    if normalisation is not None and normalisation not in NORMALISATIONS:
        raise ModelError(
            f"normalisation: expected one of {', '.join(NORMALISATIONS)}, got {normalisation!r}"
        )
    if not 0 <= margin < _SIZE:
        raise ModelError(f"margin: expected 0 to {_SIZE - 1} pixels, got {margin}")
    place, held = _read(path)
    state = _state(held, place)
    network = fitted_network("inception_resnet_v1", state, str(place))
    size = len(state["last_linear.weight"])
    name = normalisation or ("per-image" if size == _FIRST else "fixed")
    spec = ModelSpec(
        id=id_after("inception_resnet_v1", place),
        task="embed",
        architecture="inception_resnet_v1",
        weights=Weights(
            filename=place.name,
            licence=get_spec(_LICENCE_OF).weights.licence.replace(
                "timesler/facenet-pytorch", "davidsandberg/facenet"
            ),
            training_set=next(
                (pictures for tag, pictures in _TRAINING_SETS.items() if tag in str(path)),
                "not told by the file",
            ),
        ),
        input_size=_SIZE,
        embedding_size=size,
        crop=MarginCrop(_SIZE, margin),
        normalisation=NORMALISATIONS[name],
        notes=(
            f"Converted from {place.name} (davidsandberg/facenet), normalisation {name}. The "
            "project counted its margin of 32 in pixels of the picture, not of the chip."
        ),
    )
    return network, spec


def _read(path: Path) -> tuple[Path, Mapping[str, tensors.Tensor]]:
    """What is stored, by name, and the file's name or that of the checkpoint."""
    prefix = checkpoint_prefix(path)
    if prefix is not None:
        return prefix, read_checkpoint(prefix)
    if path.is_file():
        return path, read_graph(path)
    if path.is_dir():
        graphs = list(path.glob("*.pb"))
        if len(graphs) == 1:
            return graphs[0], read_graph(graphs[0])
        raise ModelError(f"{path}: holds no checkpoint (NAME.index), nor a single graph (.pb)")
    raise ModelError(f"{path}: no such frozen graph or checkpoint (nor {path}.index)")


def _state(held: Mapping[str, tensors.Tensor], place: Path) -> dict[str, Tensor]:
    """Our tensors by our names."""
    bottleneck = held.get(f"{SCOPE}/Bottleneck/weights")
    if bottleneck is None or len(bottleneck.shape) != 2:
        some = ", ".join(list(held)[:_SHOWN])
        raise ModelError(
            f"{place}: not Inception-ResNet-v1 of davidsandberg/facenet: it has no "
            f"{SCOPE}/Bottleneck/weights with two dimensions; it has {len(held)} tensors ({some})"
        )
    if not 0 < bottleneck.shape[1] <= _MOST:
        raise ModelError(f"{place}: embeddings of {bottleneck.shape[1]:,} numbers")
    with torch.device("meta"):  # shapes only
        network = InceptionResnetV1(embedding_size=bottleneck.shape[1])
    names, wanted = variables(network), network.state_dict()
    missing = [v for v in names.values() if v not in held and not v.endswith(f"/{GAMMA}")]
    if missing:
        raise ModelError(
            f"{place}: {len(missing)} of {len(names)} variables missing "
            f"({', '.join(missing[:_SHOWN])}{', …' if len(missing) > _SHOWN else ''})"
        )
    state = {}
    for ours, theirs in names.items():
        shape = tuple(wanted[ours].shape)
        if theirs not in held:  # gamma
            state[ours] = torch.ones(shape)
            continue
        try:
            state[ours] = torch.from_numpy(_turned(held[theirs], shape))
            if ours.endswith("running_var") and state[ours].min() < 0:
                raise WireError("a variance below zero")
        except WireError as error:
            raise ModelError(f"{place}: {theirs}: {error}") from None
    return state


def _turned(
    tensor: tensors.Tensor, shape: tuple[int, ...]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The values with our order of dimensions.

    Filters are (height, width, in, out) there and (out, in, height, width) here; layers
    (in, out), and (out, in).
    """
    if len(shape) == 4:
        out, inputs, height, width = shape
        values = tensor.values((height, width, inputs, out)).transpose(3, 2, 0, 1)
    else:
        values = tensor.values(shape[::-1]).T
    return np.ascontiguousarray(values)
