"""Run a search of probes in a gallery: embed, rank, write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from facewise.cli.evaluate.options import RunOptions
    from facewise.evaluation.protocols.people import PeopleProtocol


def run_search(
    context: typer.Context,
    protocol: PeopleProtocol,
    options: RunOptions,
    *,
    ranks: Sequence[int],
    fpirs: Sequence[float],
) -> None:
    """Search the probes with every model, and write what was asked for."""
    from facewise.cli.evaluate import show
    from facewise.cli.evaluate.models import joined, load_models, the_digest, vectors_of
    from facewise.cli.evaluate.options import command_line
    from facewise.cli.evaluate.results import OUTPUTS, finish
    from facewise.evaluation import record as records
    from facewise.evaluation.comparison import compare_searches
    from facewise.evaluation.identification import FPIRS, RANKS, identify_probes
    from facewise.evaluation.report import write_identification_report

    models = load_models(options)
    digest = the_digest(protocol.images, protocol.names)
    found = vectors_of(models, protocol.images, protocol.names, digest, options)
    scored, facts = [], []
    for label, names in models.entries:
        vectors, shares = joined(names, found, protocol.people)
        scored.append(
            identify_probes(label, vectors, protocol, ranks=ranks or RANKS, fpirs=fpirs or FPIRS)
        )
        facts.append(
            {
                **records.model_facts(label, models.parts(label), shares),
                "figures": dict(scored[-1].figures),
                "failed_images": records.failed_images(vectors, protocol.names),
            }
        )
    record = {
        "title": "Identification",
        "command": command_line(context, without=OUTPUTS),
        "protocol": records.protocol_facts(protocol, digest),
        "conditions": records.conditions(models.detector, models.detector_id, options.select.value),
        "models": facts,
        "comparisons": [each.to_dict() for each in compare_searches(scored)]
        if len(scored) > 1
        else [],
    }
    finish(
        record,
        options,
        show=show.identification,
        report=lambda folder: write_identification_report(folder, record, protocol, scored),
        found=[each.found for each in scored],
    )
