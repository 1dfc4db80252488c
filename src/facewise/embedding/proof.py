"""Is a fast embedder still the same embedder? Chips of a real face, and how near is near enough."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.alignment import CropPolicy, crop
from facewise.faces import Faces
from facewise.images import load

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.zoo import ModelSpec

_DATA = Path(__file__).parents[1] / "data"

_SHIFTS = ((-4, 0), (4, 0), (0, -4), (0, 4))  # pixels, as much as two detectors differ
_LIGHTS = ((0.6, 0.0), (1.0, 40.0), (1.3, -30.0))  # factor, addend

_EXACT = 0.99999
_FAR = 1e-3
_SHARES = {"float16": 0.003, "bfloat16": 0.003, "int8": 0.03}
"""How far a vector may move, as a part of the distance (1 - cosine) between two people at the
model's threshold for FAR 1e-3. On 64 faces of LFW the worst of bfloat16 moved 0.1 % of it for
MobileFaceNet and 0.03 % for dlib's network; of int8, 2 % and 0.7 %."""


def known_picture() -> NDArray[np.uint8]:
    """The bundled picture of one face, uint8 (h, w, 3)."""
    return load(_DATA / "self_test_face.jpg")


@cache
def proof_chips(policy: CropPolicy) -> NDArray[np.uint8]:
    """The bundled face, its mirror image, shifted, and in other light: uint8 (9, S, S, 3)."""
    known = json.loads((_DATA / "self_test_face.json").read_text(encoding="utf-8"))
    face = Faces.from_json(json.dumps(known["face"]))
    [chip] = crop(known_picture(), face, policy)
    shifted = [np.roll(chip, shift, axis=(0, 1)) for shift in _SHIFTS]
    lit = [(chip * factor + add).clip(0, 255).astype(np.uint8) for factor, add in _LIGHTS]
    return np.stack([chip, chip[:, ::-1], *shifted, *lit])


def least_cosine(spec: ModelSpec, precision: str) -> float:
    """The cosine to float32's vectors that a precision must reach for a model."""
    if precision == "float32":
        return _EXACT
    # Some networks put all faces close together (dlib's: strangers reach 0.93), and for them the
    # same cosine is a larger error.
    threshold = next((t.value for t in spec.thresholds if t.far == _FAR), 0.0)
    return round(1 - _SHARES[precision] * (1 - threshold), 6)
