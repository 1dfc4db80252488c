"""Ratios as bars, with what was found written beside them; from the JSON of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.contest import OTHERS, UnavailableError
from bench.report import COLUMNS, milliseconds

# Okabe and Ito's palette, which people who do not see red or green can tell apart.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_REFERENCE, _PEER = "#4D4D4D", "#B3B3B3"
_BESIDE = {"faces": "{} faces an image", "recall": "{} of exact's", "cosine": "cosine {}"}


def bars(group: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows to show: of each family the fastest, in the order of the table."""
    best: dict[str, Mapping[str, Any]] = {}
    for row in group["rows"]:
        if "ratio" not in row:
            continue
        shown = best.get(row["family"])
        if shown is None or row["ratio"] > shown["ratio"]:
            best[row["family"]] = row
    return list(best.values())


def label(row: Mapping[str, Any], unit: str) -> str:
    """What stands beside a bar."""
    parts = [f"{row['ratio']:.1f}×", f"{milliseconds(row['median'])} ms a {unit}"]
    extras = row["extras"]
    parts += [
        text.format(COLUMNS[key][1](extras[key])) for key, text in _BESIDE.items() if key in extras
    ]
    return "  ·  ".join(parts)


def colours(groups: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """A colour for each kind, the same in every panel."""
    kinds = dict.fromkeys(row["kind"] for group in groups for row in bars(group))
    fixed = {OTHERS: _PEER}
    for group in groups:
        [reference] = [r["kind"] for r in group["rows"] if r["name"] == group["reference"]]
        if not reference.startswith("facewise"):
            fixed[reference] = _REFERENCE
    free = iter(_COLOURS)
    return {kind: fixed.get(kind) or next(free, _PEER) for kind in kinds}


def plot(record: Mapping[str, Any], path: Path, only: str = "") -> None:
    """Draw the groups whose title contains `only`, one panel each, into a .png or .svg file.

    Raises:
        UnavailableError: matplotlib is not installed, or there is nothing to draw.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.patches import Patch
    except ImportError:
        raise UnavailableError("--plot needs matplotlib: pip install matplotlib") from None
    groups = [group for group in record["groups"] if only in group["title"] and bars(group)]
    if not groups:
        raise UnavailableError(f"--plot: no group with times has {only!r} in its title")
    colour = colours(groups)
    heights = [len(bars(group)) + 1.5 for group in groups]
    figure = Figure(figsize=(10, 0.3 * sum(heights) + 1.2), layout="constrained")
    panels = figure.subplots(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, group in zip(panels, groups, strict=True):
        rows = bars(group)
        places = range(len(rows))
        values = [row["ratio"] for row in rows]
        axes.barh(places, values, color=[colour[row["kind"]] for row in rows], height=0.72)
        axes.set_yticks(places, [row["name"] for row in rows], fontsize=8)
        axes.invert_yaxis()
        for place, row in zip(places, rows, strict=True):
            text = "  " + label(row, group["unit"])
            axes.text(row["ratio"], place, text, va="center", fontsize=7.5)
        axes.axvline(1, color=_REFERENCE, linewidth=0.8, linestyle="--")
        axes.set_xlim(0, 2.1 * max(values))  # leaves room for the text
        axes.set_title(group["title"], loc="left", fontsize=9.5, fontweight="bold")
        axes.set_xlabel(f"times as fast as {group['reference']}", fontsize=8)
        axes.tick_params(axis="x", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    if len(colour) > 1:
        keys = [Patch(color=value, label=kind) for kind, value in colour.items()]
        figure.legend(handles=keys, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.savefig(path, dpi=150)
