"""The same part of the face in chips of another size."""

from __future__ import annotations

from dataclasses import replace

from facewise.alignment.policies import CropPolicy, EyeCornerCrop, FivePointCrop, MarginCrop


def resized(crop: CropPolicy, size: int) -> CropPolicy:
    """A crop that shows the same part of the face in chips of another size.

    Args:
        crop: how chips are placed.
        size: side of the new chips in pixels.
    """
    scale = size / crop.size
    if scale == 1:
        return crop
    if isinstance(crop, EyeCornerCrop):
        return replace(crop, size=size)
    if isinstance(crop, MarginCrop):
        return MarginCrop(size, round(crop.margin * scale))
    left, right, nose, mouth_left, mouth_right = ((x * scale, y * scale) for x, y in crop.template)
    return FivePointCrop(size, (left, right, nose, mouth_left, mouth_right))
