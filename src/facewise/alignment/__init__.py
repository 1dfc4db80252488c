"""Cut chips: square uint8 pictures of one face each, placed the way an embedder expects."""

from facewise.alignment.policies import (
    ARCFACE_112,
    DLIB_150,
    CropPolicy,
    EyeCornerCrop,
    FivePointCrop,
    FivePoints,
    MarginCrop,
    crop,
    crop_each,
    eye_corners,
    margin_box,
)
from facewise.alignment.resizing import resized
from facewise.alignment.similarity import similarity_transforms

__all__ = [
    "ARCFACE_112",
    "DLIB_150",
    "CropPolicy",
    "EyeCornerCrop",
    "FivePointCrop",
    "FivePoints",
    "MarginCrop",
    "crop",
    "crop_each",
    "eye_corners",
    "margin_box",
    "resized",
    "similarity_transforms",
]
