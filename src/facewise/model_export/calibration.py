"""Real inputs of a model's networks, from pictures: for ranges of integers, and for the loss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facewise.alignment import crop
from facewise.detection import load_detector
from facewise.errors import FacewiseError
from facewise.images import load
from facewise.model_export.candidates import candidates
from facewise.model_export.parts import Part, Pixels

if TYPE_CHECKING:
    from facewise.images import ImageSource

_BATCH = 16
_MOST = 512  # inputs of a network
_ASIDE = 5  # each fifth is not for the ranges, but for the loss
_LEVELS = (1.0, 0.5, 0.25)  # of a picture's size, as PNet sees it
_LONGEST = 640  # pixels


def real_inputs(
    parts: Sequence[Part], pictures: Sequence[ImageSource], weights: Path
) -> dict[str, tuple[tuple[Pixels, ...], tuple[Pixels, ...]]]:
    """Inputs for each network, by its name: those for calibration, and those kept aside.

    Args:
        parts: of one model.
        pictures: with faces.
        weights: MTCNN's file.

    Raises:
        FacewiseError: too few faces are found.
    """
    if parts[0].chips:
        found = {parts[0].name: _chips(parts[0], pictures)}
    else:
        refined, finished = candidates(pictures, weights)
        seen = {"rnet": _some(refined), "onet": _some(finished)}
        found = {p.name: seen.get(p.name.rpartition(".")[2], refined[:0]) for p in parts}
    inputs = {}
    for part in parts:
        if 2 in part.dynamic:
            single = [level for picture in pictures for level in _pyramid(load(picture))]
            groups = [single[i][None] for i in range(len(single))]
            inputs[part.name] = (
                tuple(g for i, g in enumerate(groups) if i % _ASIDE),
                tuple(groups[::_ASIDE]),
            )
            continue
        pixels = found[part.name]
        if len(pixels) < _ASIDE:
            raise FacewiseError(
                f"calibration: {len(pixels)} inputs for {part.name} in {len(pictures)} pictures; "
                "give a few hundred pictures of different people"
            )
        aside = np.arange(len(pixels)) % _ASIDE == 0
        inputs[part.name] = (_batches(pixels[~aside]), _batches(pixels[aside]))
    return inputs


def _chips(part: Part, pictures: Sequence[ImageSource]) -> Pixels:
    policy = part.spec.crop
    assert policy is not None  # noqa: S101 - the registry refuses embedders without
    detector = load_detector()
    chips = []
    for picture in pictures:
        image = load(picture)
        (faces,) = detector.detect([image])
        chips.append(crop(image, faces, policy))
    return _some(np.concatenate([np.empty((0, policy.size, policy.size, 3), np.uint8), *chips]))


def _some(pixels: Pixels) -> Pixels:
    """At most `_MOST`, from all over."""
    step = max(1, -(-len(pixels) // _MOST))
    return pixels[::step]


def _batches(pixels: Pixels) -> tuple[Pixels, ...]:
    return tuple(pixels[i : i + _BATCH] for i in range(0, len(pixels), _BATCH))


def _pyramid(image: Pixels) -> list[Pixels]:
    largest = min(1.0, _LONGEST / max(image.shape[:2]))
    levels = []
    for level in _LEVELS:
        size = [round(side * largest * level) for side in image.shape[1::-1]]
        if min(size) >= 16:
            levels.append(
                np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
            )
    return levels
