"""What the length of an embedding says of the picture, for networks where it says something.

A network that was trained with an angular margin shortens the vectors of what it cannot see well;
one that was trained on distances does not. Over 6,256 pictures of LFW's people with three or more,
the rank correlation of the length with the cosine to the mean of a person's other pictures is 0.58
for `mobilefacenet.ms1m` (0.36 with the likeness that dlib's network sees) and −0.14 for
`dlib_resnet29.dlib` (1,754 pictures). So the latter is not in the table.

Source of the idea: Q. Meng et al., "MagFace: a universal representation for face recognition and
quality assessment", CVPR 2021.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.alignment import CropPolicy
    from facewise.embedding import Embedder
    from facewise.faces import Faces
    from facewise.images import Picture

    Floats = NDArray[np.float32]

_LENGTHS = {"mobilefacenet.ms1m": (6.0, 20.0)}
"""Of a model, the length that is worth nothing, and that from which on nothing is lacking. Of the
faces of LFW 1 in 100 has less than 12.9, half have 18 or more."""


def has_norms(model: str) -> bool:
    """Whether the length means something for a model, by its id."""
    return model in _LENGTHS


def norm_share(model: str, lengths: Floats) -> Floats:
    """The share in [0, 1] that the length lets through, (n,) to (n,).

    Args:
        model: id of the model's spec.
        lengths: before the vectors are made unit vectors (`Embedder.lengths`).

    Raises:
        ValueError: it means nothing for this model.
    """
    if model not in _LENGTHS:
        raise ValueError(f"{model}: nobody has measured that the length of its vectors says much")
    least, full = _LENGTHS[model]
    return np.asarray(np.clip((lengths - least) / (full - least), 0, 1), np.float32)


def norm_part(image: Picture, faces: Faces, embedder: Embedder) -> Floats | None:
    """The `norm` that `assess` takes, from the picture; None where it means nothing.

    Args:
        image: uint8 RGB (h, w, 3).
        faces: n faces of it.
        embedder: whose network runs once more on each face.
    """
    from facewise.alignment import crop

    policy: CropPolicy | None = embedder.spec.crop
    if policy is None or not has_norms(embedder.spec.id):
        return None
    return norm_share(embedder.spec.id, embedder.lengths(crop(image, faces, policy)))
