"""Run a protocol of pairs: embed, score, compare, write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.cli.evaluate.models import Models
    from facewise.cli.evaluate.options import PairOptions
    from facewise.embedding import Embedder
    from facewise.evaluation.protocols.pairs import PairProtocol
    from facewise.evaluation.vectors import ImageVectors
    from facewise.evaluation.verification import Verification
    from facewise.recognition.calibration import Calibration
    from facewise.zoo import Threshold


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
    from facewise.cli.evaluate.results import OUTPUTS, finish
    from facewise.errors import ProtocolError
    from facewise.evaluation import record as records
    from facewise.evaluation.comparison import compare_models
    from facewise.evaluation.groups import read_groups
    from facewise.evaluation.report import write_verification_report
    from facewise.evaluation.scored import Scored
    from facewise.evaluation.scores import pair_similarity
    from facewise.evaluation.verification import FARS, verify

    groups = None if options.groups is None else read_groups(options.groups, protocol)
    models = load_models(options)
    calibrations = _calibrations(options.calibration, models)
    choices = _choices(models, protocol, options, chosen_on)
    digest = the_digest(protocol.images, protocol.names)
    found = vectors_of(models, protocol.images, protocol.names, digest, options)
    scored, facts = [], []
    for label, names in models.entries:
        choice = choices.get(label, _Choice())
        vectors, shares = joined(names, found, protocol.people, choice.shares)
        similarity = pair_similarity(vectors.vectors, protocol.pairs)
        try:
            verification = verify(
                similarity,
                protocol,
                missing=options.missing.value,
                fixed=choice.threshold,
                fars=tuple(dict.fromkeys(options.far)) or FARS,
            )
        except ProtocolError as error:
            if not vectors.failures:
                raise
            raise ProtocolError(f"{error}; {reasons(vectors, protocol.names)}") from None
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
            **records.conditions(models.detector, models.detector_id, options.select.value),
        },
        "models": facts,
        "comparisons": [each.to_dict() for each in compare_models(scored, protocol.same)]
        if len(scored) > 1
        else [],
    }
    finish(
        record,
        options,
        show=show.pairs,
        report=lambda folder: write_verification_report(folder, record, protocol, scored),
        found=[each.found for each in scored],
    )


def reasons(vectors: ImageVectors, names: Sequence[str]) -> str:
    """The first images that failed, and why."""
    from facewise.evaluation.protocols.reading import first_few

    return "failed: " + first_few(
        [f"{names[number]} ({reason})" for number, reason in sorted(vectors.failures.items())]
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    """What was chosen for a model elsewhere than on the pairs it is scored on.

    Attributes:
        threshold: of all folds, or None.
        shares: of the parts of a fusion, or nothing.
    """

    threshold: Threshold | None = None
    shares: Sequence[float] = ()


def _choices(
    models: Models,
    protocol: PairProtocol,
    options: PairOptions,
    chosen_on: PairProtocol | None,
) -> dict[str, _Choice]:
    """The choices for each model, where there are any."""
    from facewise.cli.evaluate.models import joined, the_digest, vectors_of
    from facewise.errors import ProtocolError
    from facewise.evaluation.metrics import best_threshold
    from facewise.evaluation.scores import pair_similarity
    from facewise.zoo import Threshold

    if options.threshold is not None:
        given = _Choice(Threshold(options.threshold, None, "given"))
        return {label: given for label, _ in models.entries}
    if chosen_on is not None:
        digest = the_digest(chosen_on.images, chosen_on.names)
        found = vectors_of(models, chosen_on.images, chosen_on.names, digest, options)
        best = {}
        for label, names in models.entries:
            vectors, shares = joined(names, found, chosen_on.people)
            similarity = pair_similarity(vectors.vectors, chosen_on.pairs)
            if np.isnan(similarity).all():
                raise ProtocolError(
                    "--threshold-pairs: none of them could be compared; "
                    f"{reasons(vectors, chosen_on.names)}"
                )
            threshold = Threshold(
                best_threshold(similarity, chosen_on.same),
                None,
                f"best on {len(similarity):,} other pairs",
            )
            best[label] = _Choice(threshold, shares)
        return best
    if protocol.fold_count > 1:
        return {}
    return {label: _Choice(_own_threshold(models.parts(label))) for label, _ in models.entries}


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
    for file in files:
        calibration = load_calibration(file)
        fitting = [
            label
            for label, names in models.entries
            for embedder in [models.embedders[names[0]]]
            if len(names) == 1
            and embedder.spec.id == calibration.model
            and embedder.weight_hash == calibration.embedder.get("weights")
        ]
        if not fitting:
            labels = ", ".join(label for label, _ in models.entries)
            weights = str(calibration.embedder.get("weights"))[:12]
            raise FacewiseError(
                f"{file}: is of {calibration.model} with weights {weights}, and the models are "
                f"{labels}"
            )
        [label] = fitting
        if label in known:
            raise FacewiseError(f"{file}: a second calibration of {label}; give one")
        calibration.check(models.parts(label)[0], models.detector)
        known[label] = calibration
    return known


def _truth_of(
    calibration: Calibration, similarity: NDArray[np.float64], protocol: PairProtocol
) -> dict[str, Any]:
    """How true a calibration's probabilities are on the pairs that could be compared."""
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
