"""The page of a protocol of pairs, of images or of templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from facewise.evaluation.report import circumstances, page, plots, tables, wording
from facewise.evaluation.report.calibration import calibration
from facewise.evaluation.report.model import Model
from facewise.evaluation.report.page import Result, Section
from facewise.evaluation.report.pictures import Pictures
from facewise.evaluation.report.worst_pairs import worst_pairs

if TYPE_CHECKING:
    from facewise.evaluation.protocols.pairs import PairProtocol
    from facewise.evaluation.protocols.templates import TemplateProtocol
    from facewise.evaluation.scored import Scored


def verification_page(
    record: Mapping[str, Any],
    protocol: PairProtocol | TemplateProtocol,
    scored: Sequence[Scored],
) -> str:
    """The page; see `write_verification_report`.

    Raises:
        ExtraMissingError: matplotlib is missing.
    """
    models = [
        Model.of(entry, each, protocol.same)
        for entry, each in zip(record["models"], scored, strict=True)
    ]
    pictures = Pictures(protocol.images, protocol.names)
    title = str(record.get("title", protocol.name))
    return page.page(
        title,
        [*circumstances.opening(record), page.results([_result(model) for model in models])],
        [
            Section("Figures", tables.comparison(models)),
            Section("Curves", plots.curves(models)),
            Section("Similarities", plots.histograms(models)),
            Section("TAR at FAR", tables.operating_points(models)),
            Section(
                "Differences between models", tables.significance(record.get("comparisons", ()))
            ),
            Section("Groups", tables.groups(models)),
            Section("Calibration", calibration(models)),
            Section("Worst false accepts", worst_pairs(models, protocol, pictures, genuine=False)),
            Section("Worst false rejects", worst_pairs(models, protocol, pictures, genuine=True)),
            circumstances.failures(
                [(m.name, m.scored.found) for m in models], protocol.names, pictures
            ),
            circumstances.repetition(record),
        ],
    )


def _result(model: Model) -> Result:
    figures, point = model.figures, model.headline
    accuracy, deviation = figures.get("accuracy"), figures.get("accuracy_std")
    tar = "No true-accept rate could be measured with so few impostor pairs."
    if point is not None:
        tar = (
            f"At a false-accept rate of {wording.rate(point['far'])} it accepts "
            f"{wording.percent(point['tar'])} of the genuine pairs"
            f" (95\u00a0% interval {wording.interval(point.get('low'), point.get('high'))})."
        )
    if accuracy is None:
        value = wording.NOTHING if point is None else wording.percent(point["tar"])
        unit = "" if point is None else f"TAR at FAR {wording.rate(point['far'])}"
        return Result(model.name, value, unit, tar)
    of = f"Share of {wording.count(figures.get('pairs'))} pairs decided rightly"
    folds = len(figures.get("folds", ()))
    how = "" if deviation is None else f", mean and standard deviation over {folds} folds"
    return Result(model.name, wording.spread(accuracy, deviation), "accuracy", f"{of}{how}. {tar}")
