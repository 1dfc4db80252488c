"""`InceptionResnetV1` with the predecessor's arguments and published weights."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from facewise import zoo
from facewise.embedding import inception_resnet_v1
from facewise.errors import ModelError
from facewise.runtime.devices import resolve_device
from facewise.runtime.weights import read_tensors

if TYPE_CHECKING:
    from facewise.zoo import ModelSpec

_PRETRAINED = {
    "vggface2": "inception_resnet_v1.vggface2",
    "casia-webface": "inception_resnet_v1.casia_webface",
}


class InceptionResnetV1(inception_resnet_v1.InceptionResnetV1):
    """Faces of 160×160 pixels to 512 numbers, or to the logits of a classifier.

    Args:
        pretrained: `vggface2` or `casia-webface`, to load the published weights; they are taken
            from facewise's model folder or the one facenet-pytorch downloaded to, else downloaded.
        classify: `forward` gives logits instead of embeddings; may be changed later.
        num_classes: with `classify`, outputs of a new, random layer `logits`, which takes the
            place of a pretrained one. Without `classify` it is only kept, and the layer `logits`
            is there if the weights are pretrained.
        dropout_prob: share of the 1,792 features zeroed in training, in [0, 1].
        device: where the network is put.

    Raises:
        ValueError: `pretrained` is another name, or `classify` is set with neither `pretrained`
            nor `num_classes`.
        DownloadError: the weights are not here and could not be fetched.
        DeviceError: the device is not on this machine.
    """

    def __init__(
        self,
        pretrained: str | None = None,
        classify: bool = False,
        num_classes: int | None = None,
        dropout_prob: float = 0.6,
        device: str | torch.device | None = None,
    ) -> None:
        if pretrained is not None:
            spec = _spec(pretrained)
            parameters = read_tensors(_weights_path(spec))
            super().__init__(len(parameters["logits.bias"]), classify, dropout_prob)
            self.load_state_dict(parameters)
            if classify and num_classes is not None:
                self.logits = nn.Linear(512, num_classes)
        else:
            super().__init__(num_classes if classify else None, classify, dropout_prob)
        self.pretrained = pretrained
        self.num_classes = num_classes
        self.device = torch.device("cpu") if device is None else device
        self.to(resolve_device(device))


def get_torch_home() -> str:
    """The folder under which facenet-pytorch keeps downloaded weights, in `checkpoints`."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(cache, "torch")))
    return str(Path(home).expanduser())


def _spec(pretrained: str) -> ModelSpec:
    if pretrained not in _PRETRAINED:
        raise ValueError(f"pretrained: expected {' or '.join(_PRETRAINED)}; got {pretrained!r}")
    return zoo.get_spec(_PRETRAINED[pretrained])


def _weights_path(spec: ModelSpec) -> Path:
    """The weight file: facewise's if there is one, else the predecessor's, else a download."""
    theirs = Path(get_torch_home(), "checkpoints", spec.weights.filename)
    if zoo.locate(spec) is None and theirs.is_file():
        with suppress(ModelError):  # damaged: as if it were not there
            zoo.check(spec, theirs)
            return theirs
    return zoo.fetch(spec)
