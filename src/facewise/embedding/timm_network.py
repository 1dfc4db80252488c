"""A network of timm with an embedding head: the architectures `timm:NAME`."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from facewise.embedding.heads import Head
from facewise.errors import ExtraMissingError, ModelError

PREFIX = "timm:"
"""Begins the architecture of such a network."""

_SIZE = 512


class TimmNetwork(nn.Module):
    """Faces to vectors: the pooled features of a trunk, dropout, a projection, a batch norm.

    The batch norm behind the projection makes the lengths of all dimensions comparable, as the E
    layer of ArcFace does (Deng et al. 2019, https://arxiv.org/abs/1801.07698, section 3.1). As in
    its published code (insightface, `iresnet.py`), the scale of that norm stays 1: what it could
    learn the projection can, and a dimension cannot be switched off by it.

    Attributes:
        trunk: the network of timm, without its classifier.
        dropout: between features and head, in training only.
        head: the projection (without a bias, which the norm has) and the norm.
    """

    def __init__(
        self, trunk: nn.Module, input_size: int, embedding_size: int = _SIZE, dropout: float = 0.0
    ) -> None:
        """Put a head on a trunk.

        Args:
            trunk: of `timm_trunk`.
            input_size: side of the faces in pixels.
            embedding_size: length of the vectors.
            dropout: share of the features zeroed in training, in [0, 1].

        Raises:
            ModelError: the trunk cannot take such faces, or gives no vector of features.
        """
        super().__init__()
        self.trunk = trunk
        self.dropout = nn.Dropout(dropout)
        self.head = Head("normed", embedding_size).build(_features(trunk, input_size))
        self.requires_grad_()

    def requires_grad_(self, requires_grad: bool = True) -> TimmNetwork:
        """Let everything learn, or nothing; the scale of the last norm never does."""
        super().requires_grad_(requires_grad)
        self.head.get_parameter("1.weight").requires_grad_(False)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Embed a batch.

        Args:
            x: normalised RGB faces, float, shape (n, 3, input_size, input_size).

        Returns:
            Embeddings, not normalised, shape (n, embedding_size).
        """
        embeddings: Tensor = self.head(self.dropout(self.trunk(x)))
        return embeddings

    @classmethod
    def for_weights(
        cls, name: str, state: Mapping[str, Tensor], input_size: int | None
    ) -> TimmNetwork:
        """The network whose weights a state_dict holds, with random ones.

        Args:
            name: of timm.
            state: tensors by name.
            input_size: side of the faces; None is the size timm states.

        Raises:
            ModelError: it has no head, or timm does not know the name.
            ExtraMissingError: timm is not installed.
        """
        size = Head.found_in(state, "head").size
        timm = require_timm_model(name)
        side = input_size or timm.get_pretrained_cfg(name).input_size[-1]
        return cls(timm_trunk(name, side), side, size)


def timm_trunk(name: str, input_size: int, **options: Any) -> nn.Module:
    """A network of timm that gives features, with random weights unless options say otherwise.

    Args:
        name: of timm, such as `resnet18` or `resnet18.a1_in1k`.
        input_size: side of the pictures; networks made for one size are made for this.
        options: of `timm.create_model`.

    Raises:
        ModelError: timm does not know the name.
        ExtraMissingError: timm is not installed.
    """
    timm = require_timm_model(name)
    if timm.get_pretrained_cfg(name).fixed_input_size:
        options["img_size"] = input_size
    trunk: nn.Module = timm.create_model(name, num_classes=0, **options)
    return trunk


def require_timm_model(name: str) -> Any:
    """The module timm, once it is seen to know a name.

    Raises:
        ModelError: it does not; names those that look alike.
        ExtraMissingError: timm is not installed.
    """
    timm = _timm(name)
    known = timm.is_model(name)
    if known:
        try:  # the tag behind the dot, which `is_model` does not look at
            timm.get_pretrained_cfg(name, allow_unregistered=False)
        except RuntimeError:
            known = False
    if not known:
        close = difflib.get_close_matches(name, timm.list_models(include_tags="." in name))
        hint = f"; did you mean {' or '.join(PREFIX + each for each in close)}?" if close else ""
        raise ModelError(f"architecture {PREFIX}{name}: timm has no such model{hint}")
    return timm


def _timm(name: str) -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise ExtraMissingError(
            f"architecture {PREFIX}{name}: needs timm; pip install 'facewise[train]'"
        ) from error


@torch.inference_mode()
def _features(trunk: nn.Module, input_size: int) -> int:
    """How many features a trunk gives: what timm states of it is not always that."""
    was_training = trunk.training
    try:
        features = trunk.eval()(torch.zeros(1, 3, input_size, input_size))
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"{type(trunk).__name__} of timm cannot take faces of {input_size}×{input_size} "
            f"pixels ({reason})"
        ) from error
    finally:
        trunk.train(was_training)
    if not isinstance(features, Tensor) or features.ndim != 2:
        raise ModelError(f"{type(trunk).__name__} of timm gives no vector of features")
    return features.shape[1]
