"""What an evaluation gives: figures by the columns of `evaluations.csv`, and a curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from facewise.evaluation import metrics
from facewise.evaluation.identification import FPIRS, RANKS
from facewise.evaluation.verification import FARS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.verification import Verification

GRID = tuple(10 ** (-i / 8) for i in range(32, -1, -1))
"""False-accept rates at which a curve is kept: eight a decade, from 1e-4 to 1."""

FIGURES = (
    "accuracy",
    "accuracy_std",
    "auc",
    "eer",
    "threshold",
    *(f"tar_at_{far:g}" for far in FARS),
    "pairs",
    "failed_pairs",
    *(f"rank_{rank}" for rank in RANKS),
    *(f"dir_at_fpir_{fpir:g}" for fpir in FPIRS),
    "probes",
    "failed_probes",
)
"""Every figure that a protocol may give; those of pairs first, and then those of a search."""

Figures: TypeAlias = Mapping[str, "float | int | None"]
"""By names of `FIGURES`: those that the form has, None where its images do not measure one."""

Told: TypeAlias = Mapping[str, str]
"""Figures of a form that a spec tells, and what each is called there after the protocol's name.

The first is always there, in [0, 1]: it decides which network is better.
"""

OF_PAIRS: Told = {"accuracy": ""}
OF_TEMPLATES: Told = {"auc": " AUC"} | {f"tar_at_{far:g}": f" TAR at FAR {far:g}" for far in FARS}
"""Of a thousand pairs with one genuine, one that accepts none is accurate to 0.999."""
OF_SEARCH: Told = {"rank_1": " rank 1"} | {
    f"dir_at_fpir_{fpir:g}": f" DIR at FPIR {fpir:g}" for fpir in FPIRS
}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What one evaluation gave.

    Attributes:
        protocol: its word in the configuration.
        name: of the protocol, such as `lfw`.
        told: which of the figures a spec tells.
        figures: of pairs and of pairs of templates, those of `facewise.evaluation.verify`; of a
            search, those of `facewise.evaluation.identify_probes`.
        curve: float64, true-accept rates at the false-accept rates of `GRID`; NaN where a rate is
            less than one impostor pair. None for a search.
        vectors: float32 (m, d) of the images, NaN where there is no face.
    """

    protocol: str
    name: str
    told: Told
    figures: Figures
    curve: NDArray[np.float64] | None
    vectors: NDArray[np.float32]

    @property
    def deciding(self) -> float:
        """The figure that says which network is better, in [0, 1]: see `Told`."""
        figure = self.figures[next(iter(self.told))]
        assert figure is not None  # noqa: S101 - see `Told`
        return figure


def verification_figures(found: Verification) -> Figures:
    """The figures of pairs, by their columns."""
    return {
        "accuracy": found.accuracy,
        "accuracy_std": found.accuracy_std,
        "auc": found.auc,
        "eer": found.eer,
        "threshold": found.threshold,
        **{f"tar_at_{point.far:g}": point.tar for point in found.tar_at_far},
        "pairs": found.pairs,
        "failed_pairs": found.failed_pairs,
    }


def search_figures(found: Mapping[str, Any]) -> Figures:
    """The figures of a search, by their columns.

    Args:
        found: of `facewise.evaluation.identify_probes`.
    """
    return {
        **{f"rank_{rank}": rate for rank, rate in found["rank"].items()},
        **{f"dir_at_fpir_{point['fpir']:g}": point["dir"] for point in found["dir_at_fpir"]},
        "probes": found["probes"],
        "failed_probes": found["failed_probes"],
    }


def curve(similarity: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.float64]:
    """True-accept rates at the rates of `GRID`.

    Args:
        similarity: float64 (n,), NaN where a pair failed.
        same: bool (n,), True for genuine pairs; there are some of both kinds.

    Returns:
        float64, NaN where the rate is less than one impostor pair.
    """
    found = metrics.roc(similarity, same)
    places = np.searchsorted(found.far, np.asarray(GRID) * (1 + 1e-9), side="right") - 1
    rates: NDArray[np.float64] = found.tar[places].astype(np.float64)
    rates[np.asarray(GRID) * (1 + 1e-9) < 1 / np.count_nonzero(~same)] = np.nan
    return rates


def for_spec(each: Sequence[Measured]) -> dict[str, float]:
    """What a spec says was measured.

    Args:
        each: of one network, by every protocol.

    Returns:
        The accuracy by the protocol's name; of templates `NAME AUC` and `NAME TAR at FAR RATE`; of
        a search `NAME rank 1` and `NAME DIR at FPIR RATE`. Rates that could not be measured
        are left out. A name that comes again is followed by its number.
    """
    found: dict[str, float] = {}
    names: list[str] = []
    for measured in each:
        names.append(measured.name)
        again = names.count(measured.name)
        name = measured.name if again == 1 else f"{measured.name} {again}"
        for figure, called in measured.told.items():
            value = measured.figures.get(figure)
            if value is not None:
                found[f"{name}{called}"] = value
    return found
