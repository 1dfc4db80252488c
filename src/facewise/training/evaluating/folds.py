"""Folds for pairs that come without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ProtocolError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 10
"""As many as LFW has."""


def dealt_folds(same: NDArray[np.bool_], name: str) -> NDArray[np.intp]:
    """The fold, from 0, of each pair: those of each kind are dealt out in turn, in their order.

    There are ten folds, or as many as there are pairs of the rarer kind.

    Args:
        same: bool (n,), True for genuine pairs.
        name: of the protocol, for the error.

    Raises:
        ProtocolError: there are fewer than two pairs of a kind.
    """
    genuine = int(np.count_nonzero(same))
    least = min(genuine, len(same) - genuine)
    if least < 2:
        raise ProtocolError(f"{name}: expected at least two pairs of each kind, got {least} of one")
    folds = np.empty(len(same), np.intp)
    for kind in (same, ~same):
        folds[kind] = np.arange(np.count_nonzero(kind)) % min(FOLDS, least)
    return folds
