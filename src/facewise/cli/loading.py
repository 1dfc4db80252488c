"""Load what the options name; a wrong value is wrong usage."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from facewise.errors import FacewiseError
from facewise.zoo import model_and_weights as model_and_weights

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.recognition import Calibration
    from facewise.zoo import ModelSpec, Threshold


def the_detector(name: str | None, device: str | None, **options: Any) -> Detector:
    """The detector of `--detector`; options that were not given are left to its defaults."""
    from facewise.detection import DEFAULT_DETECTOR, load_detector

    model, weights = model_and_weights(DEFAULT_DETECTOR if name is None else name)
    limit_torch()
    with wrong_usage():
        return load_detector(model, weights, device=device, **_given(options))


def the_embedder(
    name: str | None, device: str | None, flip: bool | None = None, **options: Any
) -> Embedder:
    """The embedder of `--model`; options that were not given are left to its defaults."""
    from facewise.embedding import DEFAULT_EMBEDDER, load_embedder

    model, weights = model_and_weights(DEFAULT_EMBEDDER if name is None else name)
    limit_torch()
    with wrong_usage():
        return load_embedder(model, weights, device=device, flip=flip, **_given(options))


def limit_torch() -> None:
    """Keep PyTorch's operators within the limits of `runtime.threads`.

    The command may: the process is its own. In a program, that number is the programmer's.
    """
    import torch

    from facewise.runtime.threads import cores

    if torch.get_num_threads() > cores():
        torch.set_num_threads(cores())


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Options that have a value, which of a choice is its word."""
    return {
        key: value.value if isinstance(value, Enum) else value
        for key, value in options.items()
        if value is not None
    }


@contextmanager
def wrong_usage() -> Iterator[None]:
    """Turn a value that an option cannot have into an error of the command line."""
    try:
        yield
    except FacewiseError:
        raise
    except (TypeError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error


def the_calibration(
    file: Path | None, embedder: Embedder, detector: Detector | None
) -> Calibration | None:
    """The calibration of `--calibration`, if there is one, which has to be of these models."""
    from facewise.recognition import load_calibration

    if file is None:
        return None
    calibration = load_calibration(file)
    calibration.check(embedder, detector)
    return calibration


def the_threshold(
    spec: ModelSpec,
    value: float | None,
    far: float | None,
    calibration: Calibration | None = None,
) -> Threshold:
    """The threshold of `--threshold` and `--far`."""
    from facewise.recognition import choose_threshold

    try:
        return choose_threshold(spec, value, far, calibration=calibration)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def described(threshold: Threshold) -> str:
    """A threshold in words: its value, what it gives, and where that was measured."""
    if threshold.far is None:
        return f"threshold {threshold.value:.4f} ({threshold.measured_on})"
    return f"threshold {threshold.value:.4f}, FAR {threshold.far:g} on {threshold.measured_on}"


def probable(probability: float) -> str:
    """A probability with as many decimals as tell it from 0 and 1: three, or up to two digits."""
    rest = min(probability, 1 - probability)
    return f"{probability:.{max(3, 1 - math.floor(math.log10(rest)))}f}"
