"""The tables of a protocol of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from facewise.evaluation.report import page, wording
from facewise.evaluation.report.model import Model
from facewise.evaluation.report.page import Html


def comparison(models: Sequence[Model]) -> tuple[Html, ...]:
    """One table of all models, and one of what the thresholds gave."""
    fars = list(dict.fromkeys(point["far"] for model in models for point in model.points))
    headings = ["model"]
    cells: list[list[str]] = [[model.name] for model in models]
    values: list[list[float | None]] = []

    def column(heading: str, numbers: list[float | None], texts: list[str]) -> None:
        headings.append(heading)
        values.append(numbers)
        for row, text in zip(cells, texts, strict=True):
            row.append(text)

    figures = [model.figures for model in models]
    if any("accuracy" in each for each in figures):
        texts = [wording.spread(f.get("accuracy"), f.get("accuracy_std")) for f in figures]
        column("accuracy", [f.get("accuracy") for f in figures], texts)
    if any("auc" in each for each in figures):
        areas = [f.get("auc") for f in figures]
        column("AUC", areas, [wording.number(area, 5) for area in areas])
    if any("eer" in each for each in figures):
        errors = [f.get("eer") for f in figures]
        lower = [None if error is None else -error for error in errors]
        column("EER", lower, [wording.percent(error) for error in errors])
    for far in fars:
        tars = [{p["far"]: p["tar"] for p in model.points}.get(far) for model in models]
        heading = f"TAR at FAR\u00a0{wording.rate(far)}"
        column(heading, tars, [wording.percent(tar) for tar in tars])
    several = len(models) > 1
    caption = "All models on the same pairs. The best of each column is bold." if several else ""
    best = _best(values) if several else ()
    blocks = [page.table(caption or "On all pairs that count.", headings, cells, best=best)]
    decided = [model for model in models if model.figures.get("threshold") is not None]
    if decided:
        blocks.append(_at_threshold(decided))
    return tuple(blocks)


def _best(columns: Sequence[Sequence[float | None]]) -> list[tuple[int, int]]:
    """Row and column, in the table, of the highest of each column."""
    found = []
    for place, numbers in enumerate(columns, start=1):
        highest = max((n for n in numbers if n is not None), default=None)
        found += [(r, place) for r, n in enumerate(numbers) if n is not None and n == highest]
    return found


def _at_threshold(models: Sequence[Model]) -> Html:
    rows = []
    for model in models:
        figures = model.figures
        rows.append(
            (
                model.name,
                wording.number(figures["threshold"]),
                str(figures.get("threshold_source", "")),
                wording.percent(figures.get("precision")),
                wording.percent(figures.get("recall")),
                wording.percent(figures.get("far"), 3),
                wording.percent(figures.get("accuracy_sem"), 3),
                wording.count(figures.get("failed_pairs")),
            )
        )
    return page.table(
        "What the thresholds give: precision and recall of “the same person”, the share of "
        "impostor pairs that are accepted, the standard error of the mean accuracy, and the pairs "
        "that could not be compared.",
        (
            "model",
            "threshold",
            "chosen",
            "precision",
            "recall",
            "FAR",
            "standard error",
            "failed pairs",
        ),
        rows,
        words=(2,),
    )


def operating_points(models: Sequence[Model]) -> tuple[Html, ...]:
    """TAR at each FAR with its interval; models stand below each other."""
    points = [(point, model.name) for model in models for point in model.points]
    points.sort(key=lambda each: -float(each[0]["far"]))
    rows = [
        [
            wording.rate(point["far"]),
            name,
            wording.percent(point["tar"]),
            wording.interval(point.get("low"), point.get("high")),
            wording.number(point.get("threshold")),
            str(point.get("note", "")),
        ]
        for point, name in points
    ]
    if not rows:
        return ()
    caption = (
        "Share of genuine pairs accepted where the share of impostor pairs accepted does not "
        "exceed FAR, with bootstrap intervals, and the lowest similarity accepted."
    )
    headings = ["FAR", "model", "TAR", "95\u00a0% interval", "threshold", "note"]
    if not any(row[-1] for row in rows):
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    return (page.table(caption, headings, rows, words=(1, 5)),)


def significance(comparisons: Sequence[Mapping[str, Any]]) -> tuple[Html, ...]:
    """McNemar's test between each two models."""
    if not comparisons:
        return ()
    rows = [
        (
            each["a"],
            each["b"],
            wording.count(each["only_a"]),
            wording.count(each["only_b"]),
            wording.count(each.get("both")),
            wording.count(each.get("neither")),
            wording.p_value(each["p_value"]),
        )
        for each in comparisons
    ]
    raised = any("p_single" in each for each in comparisons) and len(comparisons) > 1
    caption = (
        "Pairs that one of two models alone decides rightly, and how likely a difference at least "
        "this large is between equally good models (McNemar, exact"
        + (", raised for the number of comparisons after Holm)." if raised else ").")
    )
    headings = ("A", "B", "only A right", "only B right", "both right", "both wrong", "p")
    return (page.table(caption, headings, rows, words=(1,)),)


def groups(models: Sequence[Model]) -> tuple[Html, ...]:
    """The figures of each group, with a warning where they differ."""
    blocks: list[Html] = []
    for model in models:
        known = model.record.get("groups")
        if known is None:
            continue
        if len(models) > 1:
            blocks.append(page.heading(model.name))
        if known.get("warning"):
            blocks.append(page.paragraph(f"Warning: {known['warning']}.", "warning"))
        rows = [
            (
                row["group"],
                wording.count(row["pairs"]),
                wording.count(row["genuine"]),
                wording.count(row["impostor"]),
                wording.percent(row["accuracy"]),
                wording.percent(row.get("precision")),
                wording.number(row["auc"]) if row.get("auc") is not None else wording.NOTHING,
                wording.percent(row.get("eer")),
                wording.percent(row["tar"]),
                wording.count(row["false_accepts"]),
                wording.percent(row["far"], 3),
                wording.interval(row["far_low"], row["far_high"], 3),
            )
            for row in known["rows"]
        ]
        headings = (
            "group",
            "pairs",
            "genuine",
            "impostor",
            "accuracy",
            "precision",
            "AUC",
            "EER",
            "TAR",
            "false accepts",
            "FAR",
            "95\u00a0% interval of FAR",
        )
        caption = f"Pairs within each group, all at the threshold {known['threshold']:.4f}."
        blocks += [page.table(caption, headings, rows), page.paragraph(_chance(known), "note")]
    return tuple(blocks)


def _chance(groups: Mapping[str, Any]) -> str:
    names = {
        "p_value_far": "false-accept rates",
        "p_value_tar": "true-accept rates",
    }
    said = [
        f"{name} p = {wording.p_value(groups[key])}" for key, name in names.items() if key in groups
    ]
    mixed = groups.get("mixed_pairs")
    rest = f" {mixed:,} pairs across groups are in no row." if mixed else ""
    return f"Test of equal rates in all groups: {', '.join(said) or 'not made'}.{rest}"
