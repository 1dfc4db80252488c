"""The models facewise knows, where their weights lie, and how they get there."""

from facewise.zoo.cache import cache_dir, cached_path, locate, models_dir, state
from facewise.zoo.download import fetch, offline
from facewise.zoo.hashing import check, file_sha256
from facewise.zoo.registry import get_spec, list_specs, register
from facewise.zoo.sources import (
    SPEC_NAME,
    find_spec,
    model_and_weights,
    read_spec,
    weights_path,
)
from facewise.zoo.spec import ModelSpec, Normalisation, Threshold, Weights

__all__ = [
    "SPEC_NAME",
    "ModelSpec",
    "Normalisation",
    "Threshold",
    "Weights",
    "cache_dir",
    "cached_path",
    "check",
    "fetch",
    "file_sha256",
    "find_spec",
    "get_spec",
    "list_specs",
    "locate",
    "model_and_weights",
    "models_dir",
    "offline",
    "read_spec",
    "register",
    "state",
    "weights_path",
]
