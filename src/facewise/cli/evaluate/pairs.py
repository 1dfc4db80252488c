"""Run a protocol of pairs: embed, score, compare, write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facewise.cli.evaluate.models import Models
    from facewise.cli.evaluate.options import PairOptions
    from facewise.embedding import Embedder
    from facewise.evaluation.protocols.pairs import PairProtocol
    from facewise.evaluation.verification import Verification
    from facewise.recognition.calibration import Calibration
    from facewise.zoo import Threshold

OUTPUTS = ("json_file", "report", "cache")
"""Parameters that change no figure."""


def run_pairs(
    context: typer.Context,
    title: str,
    protocol: PairProtocol,
    options: PairOptions,
    *,
    chosen_on: PairProtocol | None = None,
) -> None:
    """Score every model on a protocol, and write what was asked for.

    Args:
        context: of the command, for the record.
        title: of the report.
        protocol: what to score.
        options: of the command.
        chosen_on: pairs whose best threshold decides all; by default each fold's is the best of the
            others, and with a single fold it is the model's own.
    """
    from facewise.cli.evaluate import show
    from facewise.cli.evaluate.models import joined, load_models, the_digest, vectors_of
    from facewise.cli.evaluate.options import command_line
    from facewise.evaluation import record as records
    from facewise.evaluation.comparison import compare_models
    from facewise.evaluation.groups import read_groups
    from facewise.evaluation.scored import Scored
    from facewise.evaluation.scores import pair_similarity

    groups = None if options.groups is None else read_groups(options.groups, protocol)
    models = load_models(options)
    calibrations = _calibrations(options.calibration, models)
    digest = the_digest(protocol.images, protocol.names)
    found = vectors_of(models, protocol.images, protocol.names, digest, options)
    scored, facts = [], []
    thresholds = _thresholds(models, protocol, options, chosen_on)
    for label, names in models.entries:
        vectors, shares = joined(names, found, protocol.people)
        similarity = pair_similarity(vectors.vectors, protocol.pairs)
        verification = _verify(similarity, protocol, options, thresholds.get(label))
        scored.append(Scored(label, vectors, similarity, verification))
        entry = {
            **records.model_facts(label, models.parts(label), shares),
            "figures": records.figures(verification),
            "failed_images": records.failed_images(vectors, protocol.names),
        }
        if groups is not None:
            entry["groups"] = _group_figures(similarity, verification, protocol, groups)
        if label in calibrations:
            entry["calibration"] = _truth_of(calibrations[label], similarity, protocol)
        facts.append(entry)
    record = {
        "title": title,
        "command": command_line(context, without=OUTPUTS),
        "protocol": records.protocol_facts(protocol, digest),
        "conditions": {
            "missing": options.missing.value,
            **records.conditions(models.detector, models.detector_id),
        },
        "models": facts,
        "comparisons": [each.to_dict() for each in compare_models(scored, protocol.same)]
        if len(scored) > 1
        else [],
    }
    write_results(record, options.json_file)
    if options.report is not None:
        from facewise.evaluation.report import write_verification_report

        write_verification_report(options.report, record, protocol, scored)
    if str(options.json_file) != "-":
        show.pairs(record)
        if options.report is not None:
            typer.echo(f"report: {options.report / 'report.html'}")


def write_results(record: dict[str, Any], json_file: Path | None) -> None:
    """The record as JSON, where it was asked for."""
    from facewise.cli.files import write_text

    if json_file is not None:
        write_text(json_file, json.dumps(record, indent=2))


def _verify(
    similarity: NDArray[np.float64],
    protocol: PairProtocol,
    options: PairOptions,
    fixed: Threshold | None,
) -> Verification:
    from facewise.evaluation.verification import FARS, verify

    try:
        return verify(
            similarity,
            protocol,
            missing=options.missing.value,
            fixed=fixed,
            fars=tuple(dict.fromkeys(options.far)) or FARS,
        )
    except ValueError as error:
        if "far:" in str(error):
            raise typer.BadParameter(f"--far: {error}") from error
        raise


def _thresholds(
    models: Models,
    protocol: PairProtocol,
    options: PairOptions,
    chosen_on: PairProtocol | None,
) -> dict[str, Threshold]:
    """The threshold of each model that has one for all folds."""
    from facewise.cli.evaluate.models import joined, the_digest, vectors_of
    from facewise.evaluation.metrics import best_threshold
    from facewise.evaluation.scores import pair_similarity
    from facewise.zoo import Threshold

    if options.threshold is not None:
        if chosen_on is not None:
            raise typer.BadParameter("--threshold and --threshold-pairs: give one of them")
        try:
            given = Threshold(options.threshold, None, "given")
        except ValueError as error:
            raise typer.BadParameter(f"--threshold: {error}") from error
        return {label: given for label, _ in models.entries}
    if chosen_on is not None:
        digest = the_digest(chosen_on.images, chosen_on.names)
        found = vectors_of(models, chosen_on.images, chosen_on.names, digest, options)
        best = {}
        for label, names in models.entries:
            similarity = pair_similarity(
                joined(names, found, chosen_on.people)[0].vectors, chosen_on.pairs
            )
            source = f"the best on {len(similarity):,} other pairs"
            best[label] = Threshold(best_threshold(similarity, chosen_on.same), None, source)
        return best
    if protocol.fold_count > 1:
        return {}
    return {label: _own_threshold(models.parts(label)) for label, _ in models.entries}


def _own_threshold(parts: Sequence[Embedder]) -> Threshold:
    """The one that recognition decides by."""
    from facewise.errors import ModelError, ProtocolError
    from facewise.recognition import choose_threshold

    said = "one fold alone has no others to choose a threshold on, and"
    if len(parts) > 1:
        raise ProtocolError(f"{said} a fusion has no threshold of its own; give --threshold")
    try:
        return choose_threshold(parts[0].spec)
    except ModelError:
        raise ProtocolError(
            f"{said} no threshold has been measured for {parts[0].spec.id}; use two folds or "
            "more, or give --threshold"
        ) from None


def _group_figures(
    similarity: NDArray[np.float64],
    verification: Verification,
    protocol: PairProtocol,
    groups: Sequence[str],
) -> dict[str, Any]:
    from facewise.evaluation.groups import by_group
    from facewise.evaluation.record import group_figures

    return group_figures(
        by_group(
            similarity,
            protocol.same,
            verification.counted,
            protocol.pairs,
            groups,
            verification.threshold,
        )
    )


def _calibrations(files: Sequence[Path], models: Models) -> dict[str, Calibration]:
    """The calibration of each model that has one; each fits one of the models."""
    from facewise.errors import FacewiseError
    from facewise.recognition import load_calibration

    known: dict[str, Calibration] = {}
    single = {label: models.parts(label)[0] for label, names in models.entries if len(names) == 1}
    for file in files:
        calibration = load_calibration(file)
        if calibration.model not in single:
            raise FacewiseError(
                f"{file}: is of {calibration.model}, and the models are {', '.join(single)}"
            )
        if calibration.model in known:
            raise FacewiseError(f"{file}: a second calibration of {calibration.model}; give one")
        calibration.check(single[calibration.model], models.detector)
        known[calibration.model] = calibration
    return known


def _truth_of(
    calibration: Calibration, similarity: NDArray[np.float64], protocol: PairProtocol
) -> dict[str, Any]:
    """How true a calibration's probabilities are on the pairs that could be compared."""
    import numpy as np

    from facewise.evaluation import metrics

    compared = ~np.isnan(similarity)
    same = protocol.same[compared]
    probability = calibration.probability(similarity[compared])
    # Probabilities assume the prior; so both kinds of pairs weigh what it says, however many.
    share = np.where(same, calibration.prior, 1 - calibration.prior)
    weights = share / np.where(same, same.sum(), (~same).sum())
    bins = metrics.reliability(probability, same, weights=weights)
    return {
        "prior": calibration.prior,
        "method": calibration.curve.method,
        "pairs": len(same),
        "expected_calibration_error": metrics.expected_calibration_error(
            probability, same, weights=weights
        ),
        "log_loss": metrics.log_loss(probability, same, weights),
        "brier": metrics.brier(probability, same, weights),
        "reliability": [
            {"probability": float(stated), "genuine": float(genuine), "pairs": int(pairs)}
            for stated, genuine, pairs in zip(
                bins.probability, bins.genuine, bins.pairs, strict=True
            )
            if pairs
        ],
        "measured_on": calibration.measured_on,
    }
