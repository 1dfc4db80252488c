"""Cross-entropy with what may stand on top of it: label smoothing and the focal factor."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def cross_entropy(
    logits: Tensor, targets: Tensor, *, focal: float = 0.0, label_smoothing: float = 0.0
) -> Tensor:
    """The mean over the batch of (1 - p)^focal * H, with p the probability of the right class.

    H = -(1 - s) log p - s / c * sum_j log p_j with smoothing s (Szegedy 2016); the focal factor
    (Lin 2017, "Focal Loss for Dense Object Detection") is each picture's own, and follows the
    unsmoothed p.

    Args:
        logits: (n, c).
        targets: int64 (n,) in 0 to c - 1.
        focal: the exponent; 0 leaves the factor out.
        label_smoothing: s in [0, 1].

    Returns:
        A scalar.
    """
    losses = functional.cross_entropy(
        logits, targets, reduction="none", label_smoothing=label_smoothing
    )
    if focal:
        surprise = losses
        if label_smoothing:
            surprise = functional.cross_entropy(logits, targets, reduction="none")
        # 1 - p, exactly where p is near 1, and above zero: an exponent below 1 has no slope at 0.
        doubt = (-torch.expm1(-surprise)).clamp_min(torch.finfo(losses.dtype).tiny)
        losses = doubt**focal * losses
    return losses.mean()
