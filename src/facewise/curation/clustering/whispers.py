"""Chinese whispers: every face again and again takes the label that most of its neighbours have.

Source: C. Biemann, "Chinese whispers: an efficient graph clustering algorithm and its application
to natural language processing problems", 2006.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_ROUNDS = 30


def whispered(
    n: int, edges: tuple[Ints, Ints], weights: NDArray[np.float32], *, seed: int = 0
) -> Ints:
    """Cluster a graph; knows no constraints.

    Args:
        n: nodes.
        edges: both ends, int64 (e,) each.
        weights: above 0, (e,).
        seed: of the order in which nodes listen.

    Returns:
        Of each node the lowest number of its cluster, int64 (n,).
    """
    ends = np.concatenate([edges[0], edges[1]])
    others = np.concatenate([edges[1], edges[0]])
    order = np.argsort(ends, kind="stable")
    starts = np.searchsorted(ends[order], np.arange(n + 1)).tolist()
    near = others[order].tolist()
    strong = np.concatenate([weights, weights])[order].tolist()
    labels = list(range(n))
    rng = np.random.default_rng(seed)
    for _ in range(_ROUNDS):
        changes = 0
        for node in rng.permutation(n).tolist():
            heard: dict[int, float] = {}
            for place in range(starts[node], starts[node + 1]):
                label = labels[near[place]]
                heard[label] = heard.get(label, 0.0) + strong[place]
            if not heard:
                continue
            loudest = max(heard, key=lambda label: (heard[label], -label))
            if loudest != labels[node]:
                labels[node] = loudest
                changes += 1
        if not changes:
            break
    _, firsts, inverse = np.unique(labels, return_index=True, return_inverse=True)
    lowest: Ints = firsts[inverse].astype(np.int64)
    return lowest
