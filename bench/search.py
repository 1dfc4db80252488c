"""`python -m bench search`: the most similar of many vectors, exactly."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.contest import Contender, Timed
from bench.hold import hold
from bench.machine import memory_available
from bench.record import Group, Record

SIZES = (10_000, 100_000, 1_000_000)
PROBES = (1, 32, 256)
_DIMENSIONS = 512
_CHUNK = 65_536  # rows of the gallery in one product: bounds the memory for the similarities
_NUMPY = "numpy float32"

Floats = NDArray[np.float32]
Best = tuple[NDArray[Any], NDArray[Any]]  # similarity and row, of each probe


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="of the gallery")
    parser.add_argument("--probes", nargs="+", type=int, default=PROBES, help="in one call")


def run(arguments: argparse.Namespace, record: Record) -> None:
    rounds = arguments.rounds or 9
    sizes, batches = arguments.sizes, arguments.probes
    if arguments.quick:
        rounds, sizes, batches = 2, [2_000], [4]
    record.settings = {"rounds": rounds, "dimensions": _DIMENSIONS, "chunk": _CHUNK}
    for size in sizes:
        needed = size * _DIMENSIONS * 6 + (1 << 29)  # float32 and bfloat16, and room to work
        free = memory_available()
        if free is not None and free < needed:
            record.miss(f"{size:,} vectors", f"need {needed / 1e9:.1f} GB, {free / 1e9:.1f} free")
            continue
        rng = np.random.default_rng(0)
        gallery = unit_vectors(rng, size)
        galleries = {
            _NUMPY: gallery,
            "torch float32": torch.from_numpy(gallery),
            "torch bfloat16": torch.from_numpy(gallery).bfloat16(),
        }
        for count in batches:
            probes = [near(rng, gallery, count) for _ in range(rounds)]
            group = Group(
                f"{size:,} vectors of {_DIMENSIONS}, {count} probes at once",
                unit="probe",
                reference=_NUMPY,
                columns=["agreement"],
                notes=["`same best`: the probes for which it names the same row as numpy float32."],
            )
            contenders = [
                Contender(name, "", name, partial(_SEARCH[name], matrix), _stacked)
                for name, matrix in galleries.items()
            ]
            hold(group, contenders, [list(part) for part in probes], record, Judge())


def unit_vectors(rng: np.random.Generator, count: int) -> Floats:
    """Random directions, (n, 512) of unit length, made in parts."""
    vectors = np.empty((count, _DIMENSIONS), np.float32)
    for start in range(0, count, _CHUNK):
        part = vectors[start : start + _CHUNK]
        rng.standard_normal(out=part, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def near(rng: np.random.Generator, gallery: Floats, count: int) -> Floats:
    """Probes with a cosine of about 0.6 to a row each, as two photos of a person have."""
    known = gallery[rng.integers(len(gallery), size=count)]
    probes: Floats = 0.6 * known + 0.8 * unit_vectors(rng, count)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    return probes


def search_numpy(gallery: Floats, probes: Floats) -> Best:
    """As `recognize` does today: a product and the largest of each row, part by part."""
    return _over_parts(
        len(gallery),
        lambda part: probes @ gallery[part].T,
        lambda found: (found.max(axis=1), found.argmax(axis=1)),
    )


@torch.inference_mode()
def search_torch(gallery: torch.Tensor, probes: Floats) -> Best:
    """The same in torch, in the number format of the gallery."""
    queries = torch.from_numpy(probes).to(gallery.dtype)

    def largest(found: torch.Tensor) -> Best:
        values, rows = found.max(dim=1)
        return values.float().numpy(), rows.numpy()

    return _over_parts(len(gallery), lambda part: queries @ gallery[part].T, largest)


def _over_parts(size: int, product: Callable[[slice], Any], largest: Callable[[Any], Best]) -> Best:
    """The largest over parts of a gallery, without all similarities at once."""
    values: NDArray[Any] | None = None
    rows: NDArray[Any] = np.empty(0, np.intp)
    for start in range(0, size, _CHUNK):
        value, row = largest(product(slice(start, start + _CHUNK)))
        if values is None:
            values, rows = value, row
            continue
        better = value > values
        values, rows = np.where(better, value, values), np.where(better, row + start, rows)
    assert values is not None
    return values, rows


_SEARCH: Mapping[str, Callable[..., Best]] = {
    _NUMPY: search_numpy,
    "torch float32": search_torch,
    "torch bfloat16": search_torch,
}


class Judge:
    """How often a contender names the row that numpy names."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[int, NDArray[Any]]] = {}

    def see(self, timed: Timed) -> None:
        self._rows.setdefault(timed.contender.name, {})[timed.round] = timed.output[1]

    def extras(self, name: str) -> Mapping[str, float | None]:
        own, true = self._rows[name], self._rows.get(_NUMPY, {})
        same = [own[r] == true[r] for r in own.keys() & true.keys()]
        return {"agreement": float(np.concatenate(same).mean())} if same else {}


def _stacked(vectors: Sequence[Floats]) -> Floats:
    return np.stack(vectors)
