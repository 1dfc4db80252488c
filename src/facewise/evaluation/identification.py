"""Search probes in a gallery: closed set (who is it?) and open set (is it anybody?).

A person of the gallery is what recognition makes of one: the mean of the vectors of the person's
images, at unit length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation import metrics
from facewise.evaluation.templates import unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.protocols.people import PeopleProtocol
    from facewise.evaluation.vectors import ImageVectors

RANKS = (1, 5, 10, 20)
FPIRS = (1e-1, 1e-2, 1e-3)
"""Ranks and false-positive identification rates whose figures are given."""

_BLOCK = 1 << 24  # similarities at a time: 64 MB as float32
_SHOWN = 12  # of the worst errors

Error: TypeAlias = tuple[int, int, float]
"""Number of the probe, of an image of the person it was taken for, and the similarity."""


@dataclass(frozen=True, slots=True, eq=False)
class IdentificationScored:
    """What one model made of a protocol.

    Attributes:
        model: its id; `A+B` for a fusion.
        found: the vectors of the protocol's images, and why some have none.
        figures: `people`, `probes`, `mated`, `non_mated`, `failed_probes`, `failed_people`,
            `rank` (identification rate by rank) and `dir_at_fpir` (a list of `fpir`, `dir`,
            `threshold`, `note`).
        ranks: float64 (people,), the cumulative match characteristic; empty without mated probes.
        dir_curve: false-positive identification rates and the detection and identification rates
            there, each float64; empty without probes of both kinds.
        worst_false_positives: non-mated probes, most alike to somebody first.
        worst_misses: mated probes that somebody else is as alike to or more, most alike first.
        hits: bool (mated,), the mated probes that are identified at rank 1.
    """

    model: str
    found: ImageVectors
    figures: Mapping[str, Any]
    ranks: NDArray[np.float64]
    dir_curve: tuple[NDArray[np.float64], NDArray[np.float64]]
    worst_false_positives: tuple[Error, ...]
    worst_misses: tuple[Error, ...]
    hits: NDArray[np.bool_]


def identify_probes(
    model: str,
    found: ImageVectors,
    protocol: PeopleProtocol,
    *,
    ranks: Sequence[int] = RANKS,
    fpirs: Sequence[float] = FPIRS,
) -> IdentificationScored:
    """Search all probes of a protocol.

    A probe that failed is never recognised, and a person none of whose images could be embedded is
    never found; both count.

    Args:
        model: what to call it.
        found: a vector for each image of the protocol.
        protocol: gallery and probes.
        ranks: at which the identification rate is given; ranks beyond the gallery are left out.
        fpirs: rates at which the detection and identification rate is given.

    Raises:
        ProtocolError: nobody of the gallery could be embedded.
    """
    names, own = np.unique(protocol.people[: protocol.enrolled], return_inverse=True)
    templates = _templates(found.vectors[: protocol.enrolled], own, len(names))
    empty = np.isnan(templates).any(axis=1)
    if empty.all():
        raise ProtocolError("nobody of the gallery could be embedded")
    column = {name: number for number, name in enumerate(names.tolist())}
    mates = np.array([column.get(name, -1) for name in protocol.people[protocol.enrolled :]])
    probes = found.vectors[protocol.enrolled :]
    searched = _search(probes, templates, mates)
    mated = mates >= 0
    rank, mate_similarity, best, best_similarity = searched
    curve = np.empty(0)
    if mated.any():
        curve = metrics.cmc(rank[mated], len(names))
    figures: dict[str, Any] = {
        "people": len(names),
        "probes": len(probes),
        "mated": int(np.count_nonzero(mated)),
        "non_mated": int(np.count_nonzero(~mated)),
        "failed_probes": int(np.count_nonzero(np.isnan(probes).any(axis=1))),
        "failed_people": int(np.count_nonzero(empty)),
        "rank": {str(k): float(curve[k - 1]) for k in ranks if 0 < k <= len(curve)},
        "dir_at_fpir": [],
    }
    if mated.any() and not mated.all():
        open_set = (mate_similarity[mated], rank[mated], best_similarity[~mated])
        figures["dir_at_fpir"] = [_at_fpir(*open_set, fpir) for fpir in sorted(fpirs)[::-1]]
        dir_curve = _dir_curve(*open_set)
    else:
        dir_curve = (np.empty(0), np.empty(0))
    first: dict[int, int] = {}
    for number, person in enumerate(own.tolist()):
        first.setdefault(person, number)

    def errors(which: NDArray[np.bool_]) -> tuple[Error, ...]:
        wrong = np.flatnonzero(which & ~np.isnan(best_similarity))
        worst = wrong[np.argsort(-best_similarity[wrong], kind="stable")][:_SHOWN]
        return tuple(
            (protocol.enrolled + int(i), first[int(best[i])], float(best_similarity[i]))
            for i in worst
        )

    return IdentificationScored(
        model=model,
        found=found,
        figures=figures,
        ranks=curve,
        dir_curve=dir_curve,
        worst_false_positives=errors(~mated),
        worst_misses=errors(mated & (rank != 1)),
        hits=rank[mated] == 1,
    )


def _templates(
    vectors: NDArray[np.float32], person: NDArray[np.intp], people: int
) -> NDArray[np.float32]:
    """The mean of each person's vectors at unit length, (people, d); NaN where there are none."""
    usable = ~np.isnan(vectors).any(axis=1)
    sums = np.zeros((people, vectors.shape[1]))
    np.add.at(sums, person[usable], vectors[usable])
    return unit(sums)


def _search(
    probes: NDArray[np.float32], templates: NDArray[np.float32], mates: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Of each probe the mate's rank (0: none) and similarity, and who else is most alike."""
    rank = np.zeros(len(probes), np.intp)
    own = np.full(len(probes), np.nan)
    best = np.zeros(len(probes), np.intp)
    highest = np.full(len(probes), np.nan)
    step = max(1, _BLOCK // len(templates))
    for start in range(0, len(probes), step):
        part = slice(start, start + step)
        similarity = (probes[part] @ templates.T).astype(np.float64)
        mated = np.flatnonzero(mates[part] >= 0)
        rank[start + mated] = metrics.mate_ranks(similarity[mated], mates[start + mated])
        own[start + mated] = similarity[mated, mates[start + mated]]
        ranked = np.where(np.isnan(similarity), -np.inf, similarity)
        ranked[mated, mates[start + mated]] = -np.inf  # who else?
        best[part] = ranked.argmax(axis=1)
        top = ranked.max(axis=1)
        highest[part] = np.where(np.isneginf(top), np.nan, top)
    return rank, own, best, highest


def _at_fpir(
    mated: NDArray[np.float64],
    ranks: NDArray[np.intp],
    non_mated: NDArray[np.float64],
    fpir: float,
) -> dict[str, Any]:
    rate = metrics.dir_at_fpir(mated, ranks, non_mated, fpir)
    limit = metrics.limit_at_fpir(non_mated, fpir)
    known = rate is not None and limit is not None and np.isfinite(limit)
    return {
        "fpir": fpir,
        "dir": rate,
        "threshold": float(np.nextafter(limit, np.inf)) if known and limit is not None else None,
        "note": ""
        if rate is not None
        else f"not measurable with {len(non_mated):,} probes of people not enrolled",
    }


def _dir_curve(
    mated: NDArray[np.float64], ranks: NDArray[np.intp], non_mated: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both rates at each similarity of a non-mated probe, from the highest on."""
    limits = np.sort(non_mated[~np.isnan(non_mated)])[::-1]
    found = np.sort(mated[(ranks == 1) & ~np.isnan(mated)])
    fpir = np.arange(len(limits)) / len(non_mated)  # those above the limit
    rates = (len(found) - np.searchsorted(found, limits, side="right")) / len(mated)
    return fpir, rates
