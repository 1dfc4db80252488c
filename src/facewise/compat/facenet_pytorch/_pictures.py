"""What facenet-pytorch takes for a picture: a PIL image, an array or a tensor, channels last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from PIL import Image as PILImage

from facewise.errors import ImageError
from facewise.images import describe, load

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture: TypeAlias = PILImage.Image | NDArray[Any] | torch.Tensor
    Pictures: TypeAlias = Picture | Sequence[Picture]


def is_batch(images: Pictures) -> bool:
    """Whether results come with a dimension more: for lists, tuples and four dimensions."""
    return isinstance(images, (list, tuple)) or getattr(images, "ndim", None) == 4


def as_list(images: Pictures) -> list[Picture]:
    """The pictures of a batch; of a single picture, a list of it alone."""
    return list(images) if is_batch(images) else [images]  # type: ignore[arg-type,list-item]


def as_rgb(image: Picture) -> Picture:
    """A picture of the same kind in three channels; the picture itself if it has them.

    The kind decides how a crop is resized and saved, and a float array keeps its fractions.

    Raises:
        ImageError: not a picture (see `pixels`).
    """
    if isinstance(image, PILImage.Image):
        return image if image.mode == "RGB" else PILImage.fromarray(pixels(image))
    if getattr(image, "ndim", None) == 3 and image.shape[2] == 3 and _resizable(image):
        return image
    array = pixels(image)
    return torch.tensor(array) if isinstance(image, torch.Tensor) else array


def pixels(image: Picture) -> NDArray[np.uint8]:
    """The picture as the detector reads it: uint8 RGB, shape (H, W, 3).

    EXIF orientation is left alone, so that boxes fit the picture the caller has in hand.

    Args:
        image: a PIL image of any mode; or an array or tensor of shape (H, W), (H, W, 1),
            (H, W, 3) or (H, W, 4), of any number format, with values from 0 to 255, which are
            rounded to whole ones.

    Raises:
        ImageError: another kind, shape or range of values.
    """
    if isinstance(image, PILImage.Image):
        return _from_pil(image)
    name = describe(image)
    if isinstance(image, torch.Tensor):
        image = image.detach().cpu()
        image = (image.float() if image.is_floating_point() else image).numpy()
    if not isinstance(image, np.ndarray):
        raise ImageError(f"{name}: expected a PIL image, an array or a tensor")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        raise ImageError(
            f"{name}: expected shape (H, W), or (H, W, C) with 1, 3 or 4 channels, "
            "the channels last (a tensor from ToTensor: x.permute(1, 2, 0) * 255)"
        )
    return load(_whole(image, name), name=name)


def _resizable(image: NDArray[Any] | torch.Tensor) -> bool:
    """Whether OpenCV can resize it; PyTorch can resize any."""
    return isinstance(image, torch.Tensor) or image.dtype in (np.uint8, np.float32, np.float64)


def _from_pil(image: PILImage.Image) -> NDArray[np.uint8]:
    if image.mode == "RGB":
        return np.array(image)
    stored = image.copy()
    # All that `load` would turn the picture by; of the rest only transparency matters to it.
    stored.info = {key: image.info[key] for key in ("transparency",) if key in image.info}
    return load(stored, name=describe(image))


def _whole(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if values.dtype == np.uint8 or not values.size:
        return values
    if values.dtype.kind not in "biuf":
        raise ImageError(f"{name}: expected numbers from 0 to 255")
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 255):  # NaN fails both
        raise ImageError(f"{name}: values from {low} to {high}; expected 0 to 255")
    rounded = np.rint(values)
    if high <= 1 and (rounded != values).any():
        raise ImageError(f"{name}: values from 0 to 1; expected 0 to 255 (multiply by 255)")
    whole: NDArray[np.uint8] = rounded.astype(np.uint8)
    return whole
