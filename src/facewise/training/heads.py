"""Which layers of a backbone make the vector from the features."""

from __future__ import annotations

from torch import nn

from facewise.embedding.dlib_resnet29 import DlibResNet29
from facewise.embedding.inception_resnet_v1 import InceptionResnetV1
from facewise.embedding.inception_resnet_v2 import InceptionResnetV2
from facewise.embedding.iresnet import IResNet
from facewise.embedding.mobilefacenet import MobileFaceNet
from facewise.embedding.mobilenet_v2 import MobileNetV2
from facewise.embedding.resnet import ResNet
from facewise.embedding.timm_network import TimmNetwork
from facewise.errors import TrainingError

_HEADS: dict[type[nn.Module], tuple[str, ...]] = {
    DlibResNet29: ("projection",),
    InceptionResnetV1: ("last_linear", "last_bn"),
    InceptionResnetV2: ("last_linear",),
    IResNet: ("output_layer",),
    MobileFaceNet: ("conv3", "bn"),
    MobileNetV2: ("classifier",),
    ResNet: ("fc",),
    TimmNetwork: ("head",),
}


def head_parameters(backbone: nn.Module) -> set[str]:
    """The names of the parameters of the last linear layer and the norms around it.

    Raises:
        TrainingError: the network is none that `build_backbone` gives.
    """
    head = _HEADS.get(type(backbone))
    if head is None:
        raise TrainingError(
            f"head-only: what the head of a {type(backbone).__name__} is, is not known; "
            "name the layers"
        )
    return {name for name, _ in backbone.named_parameters() if name.partition(".")[0] in head}
