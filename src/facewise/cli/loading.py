"""Load what the options name; a wrong value is wrong usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from facewise.errors import FacewiseError

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.zoo import ModelSpec, Threshold


def the_detector(name: str | None, device: str | None, **options: Any) -> Detector:
    """The detector of `--detector`; options that were not given are left to its defaults."""
    from facewise.detection import DEFAULT_DETECTOR, load_detector

    given = {key: value for key, value in options.items() if value is not None}
    model, weights = model_and_weights(DEFAULT_DETECTOR if name is None else name)
    try:
        return load_detector(model, weights, device=device, **given)
    except FacewiseError:
        raise
    except (TypeError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error


def the_embedder(name: str | None, device: str | None, flip: bool | None = None) -> Embedder:
    """The embedder of `--model`."""
    from facewise.embedding import DEFAULT_EMBEDDER, load_embedder

    model, weights = model_and_weights(DEFAULT_EMBEDDER if name is None else name)
    return load_embedder(model, weights, device=device, flip=flip)


def model_and_weights(name: str) -> tuple[str, str | None]:
    """`ID` or `ID=FILE` in its parts."""
    model, _, weights = name.partition("=")
    return model, weights or None


def the_threshold(spec: ModelSpec, value: float | None, far: float | None) -> Threshold:
    """The threshold of `--threshold` and `--far`."""
    from facewise.recognition import choose_threshold

    try:
        return choose_threshold(spec, value, far)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def described(threshold: Threshold) -> str:
    """A threshold in words: its value, what it gives, and where that was measured."""
    if threshold.far is None:
        return f"threshold {threshold.value:.4f} ({threshold.measured_on})"
    return f"threshold {threshold.value:.4f}, FAR {threshold.far:g} on {threshold.measured_on}"
