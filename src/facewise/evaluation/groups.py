"""The same figures by group, and how often strangers of a group are taken for one another."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation import metrics
from facewise.evaluation.protocols.reading import csv_records, first_few, read_list

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.protocols.pairs import PairProtocol

SIGNIFICANT = 0.05
"""Chance below which a difference between groups is called one."""

_NAMES = ("name", "image", "person", "file", "path", "id")  # headings of the first column


@dataclass(frozen=True, slots=True)
class GroupRow:
    """The figures of one group: pairs whose two images both belong to it.

    Attributes:
        group: its name.
        pairs: pairs that count.
        genuine: of one person.
        impostor: of two.
        accuracy: share decided rightly at the common threshold; None without pairs.
        precision: share of accepted pairs that are genuine; None without pairs of both kinds.
        auc: area under the group's own curve; likewise.
        eer: equal error rate of the group's own curve; likewise.
        tar: share of genuine pairs accepted there; None without any.
        false_accepts: impostor pairs accepted there.
        far: their share; None without impostor pairs.
        far_low: lower bound of the rate (95 %, Wilson), or None.
        far_high: upper bound, likewise.
    """

    group: str
    pairs: int
    genuine: int
    impostor: int
    accuracy: float | None
    precision: float | None
    auc: float | None
    eer: float | None
    tar: float | None
    false_accepts: int
    far: float | None
    far_low: float | None
    far_high: float | None


@dataclass(frozen=True, slots=True)
class Groups:
    """The figures of all groups at one threshold.

    Attributes:
        threshold: the similarity that decides, the same for all.
        rows: by name.
        mixed_pairs: pairs whose images belong to different groups; in no row.
        p_value_far: how likely false-accept rates that differ so much are, if they are equal.
        p_value_tar: the same of true-accept rates.
        warning: what a reader must know, or None.
    """

    threshold: float
    rows: tuple[GroupRow, ...]
    mixed_pairs: int
    p_value_far: float
    p_value_tar: float
    warning: str | None


def read_groups(file: Path, protocol: PairProtocol) -> tuple[str, ...]:
    """The group of each of a protocol's images.

    The file has two columns, a name and a group, with or without a line of headings. A name is that
    of an image, as reports show it, or of a person.

    Raises:
        ProtocolError: the file cannot be read, a line is not of that form, a name is given two
            groups, or images have none.
    """
    known = _read(file)
    people = protocol.people or ("",) * len(protocol.names)
    groups, missing = [], []
    for name, person in zip(protocol.names, people, strict=True):
        group = known.get(_nfc(name)) or known.get(_nfc(person))
        groups.append(group or "")
        if group is None:
            missing.append(name)
    if missing:
        raise ProtocolError(
            f"{file}: {len(missing)} of the {len(groups)} images have no group, neither by their "
            f"own name nor by their person's: {first_few(missing)}"
        )
    return tuple(groups)


def by_group(
    similarity: NDArray[np.float64],
    same: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    pairs: NDArray[np.intp],
    groups: Sequence[str],
    threshold: float,
) -> Groups:
    """Score the pairs within each group at one threshold.

    Args:
        similarity: float (n,), NaN where a pair failed.
        same: bool (n,).
        counted: bool (n,), pairs to leave out are False.
        pairs: intp (n, 2), numbers of images.
        groups: of each image.
        threshold: a cosine similarity.
    """
    of_image = np.asarray(groups)
    left, right = of_image[pairs[:, 0]], of_image[pairs[:, 1]]
    rows = []
    for group in sorted(set(groups)):
        own = counted & (left == group) & (right == group)
        rows.append(_row(group, similarity[own], same[own], threshold))
    p_far = metrics.homogeneity([r.false_accepts for r in rows], [r.impostor for r in rows])
    misses = [round(r.genuine * (1 - (1 if r.tar is None else r.tar))) for r in rows]
    p_tar = metrics.homogeneity(misses, [r.genuine for r in rows])
    return Groups(
        threshold=threshold,
        rows=tuple(rows),
        mixed_pairs=int(np.count_nonzero(counted & (left != right))),
        p_value_far=p_far,
        p_value_tar=p_tar,
        warning=_warning(rows, p_far, p_tar),
    )


def _row(
    group: str, similarity: NDArray[np.float64], same: NDArray[np.bool_], threshold: float
) -> GroupRow:
    accepted = similarity >= threshold
    genuine, impostor = int(np.count_nonzero(same)), int(np.count_nonzero(~same))
    both = genuine > 0 and impostor > 0
    false_accepts = int(np.count_nonzero(accepted & ~same))
    interval = metrics.wilson_interval(false_accepts, impostor) if impostor else None
    return GroupRow(
        group=group,
        pairs=len(same),
        genuine=genuine,
        impostor=impostor,
        accuracy=metrics.accuracy(similarity, same, threshold) if len(same) else None,
        precision=metrics.precision_recall(similarity, same, threshold)[0] if both else None,
        auc=metrics.auc(similarity, same) if both else None,
        eer=metrics.equal_error_rate(similarity, same) if both else None,
        tar=float(accepted[same].mean()) if genuine else None,
        false_accepts=false_accepts,
        far=false_accepts / impostor if impostor else None,
        far_low=None if interval is None else interval.low,
        far_high=None if interval is None else interval.high,
    )


def _warning(rows: Sequence[GroupRow], p_far: float, p_tar: float) -> str | None:
    """Two rates are tested, so each has to be twice as unlikely (Bonferroni)."""
    said = []
    if p_far < SIGNIFICANT / 2:
        said.append(f"false-accept rates {_range(rows, 'far')} (p = {p_far:.2g})")
    if p_tar < SIGNIFICANT / 2:
        said.append(f"true-accept rates {_range(rows, 'tar')} (p = {p_tar:.2g})")
    if not said:
        return None
    return f"the groups differ at this threshold: {' and '.join(said)}; pairs count as independent"


def _range(rows: Sequence[GroupRow], name: str) -> str:
    known = [(getattr(row, name), row.group) for row in rows if getattr(row, name) is not None]
    (low, at_low), (high, at_high) = min(known), max(known)
    return f"from {low:.4f} ({at_low}) to {high:.4f} ({at_high})"


def _read(file: Path) -> Mapping[str, str]:
    listing = read_list(file)
    known: dict[str, str] = {}
    for line, cells in csv_records(listing):
        if not any(cells) or (
            line == 1 and cells[0].lower() in _NAMES and cells[-1].lower() == "group"
        ):
            continue
        if len(cells) != 2 or not all(cells):
            raise listing.wrong(line, "expected `NAME,GROUP`")
        name, group = map(_nfc, cells)
        if known.setdefault(name, group) != group:
            raise listing.wrong(line, f"{name} is in group {known[name]} already")
    if not known:
        raise ProtocolError(f"{file}: names no groups")
    return known


def _nfc(name: str) -> str:
    """A name in one form: an umlaut may be written in two ways (macOS takes it apart)."""
    return unicodedata.normalize("NFC", name)
