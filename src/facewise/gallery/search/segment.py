"""A segment: some of the gallery's vectors in one file, which is written once and mapped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
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


def write_segment(path: Path, segment: Segment) -> None:
    """Write a segment: face ids, scales of int8, vectors; all little-endian."""
    import torch

    coded = segment.coded
    with path.open("wb") as file:
        file.write(segment.faces.astype("<i8").tobytes())
        if coded.scales is not None:
            file.write(coded.scales.numpy().astype("<f4").tobytes())
        file.write(bytes(-file.tell() % _ALIGN))
        values = coded.values.contiguous()
        if coded.numbers == "bfloat16":  # which numpy does not have
            values = values.view(torch.int16)
        values.numpy().tofile(file)


def map_segment(path: Path, n: int, d: int, numbers: Numbers, error: float) -> Segment:
    """Map the file of a segment of n vectors.

    Raises:
        ValueError: the file is not as long as such a segment.
        OSError: it cannot be read.
    """
    import torch

    ids = 8 * n + (4 * n if numbers == "int8" else 0)
    start = ids + -ids % _ALIGN
    expected = start + n * d * SIZES[numbers]
    if path.stat().st_size != expected:
        raise ValueError(f"{path}: {path.stat().st_size} bytes, expected {expected}")
    # Copy-on-write, since PyTorch knows no memory that may only be read; nobody writes.
    whole = np.memmap(path, np.uint8, "c")
    form = {"float32": np.float32, "bfloat16": np.int16, "int8": np.int8}[numbers]
    values = torch.from_numpy(np.asarray(whole[start:]).view(form).reshape(n, d))
    scales = None
    if numbers == "int8":
        scales = torch.from_numpy(np.asarray(whole[8 * n : ids]).view(np.float32))
    if numbers == "bfloat16":
        values = values.view(torch.bfloat16)
    faces = np.asarray(whole[: 8 * n]).view(np.int64)
    return Segment(faces, Coded(numbers, values, scales, error))
