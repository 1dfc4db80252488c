"""The plots of a report, each from plain arrays. They need matplotlib (extra `evaluate`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.evaluation.report import drawing, wording
from facewise.evaluation.report.page import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from facewise.evaluation.metrics.verification import Doubles

_POINTS = 600  # of a curve, at most: more are not seen
_BINS = 60
_FLOORS = (0.99, 0.98, 0.95, *(i / 10 for i in range(9, 0, -1)), 0.0)
"""Where an axis of rates may begin."""

_RANKS = 50  # shown of a characteristic


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A model's rates of one kind by another.

    Attributes:
        name: of the model.
        x: error rates, rising; float64 (j,).
        y: what is right at each; float64 (j,).
        points: measured points with their intervals: x, y, low and high.
    """

    name: str
    x: Doubles
    y: Doubles
    points: Sequence[tuple[float, float, float, float]] = ()


def rates_chart(
    key: str,
    title: str,
    description: str,
    curves: Sequence[Curve],
    *,
    axes: tuple[str, str],
    trials: int,
    measured: int,
) -> Chart:
    """Rates by error rate on a logarithmic axis, from one error to all.

    Args:
        key: as of `drawing.canvas`.
        title: of the chart.
        description: of what is seen.
        curves: of all models.
        axes: what the rates are.
        trials: what error rates are shares of; one of so many is the left end.
        measured: errors from which on a rate counts as measured; what lies below is shaded.
    """
    least = 1 / max(trials, 10)  # a decade at least
    thinned = [_thinned(curve, least) for curve in curves]
    with drawing.canvas(key, description) as canvas:
        plot = canvas.axes
        plot.set_xscale("log")
        plot.set_xlim(least, 1)
        if measured > 1:
            plot.axvspan(least, min(1.0, measured / trials), color=drawing.SHADE, lw=0)
        for number, curve in enumerate(thinned):
            colour = drawing.curve_colour(number)
            plot.plot(
                curve.x,
                curve.y,
                color=colour,
                linestyle=drawing.curve_dashes(number),
                drawstyle="steps-post",
            )
            shift = 1.09 ** (number - (len(thinned) - 1) / 2)  # so that intervals stay apart
            for x, y, low, high in curve.points:
                plot.plot([x * shift] * 2, [low, high], color=colour, lw=1.2)
                plot.plot([x * shift], [y], color=colour, marker="o", markersize=5)
        lows = [float(c.y[0]) for c in thinned if len(c.y)]
        lows += [point[2] for c in thinned for point in c.points]
        _percent_axis(plot, min(lows, default=0.0))
        decades = range(math.ceil(math.log10(least) - 1e-9), 1)
        plot.set_xticks([10.0**d for d in decades], [wording.rate(10.0**d) for d in decades])
        plot.set_xlabel(axes[0])
        plot.set_ylabel(axes[1])
    return Chart(canvas.svg, title, tuple(curve.name for curve in curves))


def _thinned(curve: Curve, least: float) -> Curve:
    """The part of a curve that is drawn, with no more points than can be seen."""
    x, y = np.maximum(curve.x, least), curve.y
    if not len(x):
        return curve
    # At one error rate the curve rises; its highest point there counts.
    last = np.append(x[1:] != x[:-1], True)
    x, y = x[last], y[last]
    step = np.floor(np.log10(x) / np.log10(least) * _POINTS) if least < 1 else np.zeros(len(x))
    first = np.insert(step[1:] != step[:-1], 0, True)
    first[-1] = True
    return Curve(curve.name, x[first], y[first], curve.points)


def histogram_chart(
    key: str,
    title: str,
    genuine: Doubles,
    impostor: Doubles,
    *,
    threshold: float | None,
    limits: tuple[float, float],
) -> Chart:
    """How similarities of genuine and of impostor pairs are spread, as shares of each kind.

    Args:
        key: as of `drawing.canvas`.
        title: of the chart.
        genuine: similarities, finite.
        impostor: likewise.
        threshold: drawn as a line, or None.
        limits: lowest and highest similarity shown.
    """
    kinds = (
        ("impostor", impostor, drawing.IMPOSTOR),
        ("genuine", genuine, drawing.GENUINE),
    )
    middle = [f"{name} {float(np.median(v)):.3f}" for name, v, _ in kinds if len(v)]
    line = "" if threshold is None else f" The threshold is {threshold:.4f}."
    description = f"Histogram of similarities. Medians: {', '.join(middle) or 'none'}.{line}"
    edges = np.linspace(*limits, _BINS + 1)
    highest = 0.0
    with drawing.canvas(key, description, height=290) as canvas:
        plot = canvas.axes
        for name, values, colour in kinds:
            if not len(values):
                continue
            shares = np.histogram(values, edges)[0] / len(values)
            highest = max(highest, float(shares.max()))
            plot.stairs(shares, edges, fill=True, color=colour, alpha=0.3, lw=0)
            plot.stairs(shares, edges, color=colour, lw=1.4)
            peak = int(shares.argmax())
            # Clear of the frame: a peak at its edge is named further in.
            place = float(np.clip((edges[peak] + edges[peak + 1]) / 2, *_inner(limits)))
            plot.annotate(
                name,
                (place, float(shares[peak])),
                (0, 5),
                textcoords="offset points",
                ha="center",
                color=colour,
                fontweight="bold",
            )
        top = 1.17 * highest or 1.0
        if threshold is not None and limits[0] <= threshold <= limits[1]:
            plot.axvline(threshold, color=drawing.INK, lw=1.2, linestyle=(0, (4, 2)))
            plot.annotate(
                f"threshold {threshold:.3f}",
                (threshold, top),
                (0, 3),
                textcoords="offset points",
                ha="center",
                annotation_clip=False,
            )
        plot.set_xlim(*limits)
        plot.set_ylim(0, top)
        _percent_ticks(plot)
        plot.set_xlabel("cosine similarity")
        plot.set_ylabel("share of pairs")
    return Chart(canvas.svg, title)


def _inner(limits: tuple[float, float]) -> tuple[float, float]:
    edge = 0.1 * (limits[1] - limits[0])
    return limits[0] + edge, limits[1] - edge


def folds_chart(key: str, title: str, models: Sequence[tuple[str, Sequence[float]]]) -> Chart:
    """Accuracy of each fold, all models beside each other."""
    everything = [value for _, values in models for value in values]
    spans = [f"{name} {min(v):.4f} to {max(v):.4f}" for name, v in models if v]
    with drawing.canvas(key, f"Accuracy by fold: {'; '.join(spans)}.") as canvas:
        plot = canvas.axes
        for number, (_, values) in enumerate(models):
            folds = np.arange(1, len(values) + 1)
            colour = drawing.curve_colour(number)
            plot.plot(
                folds,
                values,
                color=colour,
                lw=1.2,
                linestyle=drawing.curve_dashes(number),
                marker="o",
                markersize=5,
            )
        count = max(len(values) for _, values in models)
        plot.set_xlim(0.5, count + 0.5)
        step = max(1, math.ceil(count / 12))
        plot.set_xticks(range(1, count + 1, step))
        low, high = min(everything), max(everything)
        room = max(0.25 * (high - low), 0.002)
        plot.set_ylim(max(0.0, low - room), min(1 + room / 3, high + room))
        _percent_ticks(plot)
        plot.set_xlabel("fold")
        plot.set_ylabel("accuracy")
    return Chart(canvas.svg, title, tuple(name for name, _ in models))


def reliability_chart(
    key: str, title: str, models: Sequence[tuple[str, Sequence[tuple[float, float]]]]
) -> Chart:
    """What calibrated probabilities say against what is so.

    Args:
        key: as of `drawing.canvas`.
        title: of the chart.
        models: of each its name, and by bin the mean probability and the share of genuine pairs.
    """
    gaps = [f"{name} {max(abs(p - g) for p, g in bins):.3f}" for name, bins in models if bins]
    description = (
        f"Share of genuine pairs by calibrated probability. Largest gaps: {', '.join(gaps)}."
    )
    ticks = [0, 0.25, 0.5, 0.75, 1]
    with drawing.canvas(key, description) as canvas:
        plot = canvas.axes
        plot.plot([0, 1], [0, 1], color=drawing.MUTED, lw=1, linestyle=(0, (4, 3)))
        for number, (_, bins) in enumerate(models):
            plot.plot(
                [stated for stated, _ in bins],
                [genuine for _, genuine in bins],
                color=drawing.curve_colour(number),
                linestyle=drawing.curve_dashes(number),
                marker="o",
                markersize=5,
            )
        plot.set_xlim(-0.02, 1.02)
        plot.set_ylim(-0.02, 1.02)
        plot.set_xticks(ticks, [wording.percent(tick, 0) for tick in ticks])
        _percent_ticks(plot)
        plot.set_xlabel("calibrated probability")
        plot.set_ylabel("share that is genuine")
    return Chart(canvas.svg, title, tuple(name for name, _ in models))


def ranks_chart(
    key: str, title: str, description: str, curves: Sequence[tuple[str, Doubles]]
) -> Chart:
    """Cumulative match characteristics: who is among the first so many."""
    with drawing.canvas(key, description) as canvas:
        plot = canvas.axes
        most = min(_RANKS, max(len(rates) for _, rates in curves))
        for number, (_, rates) in enumerate(curves):
            plot.plot(
                np.arange(1, min(most, len(rates)) + 1),
                rates[:most],
                color=drawing.curve_colour(number),
                linestyle=drawing.curve_dashes(number),
                marker="o" if most <= 10 else "",
                markersize=5,
            )
        plot.set_xlim(1 - 0.02 * most, most + 0.02 * most)
        step = max(1, math.ceil(most / 10))
        plot.set_xticks([1, *range(2 * step if step > 1 else 2, most + 1, step)])
        _percent_axis(plot, min(float(rates[0]) for _, rates in curves))
        plot.set_xlabel("rank")
        plot.set_ylabel("identification rate")
    return Chart(canvas.svg, title, tuple(name for name, _ in curves))


def _percent_axis(plot: Axes, lowest: float) -> None:
    """An axis of rates from a round one below the lowest up to 1, with room for lines at 1."""
    floor = next(f for f in _FLOORS if f <= lowest or f == 0)
    plot.set_ylim(floor, 1 + 0.02 * (1 - floor))
    _percent_ticks(plot)


def _percent_ticks(plot: Axes) -> None:
    """Ticks in percent, with as many digits as tell them apart."""
    plot.locator_params(axis="y", nbins=7)
    low, high = plot.get_ylim()
    ticks: NDArray[np.float64] = np.asarray(plot.get_yticks())
    ticks = ticks[(ticks >= low - 1e-12) & (ticks <= min(high, 1) + 1e-12)]
    step = float(np.diff(ticks).min()) if len(ticks) > 1 else 1.0
    digits = next((d for d in range(4) if math.isclose(round(100 * step, d), 100 * step)), 4)
    plot.set_yticks(ticks.tolist(), [wording.percent(float(t), digits) for t in ticks])
    plot.set_ylim(low, high)
