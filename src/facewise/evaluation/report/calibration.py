"""What a calibration's probabilities are worth, as a table and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from facewise.evaluation.report import charts, page, wording
from facewise.evaluation.report.model import Model
from facewise.evaluation.report.page import Html


def calibration(models: Sequence[Model]) -> tuple[Html, ...]:
    """Figures of each calibration, and what its probabilities are worth."""
    known = [(m.name, m.record["calibration"]) for m in models if m.record.get("calibration")]
    if not known:
        return ()
    keys = [
        key
        for key in dict.fromkeys(key for _, calibration in known for key in calibration)
        if not any(isinstance(c.get(key), (list, tuple, Mapping)) for _, c in known)
    ]
    rows = [[name, *(_cell(c.get(key)) for key in keys)] for name, c in known]
    headings = ["model", *(wording.label(key) for key in keys)]
    blocks = [page.table("What calibrated probabilities are worth.", headings, rows)]
    plotted = [
        (
            name,
            [
                (each["probability"], each["genuine"])
                for each in calibration.get("reliability") or ()
                if each["probability"] is not None and each["genuine"] is not None
            ],
        )
        for name, calibration in known
    ]
    plotted = [(name, bins) for name, bins in plotted if bins]
    if plotted:
        chart = charts.reliability_chart("reliability", "Reliability", plotted)
        caption = (
            "Pairs by their calibrated probability. On the dashed line as many of them are genuine "
            "as it says."
        )
        blocks.append(page.figures([(chart, caption)]))
    return tuple(blocks)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return wording.number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return wording.count(value)
    return wording.NOTHING if value is None else wording.plain(value)
