"""A segment: some of the gallery's vectors in one file, which is written once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.gallery.search.coding import SIZES, Coded, Numbers, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 131_072
"""Vectors of a segment at most: what is rewritten when one of them is to be forgotten."""

_ALIGN = 64


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """n faces, in memory or in a file that is mapped.

    Attributes:
        faces: int64 (n,), their ids, ascending.
        coded: their vectors.
    """

    faces: NDArray[np.int64]
    coded: Coded

    def __len__(self) -> int:
        return len(self.faces)

    def without(self, gone: NDArray[np.int64]) -> Segment:
        """A copy in memory that holds nothing of some faces."""
        import torch

        keep = np.flatnonzero(~np.isin(self.faces, gone))
        return Segment(self.faces[keep], self.coded.rows(torch.from_numpy(keep)))


def merged(segments: list[Segment]) -> Segment:
    """All faces of one or more segments, in memory."""
    import torch

    faces = np.concatenate([segment.faces for segment in segments])
    coded = joined([segment.coded for segment in segments])
    if len(faces) > 1 and (np.diff(faces) < 0).any():
        order = np.argsort(faces, kind="stable")
        faces, coded = faces[order], coded.rows(torch.from_numpy(order))
    return Segment(faces, coded)


def parts_of(segment: Segment) -> list[NDArray[np.uint8]]:
    """What a segment's file holds, one after another, little-endian.

    Face ids, scales of int8, zeros up to a multiple of 64 bytes, vectors.
    """
    import torch

    coded = segment.coded
    values = coded.values.contiguous()
    if coded.numbers == "bfloat16":  # which numpy does not have
        values = values.view(torch.int16)
    parts = [segment.faces.astype("<i8")]
    if coded.scales is not None:
        parts.append(coded.scales.numpy().astype("<f4"))
    parts.append(np.zeros(-sum(part.nbytes for part in parts) % _ALIGN, np.uint8))
    return [part.reshape(-1).view(np.uint8) for part in (*parts, values.numpy())]


def segment_in(whole: NDArray[np.uint8], n: int, d: int, numbers: Numbers, error: float) -> Segment:
    """The segment of n vectors in the bytes of its file, which are not copied.

    Args:
        whole: uint8 (bytes,), writable, since PyTorch knows no other memory; nobody writes.
        n: vectors.
        d: numbers of each.
        numbers: their form.
        error: see `Coded`.

    Raises:
        ValueError: they are not as many as of such a segment.
    """
    import torch

    ids = 8 * n + (4 * n if numbers == "int8" else 0)
    start = ids + -ids % _ALIGN
    expected = start + n * d * SIZES[numbers]
    if len(whole) != expected:
        raise ValueError(f"{len(whole)} bytes, expected {expected}")
    form = {"float32": np.float32, "bfloat16": np.int16, "int8": np.int8}[numbers]
    values = torch.from_numpy(whole[start:].view(form).reshape(n, d))
    scales = None
    if numbers == "int8":
        scales = torch.from_numpy(whole[8 * n : ids].view(np.float32))
    if numbers == "bfloat16":
        values = values.view(torch.bfloat16)
    return Segment(whole[: 8 * n].view(np.int64), Coded(numbers, values, scales, error))
