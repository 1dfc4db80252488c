"""The record of an evaluation: its figures with all that is needed to repeat them, as plain JSON.

It holds no time, no duration and no path of this machine, so that two runs write equal bytes.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import PIL
import torch

from facewise._version import __version__

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.evaluation.pairs import PairProtocol
    from facewise.evaluation.vectors import ImageVectors
    from facewise.evaluation.verification import Missing, Verification


def figures(verification: Verification, missing: Missing) -> dict[str, Any]:
    """The figures by name; see `Verification`."""
    return {
        "accuracy": verification.accuracy,
        "accuracy_std": verification.accuracy_std,
        "accuracy_sem": verification.accuracy_sem,
        "auc": verification.auc,
        "eer": verification.eer,
        "tar_at_far": {f"{far:g}": tar for far, tar in verification.tar_at_far.items()},
        "threshold": verification.threshold,
        "threshold_source": verification.threshold_source,
        "pairs": verification.pairs,
        "failed_pairs": verification.failed_pairs,
        "missing": missing,
        "folds": list(verification.folds),
    }


def conditions(
    protocol: PairProtocol,
    found: ImageVectors,
    embedder: Embedder,
    detector: Detector | None,
    detector_id: str | None,
) -> dict[str, Any]:
    """What the figures hold for: data, model, detector (None for chips) and software."""
    settings: Mapping[str, Any] | None = None if detector is None else detector.settings
    return {
        "protocol": protocol.name,
        "pairs_sha256": protocol.sha256,
        "images": len(protocol.images),
        "failed_images": [
            {"image": protocol.image_name(i), "reason": reason}
            for i, reason in sorted(found.failures.items())
        ],
        **embedder.settings,
        "aligned": detector is None,
        "detector": detector_id,
        "detector_settings": None if settings is None else dict(settings),
        "versions": {
            "facewise": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "pillow": PIL.__version__,
        },
    }
