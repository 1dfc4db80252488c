"""Cosines of embeddings and class weights, without a normalised copy of the weights."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from facewise.training.losses.face_loss import full_precision


def unit_rows(vectors: Tensor, norms: Tensor) -> Tensor:
    """Vectors (n, d) divided by their norms (n,); a zero vector stays zero, without gradient."""
    return vectors / torch.where(norms > 0, norms, torch.inf)[:, None]


def cosines(unit: Tensor, weight: Tensor) -> Tensor:
    """The cosine of every embedding and every class.

    Args:
        unit: (n, d) embeddings of unit length.
        weight: (c, d) class weights of any length; a zero row has cosine 0.

    Returns:
        (n, c) in [-1, 1], up to rounding.
    """
    return cast(Tensor, _Cosines.apply(unit, weight))


class _Cosines(torch.autograd.Function):
    """The norms divide the product, not the weights.

    With C = U W^T diag(r), r_j = 1/|w_j|, and G the gradient of C: dU = G diag(r) W and
    dW = diag(r) G^T U - diag(r_j^2 sum_i G_ij C_ij) W. That goes over (c, d) numbers three times;
    normalising first, and differentiating that, does so about nine times. With more classes
    than pictures this is where the time goes.
    """

    @staticmethod
    def forward(ctx: Any, unit: Tensor, weight: Tensor) -> Tensor:
        norms = torch.linalg.vector_norm(weight, dim=1)
        inverse = torch.where(norms > 0, norms.reciprocal(), 0.0)
        cosine = (unit @ weight.T).mul_(inverse)
        ctx.save_for_backward(unit, weight, inverse, cosine)
        return cosine

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        unit, weight, inverse, cosine = ctx.saved_tensors
        with full_precision(gradient):
            scaled = gradient * inverse
            to_unit = scaled @ weight if ctx.needs_input_grad[0] else None
            if not ctx.needs_input_grad[1]:
                return to_unit, None
            along = (scaled * cosine).sum(dim=0).mul_(inverse).neg_()
            return to_unit, (weight * along[:, None]).addmm_(scaled.T, unit)
