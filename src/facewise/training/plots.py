"""Accuracy and ROC of a run by epoch, drawn from its tables."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from facewise._files import replace_file
from facewise.training.extra import needed
from facewise.training.logs import read_log

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CURVES = 8
"""Curves of one protocol that are drawn, spread over the run: more cannot be told apart."""


def write_plots(folder: Path) -> None:
    """Draw `accuracy.png` and `roc.png` from `evaluations.csv` and `roc.csv`.

    Args:
        folder: of the run. Without evaluations nothing is drawn.

    Raises:
        ExtraMissingError: matplotlib is not installed.
        OSError: a plot cannot be written.
    """
    rows = list(read_log(folder / "evaluations.csv"))
    if not rows:
        return
    needed("matplotlib", "plots of a training")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for protocol in dict.fromkeys(row["protocol"] for row in rows):
        own = [row for row in rows if row["protocol"] == protocol]
        accuracy = [100 * float(row["accuracy"]) for row in own]
        axes.plot([float(row["epoch"]) for row in own], accuracy, marker="o", label=protocol)
    axes.set(xlabel="epoch", ylabel="accuracy, %")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    _save(figure, folder / "accuracy.png")
    _save(_curves(list(read_log(folder / "roc.csv"))), folder / "roc.png")


def _curves(rows: list[dict[str, str]]) -> Figure:
    """The curves of the first protocol, later epochs darker."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    rows = [row for row in rows if row["protocol"] == rows[0]["protocol"]]
    epochs = list(dict.fromkeys(row["epoch"] for row in rows))
    last = len(epochs) - 1
    shown = sorted({round(i * last / (_CURVES - 1)) for i in range(_CURVES)})
    for place in shown:
        points = [row for row in rows if row["epoch"] == epochs[place]]
        colour = colormaps["viridis"](1 - (place + 1) / (last + 1))
        axes.plot(
            [float(row["far"]) for row in points],
            [100 * float(row["tar"]) for row in points],
            color=colour,
            label=f"epoch {float(epochs[place]):g}",
        )
    axes.set(xscale="log", xlabel="false-accept rate", ylabel="true-accept rate, %")
    axes.set_title(rows[0]["protocol"] if rows else "", fontsize=9)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    return figure


def _save(figure: Figure, path: Path) -> None:
    [axes] = figure.axes
    axes.set_ylim(top=min(axes.get_ylim()[1], 100.3))  # no rate is above 100 %
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    replace_file(path, content.getvalue())
