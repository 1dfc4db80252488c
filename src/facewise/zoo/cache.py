"""Where weight files lie: in the package, in the user's cache, in folders the user names.

Two environment variables move things, and are read at each call so that a program can set them:

- `FACEWISE_CACHE`: the cache folder, instead of the platform's (`~/.cache/facewise` on Linux).
- `FACEWISE_WEIGHTS`: further folders that hold weight files by name (a shared drive, say),
  separated as in `PATH`. They are only read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import platformdirs

from facewise.runtime.weights import BUNDLED
from facewise.zoo.spec import ModelSpec

State = Literal["bundled", "cached", "folder", "absent"]


def cache_dir() -> Path:
    """The folder of everything facewise keeps between runs; it need not exist yet."""
    folder = os.environ.get("FACEWISE_CACHE")
    return (
        Path(folder).expanduser()
        if folder
        else platformdirs.user_cache_path("facewise", appauthor=False)
    )


def models_dir() -> Path:
    """The folder of downloaded weight files; it need not exist yet."""
    return cache_dir() / "models"


def cached_path(spec: ModelSpec) -> Path:
    """Where the weights of a model lie once downloaded, or once put there by hand."""
    return models_dir() / spec.weights.filename


def locate(spec: ModelSpec) -> Path | None:
    """The weight file of a model on this machine, or None; its content is not looked at.

    The package comes first, then the cache, then the folders of `FACEWISE_WEIGHTS` in their order.
    """
    return next((path for _, path in _places(spec) if path.is_file()), None)


def state(spec: ModelSpec) -> State:
    """How the weights of a model are at hand; `folder` is one of `FACEWISE_WEIGHTS`."""
    return next((place for place, path in _places(spec) if path.is_file()), "absent")


def _places(spec: ModelSpec) -> Iterator[tuple[State, Path]]:
    filename = spec.weights.filename
    if spec.weights.bundled:
        yield "bundled", BUNDLED / filename
    yield "cached", models_dir() / filename
    for folder in os.environ.get("FACEWISE_WEIGHTS", "").split(os.pathsep):
        if folder:
            yield "folder", Path(folder).expanduser() / filename
