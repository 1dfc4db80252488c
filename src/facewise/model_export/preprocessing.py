"""A network that takes pixels, computes in a number format, and answers in float32: for PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facewise.zoo import Normalisation


class Wrapped(nn.Module):
    """A network as a file of PyTorch's own formats holds it.

    Args:
        network: of normalised pictures (n, 3, h, w).
        normalisation: take uint8 RGB pixels (n, h, w, 3) and normalise them so; None: take what
            the network takes, in float32.
        dtype: what the network computes in.
    """

    def __init__(
        self, network: nn.Module, normalisation: Normalisation | None, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.network = network
        self.dtype = dtype
        self.pixels = normalisation is not None
        normal = normalisation or Normalisation()
        self.swaps = normal.colour == "bgr"
        self.per_image = normal.per_image
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.tensor(normal.mean).view(1, 3, 1, 1))
        self.register_buffer("scale", (1 / torch.tensor(normal.std)).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The network's answers, float32."""
        if self.pixels:
            x = x.permute(0, 3, 1, 2).contiguous().to(torch.float32)
            if self.swaps:
                x = torch.cat([x[:, 2:3], x[:, 1:2], x[:, 0:1]], dim=1)
            x = self._of_each(x) if self.per_image else (x - self.mean) * self.scale
        if self.dtype == torch.float32:
            answers: Tensor | tuple[Tensor, ...] = self.network(x)
            return answers
        answers = self.network(x.to(self.dtype))
        if isinstance(answers, tuple):
            return tuple(answer.to(torch.float32) for answer in answers)
        return answers.to(torch.float32)

    def _of_each(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=(1, 2, 3), keepdim=True)
        deviation = (centred * centred).mean(dim=(1, 2, 3), keepdim=True).sqrt()
        return centred / deviation.clamp_min((x.shape[1] * x.shape[2] * x.shape[3]) ** -0.5)
