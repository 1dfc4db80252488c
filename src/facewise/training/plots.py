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

_DIR = "dir_at_fpir_"

_LONGEST = 40
"""Characters of a protocol's word that a plot has room for."""

_CURVES = 8
"""Curves of one protocol that are drawn, spread over the run: more cannot be told apart."""


def write_plots(folder: Path) -> None:
    """Draw `accuracy.png` and `roc.png` from `evaluations.csv` and `roc.csv`.

    Args:
        folder: of the run. Without evaluations nothing is drawn, and without pairs no `roc.png`.

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
    for number, protocol in enumerate(dict.fromkeys(row["protocol"] for row in rows)):
        own = [row for row in rows if row["protocol"] == protocol]
        for (column, name), style in zip(_drawn(own), ("-", "--"), strict=False):
            points = [(float(row["epoch"]), 100 * float(row[column])) for row in own if row[column]]
            axes.plot(
                *zip(*points, strict=True),
                style,
                marker="o",
                color=f"C{number % 10}",
                label=f"{_short(protocol)}{name}",
            )
    axes.set(
        xlabel="epoch", ylabel="accuracy, %" if all(row["accuracy"] for row in rows) else "rate, %"
    )
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    _save(figure, folder / "accuracy.png")
    curves = list(read_log(folder / "roc.csv"))
    if curves:
        _save(_curves(curves), folder / "roc.png")


def _drawn(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Columns of one protocol that are drawn, and how the legend calls each.

    Of pairs the accuracy, of templates the area under the curve; of a search rank 1, and the
    detection and identification rate at the lowest false-positive rate that its strangers measure.
    """
    if rows[0]["protocol"].startswith(("ijbb:", "ijbc:")):
        return [("auc", ", AUC")]
    if any(row["accuracy"] for row in rows):
        return [("accuracy", "")]
    rates = [name for name in rows[0] if name.startswith(_DIR)]
    known = [name for name in rates if any(row[name] for row in rows)]
    return [
        ("rank_1", ", rank 1"),
        *[(name, f", DIR at FPIR {name.removeprefix(_DIR)}") for name in known[-1:]],
    ]


def _curves(rows: list[dict[str, str]]) -> Figure:
    """The curves of the first protocol that has some, later epochs darker."""
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
    axes.set_title(_short(rows[0]["protocol"]), fontsize=9)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    return figure


def _short(word: str) -> str:
    """The word of a protocol, its paths cut at their beginning: a long one leaves no room."""
    form, _, paths = word.partition(":")
    return word if len(word) <= _LONGEST else f"{form}:…{paths[-_LONGEST:]}"


def _save(figure: Figure, path: Path) -> None:
    [axes] = figure.axes
    axes.set_ylim(top=min(axes.get_ylim()[1], 100.3))  # no rate is above 100 %
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    replace_file(path, content.getvalue())
