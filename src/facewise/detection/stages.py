"""The three questions MTCNN asks its networks, whatever runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

Answers: TypeAlias = tuple[Tensor, ...]
"""Of n candidates: moves (n, 4), in ONet's case landmarks (n, 10), and face probabilities (n,)."""


class Stages:
    """Three networks, as questions.

    Pictures are float32 `(pixel - 127.5) / 128`, (n, 3, h, w), best channels_last.

    Args:
        pnet: all three answer as the networks of `mtcnn_nets` do.
        rnet: likewise.
        onet: likewise.
    """

    def __init__(
        self,
        pnet: Callable[[Tensor], Any],
        rnet: Callable[[Tensor], Any],
        onet: Callable[[Tensor], Any],
    ) -> None:
        self.pnet, self.rnet, self.onet = pnet, rnet, onet

    def propose(self, x: Tensor, threshold: float) -> Answers:
        """Where in pictures (n, 3, h, w) a face is likely.

        Returns:
            Picture, row and column of k cells (k, 3), their probabilities (k,) and moves (k, 4).
        """
        if hasattr(self.pnet, "likely"):
            found: Answers = self.pnet.likely(x, threshold)
            return found
        moves, probabilities = self.pnet(x)
        scores = probabilities[:, 1]
        cells = (scores >= threshold).nonzero()
        picture, row, column = cells.T
        return cells, scores[picture, row, column], moves[picture, :, row, column]

    def judge(self, x: Tensor, threshold: float) -> Answers:
        """PNet's answers on single windows; as of `PNet.judge`, and by PyTorch only."""
        found: Answers = self.pnet.judge(x, threshold)  # type: ignore[attr-defined]
        return found

    def refine(self, x: Tensor) -> Answers:
        """RNet's answers on (n, 3, 24, 24)."""
        moves, probabilities = self.rnet(x)
        return moves, probabilities[:, 1]

    def finish(self, x: Tensor) -> Answers:
        """ONet's answers on (n, 3, 48, 48)."""
        moves, points, probabilities = self.onet(x)
        return moves, points, probabilities[:, 1]


class InDtype:
    """A network of `mtcnn_nets` that computes in its own number format.

    Args:
        network: with its parameters in that format.
        dtype: the format.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        self._network = network
        self._dtype = dtype
        if hasattr(network, "likely"):
            self.likely = self._likely

    def __call__(self, x: Tensor) -> Answers:
        """The network's answers, in float32."""
        return tuple(y.float() for y in self._network(x.to(self._dtype)))

    def _likely(self, x: Tensor, threshold: float) -> Answers:
        cells, scores, moves = self._network.likely(x.to(self._dtype), threshold)  # type: ignore[operator]
        return cells, scores.float(), moves.float()


def network_input(pictures: NDArray[np.float32], device: torch.device) -> Tensor:
    """What the networks take, for pictures in [0, 255], (n, h, w, 3), whose memory is used."""
    pictures -= np.float32(127.5)
    pictures *= np.float32(1 / 128)
    # Seen as (n, 3, h, w) this memory is what PyTorch calls channels_last: nothing is copied.
    return torch.from_numpy(pictures).to(device, non_blocking=True).permute(0, 3, 1, 2)


def size_for(device: torch.device, sizes: Mapping[str, int]) -> int:
    """Of sizes by kind of device, "cpu" and "other", the one that fits."""
    return sizes["cpu" if device.type == "cpu" else "other"]
