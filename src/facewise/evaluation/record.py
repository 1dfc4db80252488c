"""The record of an evaluation: its figures with all that is needed to repeat them, as plain JSON.

It holds no time and no duration, so that two runs write equal bytes.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise._software import versions

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.evaluation.groups import Groups
    from facewise.evaluation.protocols.pairs import PairProtocol
    from facewise.evaluation.protocols.people import PeopleProtocol
    from facewise.evaluation.protocols.templates import TemplateProtocol
    from facewise.evaluation.vectors import ImageVectors
    from facewise.evaluation.verification import TarAtFar, Verification


def figures(verification: Verification) -> dict[str, Any]:
    """The figures by name; see `Verification`."""
    names = (
        "accuracy accuracy_std accuracy_sem auc eer precision recall far threshold "
        "threshold_source pairs failed_pairs"
    )
    plain = {name: getattr(verification, name) for name in names.split()}
    return {
        **plain,
        "tar_at_far": rates(verification.tar_at_far),
        "folds": list(verification.folds),
    }


def rates(points: Sequence[TarAtFar]) -> list[dict[str, Any]]:
    """Points of a curve, as plain values."""
    return [asdict(point) for point in points]


def group_figures(groups: Groups) -> dict[str, Any]:
    """The figures by group; see `Groups`."""
    return asdict(groups)


def protocol_facts(
    protocol: PairProtocol | TemplateProtocol | PeopleProtocol, data_sha256: str
) -> dict[str, Any]:
    """What the figures are of."""
    facts: dict[str, Any] = {
        "name": protocol.name,
        "sha256": protocol.sha256,
        "data_sha256": data_sha256,
        "images": len(protocol.images),
    }
    same = getattr(protocol, "same", None)
    if same is not None:
        genuine = int(np.count_nonzero(same))
        facts |= {"pairs": len(same), "genuine": genuine, "impostor": len(same) - genuine}
    for name in ("fold_count", "enrolled"):
        value = getattr(protocol, name, None)
        if value is not None:
            facts["folds" if name == "fold_count" else name] = value
    ids = getattr(protocol, "template_ids", None)
    if ids is not None:
        facts["templates"] = len(ids)
    return {**facts, "remarks": list(protocol.remarks)}


def model_facts(
    label: str, embedders: Sequence[Embedder], shares: Sequence[float] = ()
) -> dict[str, Any]:
    """What a model is: the settings that decide its vectors, or those of each part of a fusion."""
    if len(embedders) == 1:
        return {**embedders[0].settings, "model": label}
    parts = [
        {**embedder.settings, "share": share}
        for embedder, share in zip(embedders, shares, strict=True)
    ]
    return {"model": label, "parts": parts}


def failed_images(found: ImageVectors, names: Sequence[str]) -> list[dict[str, str]]:
    """Images without a vector, and why."""
    return [
        {"image": names[number], "reason": reason}
        for number, reason in sorted(found.failures.items())
    ]


def conditions(
    detector: Detector | None, detector_id: str | None, select: str | None = None
) -> dict[str, Any]:
    """How faces were found, and by what software.

    Args:
        detector: None where none was needed.
        detector_id: what to call it, or what stands in its place.
        select: which face of a picture counted.
    """
    settings: Mapping[str, Any] | None = None if detector is None else detector.settings
    return {
        "aligned": detector is None,
        "detector": detector_id,
        "detector_settings": None if settings is None else dict(settings),
        "select": None if detector is None else select,
        "versions": versions() | {"python": platform.python_version()},
    }
