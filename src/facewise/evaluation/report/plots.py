"""The plots of a protocol of pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facewise.evaluation import metrics
from facewise.evaluation.report import charts, page, wording
from facewise.evaluation.report.model import Model
from facewise.evaluation.report.page import Chart, Html


def curves(models: Sequence[Model]) -> tuple[Html, ...]:
    """The ROC of all models, and the accuracy of their folds."""
    entries: list[tuple[Chart, str]] = []
    if all(model.same.any() and not model.same.all() for model in models):
        entries.append(_roc(models))
    folded = [(m.name, m.figures["folds"]) for m in models if len(m.figures.get("folds", ())) > 1]
    if folded:
        sources = {str(m.figures.get("threshold_source", "not stated")) for m in models}
        chart = charts.folds_chart("folds", "Accuracy by fold", folded)
        entries.append((chart, f"Threshold of each fold: {', '.join(sorted(sources))}."))
    return (page.figures(entries),) if entries else ()


def _roc(models: Sequence[Model]) -> tuple[Chart, str]:
    curves, said = [], []
    for model in models:
        curve = metrics.roc(model.similarity, model.same)
        reached = ~np.isneginf(curve.thresholds)  # no threshold accepts pairs that failed
        points = [
            (p["far"], p["tar"], p["low"], p["high"])
            for p in model.points
            if p["tar"] is not None and p.get("low") is not None
        ]
        curves.append(charts.Curve(model.name, curve.far[reached], curve.tar[reached], points))
        point = model.headline
        if point is not None:
            said.append(
                f"{model.name} accepts {wording.percent(point['tar'])} of genuine pairs "
                f"at FAR {wording.rate(point['far'])}"
            )
    trials = min(int(np.count_nonzero(~model.same)) for model in models)
    chart = charts.rates_chart(
        "roc",
        "True-accept rate by false-accept rate",
        f"Receiver operating characteristic. {'; '.join(said) or 'No rate could be measured'}.",
        curves,
        axes=("false-accept rate (FAR)", "true-accept rate (TAR)"),
        trials=trials,
        measured=metrics.MIN_ERRORS,
    )
    fate = ""
    if any(model.dropped for model in models):
        fate = "Pairs that could not be compared are left out. "
    elif any(np.isnan(model.similarity).any() for model in models):
        fate = "Pairs that could not be compared are never accepted. "
    caption = (
        f"{fate}Bars are 95\u00a0% intervals. "
        f"In the shaded part fewer than {metrics.MIN_ERRORS} of {trials:,} impostor pairs are "
        "accepted, too few to measure a rate."
    )
    return chart, caption


def histograms(models: Sequence[Model]) -> tuple[Html, ...]:
    """The similarities of each model, each on its own scale: a cosine means nothing in another."""
    entries = []
    for number, model in enumerate(models):
        known = ~np.isnan(model.similarity)
        if not known.any():
            continue
        values, same = model.similarity[known], model.same[known]
        low, high = float(values.min()), float(values.max())
        room = 0.02 * (high - low) or 0.01
        chart = charts.histogram_chart(
            f"spread-{number}",
            model.name,
            values[same],
            values[~same],
            threshold=model.figures.get("threshold"),
            limits=(low - room, high + room),
        )
        failed = int(np.count_nonzero(~known))
        left_out = f"; {failed:,} pairs that failed have none" if failed else ""
        caption = (
            f"{np.count_nonzero(same):,} genuine and {np.count_nonzero(~same):,} impostor pairs, "
            f"as shares of each kind{left_out}."
        )
        entries.append((chart, caption))
    return (page.figures(entries),) if entries else ()
