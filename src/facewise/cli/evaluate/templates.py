"""Run a protocol of templates: embed, pool by media, score, write."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from facewise.cli.evaluate.models import Models
    from facewise.cli.evaluate.options import RunOptions
    from facewise.embedding import Embedder
    from facewise.evaluation.protocols.templates import TemplateProtocol
    from facewise.evaluation.vectors import ImageVectors

FARS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)

_TITLES = {"ijbb": "IJB-B, 1:1", "ijbc": "IJB-C, 1:1"}


def run_templates(
    context: typer.Context,
    protocol: TemplateProtocol,
    options: RunOptions,
    *,
    far: Sequence[float],
    by_score: bool,
) -> None:
    """Score every model on a protocol of templates, and write what was asked for."""
    from facewise.cli.evaluate import show
    from facewise.cli.evaluate.models import joined, load_models, the_digest
    from facewise.cli.evaluate.options import command_line
    from facewise.cli.evaluate.results import OUTPUTS, finish
    from facewise.evaluation import metrics
    from facewise.evaluation import record as records
    from facewise.evaluation.report import write_verification_report
    from facewise.evaluation.scored import Scored
    from facewise.evaluation.scores import pair_similarity
    from facewise.evaluation.templates import pooled
    from facewise.evaluation.verification import operating_curve

    models = load_models(options, finds=options.detector is not None)
    digest = the_digest(protocol.images, protocol.names)
    found = _vectors(models, protocol, digest, options)
    scored, facts = [], []
    for label, names in models.entries:
        vectors, shares = joined(names, found)
        templates = pooled(
            vectors.vectors,
            protocol.templates,
            protocol.media,
            len(protocol.template_ids),
            protocol.scores if by_score else None,
        )
        similarity = pair_similarity(templates, protocol.pairs)
        scored.append(Scored(label, vectors, similarity, None))
        facts.append(
            {
                **records.model_facts(label, models.parts(label), shares),
                "figures": {
                    "pairs": len(similarity),
                    "failed_pairs": int(np.count_nonzero(np.isnan(similarity))),
                    "auc": metrics.auc(similarity, protocol.same),
                    "eer": metrics.equal_error_rate(similarity, protocol.same),
                    "tar_at_far": records.rates(
                        operating_curve(similarity, protocol.same, far or FARS)
                    ),
                },
                "failed_images": records.failed_images(vectors, protocol.names),
            }
        )
    pooling = "media, weighted by detection score" if by_score else "media"
    faces = "chips" if options.aligned else "landmarks of the meta files"
    record = {
        "title": _TITLES[protocol.name],
        "command": command_line(context, without=OUTPUTS),
        "protocol": records.protocol_facts(protocol, digest),
        "conditions": {
            "pooling": pooling,
            **records.conditions(
                models.detector, models.detector_id or faces, options.select.value
            ),
            "aligned": options.aligned,
        },
        "models": facts,
        "comparisons": [],
    }
    finish(
        record,
        options,
        show=show.templates,
        report=lambda folder: write_verification_report(folder, record, protocol, scored),
        found=[each.found for each in scored],
    )


def _vectors(
    models: Models, protocol: TemplateProtocol, digest: str, options: RunOptions
) -> dict[str, ImageVectors]:
    """Of each image: by the known landmarks, unless it is a chip or a detector is named."""
    from facewise.cli.evaluate.models import each_embedder, vectors_of
    from facewise.evaluation.vectors import embed_landmarked
    from facewise.result_cache import ResultCache

    if options.aligned or models.detector is not None:
        return vectors_of(models, protocol.images, protocol.names, digest, options)
    with ResultCache() if options.cache else nullcontext() as store:

        def find(embedder: Embedder, report: Callable[[int], None]) -> ImageVectors:
            return embed_landmarked(
                protocol.images,
                protocol.landmarks,
                embedder,
                report,
                names=protocol.names,
                cache=store,
            )

        landmarks = hashlib.sha256(np.asarray(protocol.landmarks, "<f4").tobytes()).hexdigest()
        return each_embedder(
            models, len(protocol.images), digest, {"landmarks": landmarks}, options, find
        )
