"""Losses by name."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

from facewise.errors import TrainingError
from facewise.training.losses.adaface import AdaFace
from facewise.training.losses.arcface import ArcFace, SubCenterArcFace
from facewise.training.losses.center import CenterLoss
from facewise.training.losses.combined import CombinedMargin
from facewise.training.losses.cosface import CosFace
from facewise.training.losses.curricularface import CurricularFace
from facewise.training.losses.face_loss import FaceLoss
from facewise.training.losses.library import PREFIX, LibraryLoss, library_options
from facewise.training.losses.magface import MagFace
from facewise.training.losses.softmax import NormFace, Softmax
from facewise.training.losses.sphereface import SphereFace
from facewise.training.losses.triplet import TripletLoss
from facewise.training.losses.triplet_offline import OfflineTripletLoss

_ON_DISTANCES: dict[str, type[TripletLoss | OfflineTripletLoss]] = {
    "triplet": TripletLoss,
    "triplet-offline": OfflineTripletLoss,
}
_ON_CLASSES: dict[str, type[Any]] = {
    "adaface": AdaFace,
    "arcface": ArcFace,
    "center": CenterLoss,
    "combined": CombinedMargin,
    "cosface": CosFace,
    "curricularface": CurricularFace,
    "magface": MagFace,
    "normface": NormFace,
    "softmax": Softmax,
    "sphereface": SphereFace,
    "subcenter-arcface": SubCenterArcFace,
}


def loss_names() -> list[str]:
    """The names `build_loss` knows, sorted; it also takes `pml:NAME`, see `LibraryLoss`."""
    return sorted([*_ON_DISTANCES, *_ON_CLASSES])


def loss_options(name: str) -> dict[str, Any]:
    """The options of a loss and their defaults.

    Raises:
        TrainingError: there is no such loss; names those there are.
        ExtraMissingError: a loss of pytorch-metric-learning, and that is not installed.

    Example:
        >>> loss_options("triplet")
        {'margin': 0.2, 'mining': 'semi-hard'}
    """
    if name.startswith(PREFIX):
        return library_options(name.removeprefix(PREFIX))
    return {
        parameter.name: parameter.default
        for base in reversed(_loss_class(name).__mro__)
        if issubclass(base, FaceLoss) and "__init__" in vars(base)
        for parameter in inspect.signature(base).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def build_loss(name: str, *, num_classes: int, embedding_size: int, **options: Any) -> FaceLoss:
    """A loss for a training set and a backbone.

    Args:
        name: one of `loss_names()`, or `pml:NAME` for any loss of pytorch-metric-learning.
        num_classes: people in the training set; losses on distances do without.
        embedding_size: length d of the backbone's embeddings.
        options: those of the loss, see `loss_options` and the classes.

    Returns:
        The loss, on the CPU, with weights drawn from torch's random numbers.

    Raises:
        TrainingError: an unknown name or option, or an option out of its range.
        ExtraMissingError: a loss of pytorch-metric-learning, and that is not installed.

    Example:
        >>> import torch
        >>> loss = build_loss("arcface", num_classes=10, embedding_size=128, margin=0.4)
        >>> loss(torch.randn(4, 128), torch.tensor([0, 0, 1, 9])).item() > 0
        True
    """
    known = loss_options(name)
    unknown = [option for option in options if option not in known]
    if unknown:
        raise TrainingError(f"{name}: no option {unknown[0]!r}; it has {', '.join(sorted(known))}")
    loss: FaceLoss
    if name.startswith(PREFIX):
        return LibraryLoss(name.removeprefix(PREFIX), num_classes, embedding_size, **options)
    if name in _ON_DISTANCES:
        loss = _ON_DISTANCES[name](embedding_size, **options)
    else:
        loss = _ON_CLASSES[name](num_classes, embedding_size, **options)
    return loss


def _loss_class(name: str) -> type[FaceLoss]:
    if name in _ON_DISTANCES:
        return _ON_DISTANCES[name]
    if name in _ON_CLASSES:
        found: type[FaceLoss] = _ON_CLASSES[name]
        return found
    close = difflib.get_close_matches(name, loss_names(), n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise TrainingError(
        f"unknown loss {name!r}; {hint}there are {', '.join(loss_names())}, and "
        f"{PREFIX}NAME for those of pytorch-metric-learning"
    )
