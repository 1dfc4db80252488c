"""How alike the faces in the background of LFW's photos are, by their quality."""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench.record import Group, Record
from facewise.curation.clustering.limits import limits_for
from facewise.curation.clustering.neighbours import NEIGHBOURS

_BOUNDS = (0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.01)
_FEWEST = NEIGHBOURS  # faces of a row


def measure(arguments: argparse.Namespace, model: str, record: Record) -> None:
    """Of pairs from two photos, the share that is as alike as one person's."""
    import facewise
    from facewise.pipeline import Pipeline
    from facewise.quality import assess
    from facewise.result_cache import ResultCache

    paths = sorted((arguments.shared / "data/lfw/lfw-deepfunneled").glob("*/*.jpg"))
    paths = paths[:300] if arguments.quick else paths
    spec, weights = (
        (model, None) if "/" not in model else ("mobilefacenet", arguments.shared / model)
    )
    embedder = facewise.load_embedder(spec, weights, precision="float32", backend="torch")
    vectors, qualities, photos, central = [], [], [], []
    with ResultCache() as cache:
        pipeline = Pipeline(facewise.load_detector(), embedder, cache)
        for i, (path, found) in enumerate(zip(paths, pipeline.run_each(paths), strict=True)):
            if isinstance(found, Exception) or len(found.faces) < 2:
                continue
            best = found.faces.order("most_central", image_size=found.image_size)[0]
            vectors += list(found.embeddings)
            qualities += assess(path, found.faces).total.tolist()
            photos += [i] * len(found.faces)
            central += [k == best for k in range(len(found.faces))]
    x, quality, photo, front = map(np.array, (vectors, qualities, photos, central))
    limits = limits_for(embedder.spec, len(x))
    group = Group(
        f"LFW, {Path(model).stem}: faces in the background",
        unit="",
        reference="",
        columns=["background", "alike_large", "alike_pair", "front_large", "front_pair"],
        notes=[f"Limits: {limits.large:.4f} (large) and {limits.pair:.4f} (pair)."],
    )
    record.groups.append(group)
    for low, high in pairwise(_BOUNDS):
        some = ~front & (quality >= low) & (quality < high)
        if some.sum() < _FEWEST:
            continue
        row = {"background": float(some.sum())}
        for name, others in (("alike", some), ("front", front)):
            table = x[some] @ x[others].T
            two = table[photo[some][:, None] != photo[others]]
            row[f"{name}_large"] = float((two >= limits.large).mean())
            row[f"{name}_pair"] = float((two >= limits.pair).mean())
        group.note(f"quality {low:g} to {min(high, 1):g}", row)
        record.save()
