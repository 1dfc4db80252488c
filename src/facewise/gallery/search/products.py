"""Similarities between coded vectors, by the way that is fastest on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from facewise.gallery.search.coding import Coded, Numbers, code
from facewise.runtime.workers import ordered_map

if TYPE_CHECKING:
    import torch

_TRIAL = 2048
"""Vectors of the trial."""

_MADE = 1 << 22
"""Bytes of float32 that are made of other numbers at a time."""

_TOLERANCE = 2.0**-8
"""Of the largest product: what bfloat16 rounds."""


def similarities(probes: Coded, faces: Coded) -> torch.Tensor:
    """Dot products of probes (m, d) with faces (n, d) of the same form; (m, n).

    Those of int8 are to be multiplied with the scale of their probe; that changes no order.
    bfloat16 may give its own form, with 8 significant bits.
    """
    if faces.numbers != "float32" and not _native_pays(faces.numbers, faces.values.shape[1]):
        return _through_float32(probes, faces)
    return _native(probes, faces)


def _native(probes: Coded, faces: Coded) -> torch.Tensor:
    import torch

    if faces.scales is None:
        return probes.values @ faces.values.T
    return torch._int_mm(probes.values, faces.values.T).float().mul_(faces.scales)


def _through_float32(probes: Coded, faces: Coded) -> torch.Tensor:
    """A part at a time, so that what is made of it stays in the cache.

    For all of a chunk at once the system would have to find new memory each time: that takes ten
    times as long.
    """
    import torch

    made = probes.values.float()
    products = torch.empty(len(made), len(faces))
    rows = max(1, _MADE // (4 * made.shape[1]))
    for start in range(0, len(faces), rows):
        part = slice(start, start + rows)
        products[:, part] = made @ faces.values[part].float().T
    return products if faces.scales is None else products.mul_(faces.scales)


@cache
def _native_pays(numbers: Numbers, d: int) -> bool:
    """Whether the processor multiplies such numbers right, and faster than float32 made of them.

    Those without instructions for them (AVX-512 BF16 or VNNI, AMX, their like on ARM) may take ten
    times as long; and PyTorch's int8 product is wrong for d = 1. So it is tried, once, in some
    milliseconds.
    """
    faces = code(np.random.default_rng(0).standard_normal((_TRIAL, d), np.float32), numbers)
    probes = faces.rows(slice(3))
    try:
        found = _native(probes, faces).float()
        expected = _through_float32(probes, faces)
        if (found - expected).abs().max() > _TOLERANCE * expected.abs().max():
            return False
        # In workers, and in processor time: beside other processes, operations of many threads take
        # as long as it takes until all of these had their turn.
        tried = partial(_seconds, faces.rows(slice(1)), faces)
        native, through_float32 = ordered_map(tried, (_native, _through_float32))
        return native < through_float32
    except (RuntimeError, AttributeError):  # this PyTorch cannot
        return False


def _seconds(probe: Coded, faces: Coded, way: Callable[[Coded, Coded], object]) -> float:
    times = []
    for _ in range(5):
        begun = time.thread_time()
        way(probe, faces)
        times.append(time.thread_time() - begun)
    return min(times)
