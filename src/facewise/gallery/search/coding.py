"""Vectors in few bytes: float32, bfloat16 or int8, and how far that moves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

Numbers = Literal["float32", "bfloat16", "int8"]

SIZES: dict[Numbers, int] = {"float32": 4, "bfloat16": 2, "int8": 1}
"""Bytes of one number."""


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """n vectors of d numbers.

    Attributes:
        numbers: their form.
        values: (n, d) of that form.
        scales: float32 (n,), what an int8 vector is to be multiplied with; None for other forms.
            Each vector has its own, so that none is clipped.
        error: the largest distance (length of the difference) between a vector and what was coded.
    """

    numbers: Numbers
    values: torch.Tensor
    scales: torch.Tensor | None
    error: float

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, chosen: slice | torch.Tensor) -> Coded:
        """Some of the vectors, by slice, number or mask."""
        scales = None if self.scales is None else self.scales[chosen]
        return Coded(self.numbers, self.values[chosen], scales, self.error)

    def decoded(self) -> torch.Tensor:
        """The vectors, float32 (n, d)."""
        vectors = self.values.float()
        return vectors if self.scales is None else vectors * self.scales[:, None]


def code(vectors: NDArray[np.float32], numbers: Numbers) -> Coded:
    """Code vectors, float32 (n, d), of length 1 or less."""
    import torch

    exact = torch.from_numpy(np.array(vectors, np.float32, order="C"))
    scales = None
    if numbers == "float32":
        return Coded(numbers, exact, None, 0.0)
    if numbers == "bfloat16":
        values = exact.bfloat16()
    else:
        scales = (exact.abs().amax(dim=1) / 127).clamp(min=1e-12)
        values = (exact / scales[:, None]).round().to(torch.int8)
    coded = Coded(numbers, values, scales, 0.0)
    moved = (coded.decoded() - exact).norm(dim=1)
    return Coded(numbers, values, scales, float(moved.max()) if len(moved) else 0.0)


def joined(parts: list[Coded]) -> Coded:
    """All vectors of one or more parts of the same form, in order."""
    import torch

    scales = [part.scales for part in parts if part.scales is not None]
    return Coded(
        parts[0].numbers,
        torch.cat([part.values for part in parts]),
        torch.cat(scales) if scales else None,
        max(part.error for part in parts),
    )
