"""The layers that turn a backbone's features into an embedding.

The general backbones (ResNet, Inception-ResNet-v2, MobileNetV2) have been trained with heads of
several forms. A weight file tells which one it holds by the names and shapes of its tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from torch import Tensor, nn

from facewise.errors import ModelError

HeadKind: TypeAlias = Literal["linear", "projection", "normed", "hidden", "hidden-normed"]

_HIDDEN = 512
# Of the batch norm behind a projection (InceptionResnetV1 has the same); torch's default is 1e-5.
_NORMED_EPS = 1e-3

# The tensors of each kind. `num_batches_tracked` is left out: old files lack it.
_LINEAR = frozenset({"weight", "bias"})
_NORM = frozenset({"weight", "bias", "running_mean", "running_var"})
_TENSORS: Mapping[HeadKind, frozenset[str]] = {
    "linear": _LINEAR,
    "projection": frozenset({"weight"}),
    "normed": frozenset({"0.weight"} | {f"1.{name}" for name in _NORM}),
    "hidden": frozenset(
        {f"{i}.{name}" for i in (0, 3) for name in _LINEAR} | {f"1.{name}" for name in _NORM}
    ),
    "hidden-normed": frozenset(
        {f"{i}.{name}" for i in (0, 3) for name in _LINEAR}
        | {f"{i}.{name}" for i in (1, 4) for name in _NORM}
    ),
}
# The tensor whose first dimension is the embedding's.
_LAST: Mapping[HeadKind, str] = {
    "linear": "weight",
    "projection": "weight",
    "normed": "0.weight",
    "hidden": "3.weight",
    "hidden-normed": "3.weight",
}


@dataclass(frozen=True, slots=True)
class Head:
    """The form of a head, and the length of what it gives.

    Attributes:
        kind: `linear`, a layer with a bias; `projection`, one without; `normed`, a projection and
            a batch norm; `hidden`, a layer of 512 with batch norm and ReLU before the linear one
            (Hermans et al. 2017, https://arxiv.org/abs/1703.07737); `hidden-normed`, a batch norm
            behind that.
        size: numbers of an embedding, at least 1.
    """

    kind: HeadKind = "linear"
    size: int = 512

    def __post_init__(self) -> None:
        if self.kind not in _TENSORS:
            raise ValueError(f"kind: expected one of {', '.join(_TENSORS)}, got {self.kind!r}")
        if self.size < 1:
            raise ValueError(f"size: expected at least 1, got {self.size}")

    def build(self, features: int) -> nn.Module:
        """The layers with random weights, from (n, features) to (n, size)."""
        if self.kind in ("linear", "projection"):
            return nn.Linear(features, self.size, bias=self.kind == "linear")
        if self.kind == "normed":
            return nn.Sequential(
                nn.Linear(features, self.size, bias=False),
                nn.BatchNorm1d(self.size, eps=_NORMED_EPS),
            )
        layers = [
            nn.Linear(features, _HIDDEN),
            nn.BatchNorm1d(_HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, self.size),
        ]
        if self.kind == "hidden-normed":
            layers.append(nn.BatchNorm1d(self.size))
        return nn.Sequential(*layers)

    @classmethod
    def found_in(cls, state: Mapping[str, Tensor], name: str) -> Head:
        """The head of a state_dict.

        Args:
            state: tensors by name.
            name: the attribute of the network that is its head (`fc` for a ResNet).

        Raises:
            ModelError: the tensors below that name are of no known form.
        """
        tensors = {
            key.removeprefix(f"{name}."): value
            for key, value in state.items()
            if key.startswith(f"{name}.") and not key.endswith(".num_batches_tracked")
        }
        for kind, wanted in _TENSORS.items():
            if tensors.keys() == wanted and tensors[_LAST[kind]].ndim == 2:
                return cls(kind, len(tensors[_LAST[kind]]))
        found = ", ".join(sorted(tensors)) or "nothing"
        raise ModelError(f"expected an embedding head of a known form under {name!r}, got {found}")
