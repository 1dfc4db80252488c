"""A picture of how true probabilities are: stated against found, and how often each was stated."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise._files import replace_file
from facewise.evaluation.extra import needed
from facewise.evaluation.metrics.calibration import Reliability, reliability
from facewise.evaluation.metrics.intervals import Interval, wilson_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BINS = 10
_HISTOGRAM_BINS = 50
_BLUE, _ORANGE, _GREY = "#1f77b4", "#d95f02", "#777777"


def write_reliability_plot(
    path: Path,
    probability: NDArray[np.float64],
    same: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
    *,
    title: str = "",
) -> None:
    """Write a reliability plot above a histogram of the probabilities, by kind of pair.

    Equal arguments give equal bytes, with the same version of matplotlib.

    Args:
        path: a file whose name ends in `.svg` or `.png`.
        probability: float64 (n,), in [0, 1].
        same: bool (n,), True for genuine pairs.
        weights: float64 (n,), see `facewise.evaluation.metrics.reliability`.
        title: a line above.

    Raises:
        ExtraMissingError: matplotlib is not installed.
        OSError: the file cannot be written.
        ValueError: another kind of file, or arrays that do not fit.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in ("svg", "png"):
        raise ValueError(f"{path}: expected a file name that ends in .svg or .png")
    needed("matplotlib", "plots")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    found = reliability(probability, same, _BINS, weights)
    figure = Figure(figsize=(6, 7), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1, label="perfect")
    filled = found.pairs > 0
    x, y, pairs = found.probability[filled], found.genuine[filled], found.pairs[filled]
    intervals = genuine_intervals(found, probability, same, weights)
    above.vlines(x, *zip(*intervals, strict=True), color=_BLUE, linewidth=1)
    above.plot(x, y, color=_BLUE, marker="o", linestyle="", label="found, with 95 % interval")
    for *place, number in zip(x.tolist(), y.tolist(), pairs.tolist(), strict=True):
        offset, side = ((-6, -10), "right") if place[0] > 0.9 else ((6, -10), "left")
        above.annotate(
            f"{number:,}", place, offset, textcoords="offset points", ha=side, fontsize=7
        )
    above.set(ylabel="share that is one person", ylim=(-0.05, 1.05), title=title)
    above.legend(loc="upper left", frameon=False)
    edges = np.linspace(0, 1, _HISTOGRAM_BINS + 1).tolist()
    below.hist(
        [probability[same], probability[~same]],
        edges,
        color=[_BLUE, _ORANGE],
        label=["one person", "two people"],
        log=True,
    )
    below.set(xlabel="probability stated", ylabel="pairs", xlim=(0, 1))
    below.legend(loc="upper center", frameon=False)
    content = io.BytesIO()
    # By default SVG files hold the time and random names.
    with rc_context({"svg.hashsalt": "facewise"}):
        metadata = {"Date": None} if form == "svg" else {}
        figure.savefig(content, format=form, dpi=150, metadata=metadata)
    replace_file(path, content.getvalue())


def genuine_intervals(
    found: Reliability,
    probability: NDArray[np.float64],
    same: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> list[Interval]:
    """95 % intervals of the share that is genuine, of each bin that is filled.

    Where genuine pairs weigh more than impostor pairs, few of them make a share that looks sure. So
    the interval is Wilson's of the pairs as they were counted, and its bounds are carried over to
    the weighted share: the odds change in the ratio of the weights of one pair of either kind. Of
    each kind as many pairs count as would tell as much with equal weights (Kish 1965).

    Args:
        found: of `reliability`, from the other arguments.
        probability: see `write_reliability_plot`.
        same: likewise.
        weights: likewise; some above 0 in each filled bin.
    """
    shares = np.ones(len(same)) if weights is None else np.asarray(weights, np.float64)
    place = np.searchsorted(found.edges[1:-1], probability, side="left")
    _, each_pair = _counted(shares)
    each_genuine, each_impostor = (_counted(shares[kind], each_pair)[1] for kind in (same, ~same))
    intervals = []
    for number in np.flatnonzero(found.pairs):
        here = place == number
        # A kind that is not in the bin would weigh there what it weighs elsewhere.
        genuine, of_genuine = _counted(shares[here & same], each_genuine)
        impostors, of_impostor = _counted(shares[here & ~same], each_impostor)
        bounds = wilson_interval(genuine, genuine + impostors)
        intervals.append(
            Interval(
                *(
                    bound * of_genuine / (bound * of_genuine + (1 - bound) * of_impostor)
                    for bound in bounds
                )
            )
        )
    return intervals


def _counted(weights: NDArray[np.float64], otherwise: float = 1.0) -> tuple[int, float]:
    """How many pairs of equal weight would tell as much, and the weight of one."""
    total = float(weights.sum())
    if not total:
        return 0, otherwise
    count = round(total**2 / float(np.sum(weights**2)))
    return count, total / count
