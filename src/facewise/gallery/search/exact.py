"""Exact search: every vector is compared, roughly first, then the best in float32.

A rough similarity is off by no more than what coding moved the two vectors. So when the k-th
similarity in float32 is above the rough one of the last candidate by that much, no face that was
not a candidate can belong to the k best: the answer is that of float32. Where it is not, more
candidates are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from facewise.gallery.search.coding import Coded, Numbers, code
from facewise.gallery.search.matches import Matches
from facewise.gallery.search.products import similarities
from facewise.gallery.search.refining import VectorsOf, refined
from facewise.gallery.search.segment import Segment
from facewise.runtime.threads import threads
from facewise.runtime.workers import ordered_map

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

Look: TypeAlias = (
    "Callable[[NDArray[np.float32], int], "
    "tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]]"
)
"""`candidates` of some segments."""

MOST = 4096
"""Candidates of a probe at most (or 2 k); with more that are as good as equal, that is it."""

_PROBES = 256
"""Probes in one pass over the gallery."""

_CHUNK = 16_777_216
"""Bytes of the similarities of a chunk at most; they stay in the processor's cache."""

_BYTES: dict[Numbers, int] = {"float32": 4, "bfloat16": 2, "int8": 8}
"""Of one of them, with what it is made from."""

_POOL: dict[Numbers, tuple[int, int]] = {"float32": (8, 2), "bfloat16": (8, 2), "int8": (32, 4)}
"""Candidates to begin with: the first number, and the second for each of the k asked for."""

_GROUP = 8

_SMALL = 2048
"""Rows that one worker compares faster than it is woken."""

_ROUNDING = 2.0**-8
"""What a similarity in bfloat16 may be off, as a part of it."""

_SLACK = 1e-5
"""What sums in float32 may be off."""


def search(
    segments: Sequence[Segment],
    probes: NDArray[np.float32],
    k: int,
    vectors_of: VectorsOf,
    look: Look | None = None,
) -> Matches:
    """The k most similar faces of each probe.

    Args:
        segments: all of one form of numbers; no face in two of them.
        probes: float32 (m, d), unit vectors.
        k: at least 1.
        vectors_of: gives float32 vectors of faces, which decide. One that it does not give (it was
            removed since) is not found.
        look: what gives the candidates of some probes; None: `candidates` of the segments.
    """
    look = look or partial(candidates, segments)
    found = Matches.none(len(probes), k)
    n = sum(map(len, segments))
    for start in range(0, len(probes) if n else 0, _PROBES):
        todo = np.arange(start, min(start + _PROBES, len(probes)))
        fixed, each = _POOL[segments[0].coded.numbers]
        count = fixed + each * k
        while len(todo):
            count = min(count, n)
            part = probes[todo]
            faces, rough, off = look(part, count)
            # What cannot reach the k-th is not fetched, unless what could is not there any more.
            if k < count == min(fixed + each * k, n):
                faces[rough + 2 * off[:, None] < rough[:, [k - 1]]] = -1
            best = refined(part, faces, k, vectors_of)
            sure = best.similarities[:, -1] >= rough[:, -1] + off
            sure |= count == n or count >= max(MOST, 2 * k)
            found.put(todo[sure], best.rows(sure))
            todo = todo[~sure]
            count *= 4
    return found


def candidates(
    segments: Sequence[Segment], probes: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """The roughly most similar faces.

    Args:
        segments: with `count` faces or more.
        probes: float32 (m, d), unit vectors.
        count: of faces for each probe.

    Returns:
        Face ids, int64 (m, count), and rough similarities, float32 (m, count), the best first; and
        by how much, float32 (m,), a similarity may be off.
    """
    import torch

    numbers = segments[0].coded.numbers
    coded = code(probes, numbers)
    best, ids = torch.empty(len(probes), 0), torch.empty(len(probes), 0, dtype=torch.int64)

    def top(chunk: tuple[NDArray[np.int64], Coded]) -> tuple[torch.Tensor, torch.Tensor]:
        rough = similarities(coded, chunk[1])
        values, places = _top(rough, min(count, rough.shape[1]))
        return values.float(), torch.from_numpy(chunk[0])[places]

    rows = max(1024, min(32_768, _CHUNK // _BYTES[numbers] // len(probes)))
    for values, faces in ordered_map(top, _chunks(segments, rows)):
        best, ids = torch.cat([best, values], 1), torch.cat([ids, faces], 1)
        best, places = best.topk(min(count, best.shape[1]), dim=1)
        ids = ids.gather(1, places)
    if coded.scales is not None:
        best = best * coded.scales[:, None]
    error = max(segment.coded.error for segment in segments)
    decoded = coded.decoded()
    off = (decoded - torch.from_numpy(probes)).norm(dim=1) + error * decoded.norm(dim=1) + _SLACK
    if numbers == "bfloat16":
        off += best.abs().amax(dim=1) * _ROUNDING
    return ids.numpy(), best.numpy(), off.numpy()


def _top(values: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`topk` along the rows of (m, n), in half the time: of groups first, by their maxima."""
    m, n = values.shape
    columns = n // _GROUP
    if n % _GROUP or columns <= count:
        top = values.topk(count, dim=1)
        return top.values, top.indices
    groups = values.view(m, _GROUP, columns)
    chosen = groups.amax(dim=1).topk(count, dim=1).indices
    inside = groups.gather(2, chosen[:, None].expand(m, _GROUP, count)).flatten(1)
    best, places = inside.topk(count, dim=1)
    return best, chosen.gather(1, places % count) + places // count * columns


def _chunks(segments: Sequence[Segment], rows: int) -> Iterator[tuple[NDArray[np.int64], Coded]]:
    """Parts of up to so many rows; of equal size, and as many for each worker."""
    workers = threads()
    for segment in segments:
        parts = -(-len(segment) // rows)
        if len(segment) >= 2 * workers * _SMALL:
            parts += -parts % workers
        size = -(-len(segment) // parts // _GROUP) * _GROUP if parts else 0
        for start in range(0, len(segment), max(size, _GROUP)):
            part = slice(start, start + size)
            yield segment.faces[part], segment.coded.rows(part)
