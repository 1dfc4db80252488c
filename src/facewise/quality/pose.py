"""How far a face is turned away, from its five landmarks alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

TURNED = 0.2
"""See `turn`: up to here a face looks ahead …"""

_AWAY = 0.25
"""… and at so much more its worth is down to a third."""

_LEVEL = 0.53
"""See `nod`: the median over LFW's 13,232 faces, as MTCNN marks them."""

_NODDED, _DOWN = 0.2, 0.25
"""As `TURNED` and `_AWAY`, of the distance from `_LEVEL`. 1 in 20 faces of LFW is farther off than
`_NODDED`."""


def turn(landmarks: Floats) -> Floats:
    """How far faces are turned to a side: 0 looks ahead, at 0.5 the nose is below an eye.

    Args:
        landmarks: (n, 5, 2), eyes first, then the nose.

    Returns:
        (n,): the distance of the nose from the middle of the eyes, along the line through them, in
        distances of the eyes.
    """
    axis, middle = _eyes(landmarks)
    along = ((landmarks[:, 2] - middle) * axis).sum(axis=1)
    return np.asarray(np.abs(along) / np.maximum((axis**2).sum(axis=1), 1e-6), np.float32)


def nod(landmarks: Floats) -> Floats:
    """Where between eyes and mouth the nose is: less looks up, more looks down.

    Args:
        landmarks: (n, 5, 2), eyes, nose, corners of the mouth.

    Returns:
        (n,): 0 at the height of the eyes, 1 at that of the mouth, across the line of the eyes, so
        however the face is rolled; `_LEVEL` where eyes and mouth coincide.
    """
    axis, middle = _eyes(landmarks)
    across = np.stack([-axis[:, 1], axis[:, 0]], axis=1)
    mouth = ((landmarks[:, 3] + landmarks[:, 4]) / 2 - middle) * across
    nose = (landmarks[:, 2] - middle) * across
    below, down = mouth.sum(axis=1), nose.sum(axis=1)
    flat = np.abs(below) < 1e-6
    return np.asarray(np.where(flat, _LEVEL, down / np.where(flat, 1, below)), np.float32)


def roll(landmarks: Floats) -> Floats:
    """The angle of the line through the eyes, degrees in (-180, 180]; 0 is level. (n,)."""
    axis, _ = _eyes(landmarks)
    return np.asarray(np.degrees(np.arctan2(axis[:, 1], axis[:, 0])), np.float32)


def ahead(landmarks: Floats) -> Floats:
    """The share in [0, 1] that the pose lets through: 1 looks ahead. (n, 5, 2) to (n,).

    Roll does not count: chips are cut upright.
    """
    aside = np.maximum(turn(landmarks) - TURNED, 0) / _AWAY
    bowed = np.maximum(np.abs(nod(landmarks) - _LEVEL) - _NODDED, 0) / _DOWN
    return np.asarray(np.exp(-(aside**2) - np.minimum(bowed, 10) ** 2), np.float32)


def _eyes(landmarks: Floats) -> tuple[Floats, Floats]:
    """From the left eye to the right, and the point between them, each (n, 2)."""
    middle = np.asarray((landmarks[:, 0] + landmarks[:, 1]) / 2, np.float32)
    return landmarks[:, 1] - landmarks[:, 0], middle
