"""Addresses and terms that several entries share."""

from __future__ import annotations

GITHUB_UNIFACE = "https://github.com/yakhyo/uniface/releases/download/weights"
HUGGINGFACE_UNIFACE = (
    "https://huggingface.co/yakhyo/uniface-weights/resolve/4c7ed723a20deb7ff154b1ba7d6e73747d954016"
)

INSIGHTFACE_LICENCE = "non-commercial research only (InsightFace)"
SYMMETRIC = (127.5, 127.5, 127.5)
