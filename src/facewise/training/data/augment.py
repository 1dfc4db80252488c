"""`Augmentation`: chips as another camera, light or moment would have given them."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from PIL import Image as PILImage

from facewise.errors import TrainingError
from facewise.training.extra import needed

Range = tuple[float, float]

_ASPECT = 0.3  # of the occluded rectangle at least; its inverse at most (Zhong et al. 2020)
_REACH = 3  # standard deviations that a blur's kernel reaches to each side
_CHANCES = ("flip", "turn", "occlusion", "colour", "blur", "low_resolution", "jpeg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Random changes of a chip, each with a probability and strengths of its own.

    They are made in the order in which the world makes them: the pose, what stands before the face,
    the light, the lens, the sensor, the file. Strengths are drawn uniformly from their ranges. By
    default only the mirror image is made, in half of the cases. All but that need torchvision.

    Attributes:
        flip: probability of the mirror image.
        turn: probability that the chip is turned and scaled about its middle.
        rotation: degrees to either side at most, 0 to 180.
        scale: times larger or smaller at most, less one: 0.1 is from 1/1.1 to 1.1.
        occlusion: probability that a rectangle is replaced by noise (random erasing, Zhong et al.
            2020).
        occlusion_area: part of the chip that it covers, in (0, 1).
        colour: probability that the colours change.
        brightness: factor from 1 - brightness to 1 + brightness, in [0, 1]; 0 leaves it.
        contrast: likewise.
        saturation: likewise.
        hue: parts of the colour circle to either side at most, 0 to 0.5.
        blur: probability of a Gaussian blur.
        blur_sigma: its standard deviation in pixels, above 0.
        low_resolution: probability that the chip is shrunk and enlarged again.
        low_resolution_side: part of its side that it is shrunk to, in (0, 1].
        jpeg: probability that it is compressed.
        jpeg_quality: whole numbers from 1 to 100.

    Raises:
        TrainingError: a value outside its range; names it.
        ExtraMissingError: torchvision is needed and not installed.

    Example:
        >>> import torch
        >>> from facewise.training.data.augment import Augmentation
        >>> chip = torch.arange(12, dtype=torch.uint8).reshape(2, 2, 3)
        >>> Augmentation(flip=1)(chip, torch.Generator())[0].tolist()
        [[3, 4, 5], [0, 1, 2]]
    """

    flip: float = 0.5
    turn: float = 0.0
    rotation: float = 10.0
    scale: float = 0.1
    occlusion: float = 0.0
    occlusion_area: Range = (0.02, 0.2)
    colour: float = 0.0
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.0
    blur: float = 0.0
    blur_sigma: Range = (0.3, 1.5)
    low_resolution: float = 0.0
    low_resolution_side: Range = (0.2, 0.7)
    jpeg: float = 0.0
    jpeg_quality: Range = (30, 95)

    def __post_init__(self) -> None:
        limits: dict[str, tuple[float, float]] = {
            **dict.fromkeys(_CHANCES, (0, 1)),
            "rotation": (0, 180),
            "scale": (0, 1),
            "occlusion_area": (1e-6, 1 - 1e-6),
            "brightness": (0, 1),
            "contrast": (0, 1),
            "saturation": (0, 1),
            "hue": (0, 0.5),
            "blur_sigma": (1e-3, 100),
            "low_resolution_side": (1e-3, 1),
            "jpeg_quality": (1, 100),
        }
        for each in fields(self):
            low, high = limits[each.name]
            value = getattr(self, each.name)
            if isinstance(each.default, tuple):
                value = _range(each.name, value, low, high)
            else:
                _number(each.name, value, low, high)
            object.__setattr__(self, each.name, value)
        if any(quality != int(quality) for quality in self.jpeg_quality):
            raise TrainingError(f"jpeg_quality: expected whole numbers, got {self.jpeg_quality}")
        if any(getattr(self, name) for name in _CHANCES if name != "flip"):
            _functional()

    def __call__(self, chip: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Change a chip.

        Args:
            chip: uint8 RGB, (S, S, 3); it stays as it is.
            generator: where chance comes from; the same state gives the same chip.

        Returns:
            uint8, (S, S, 3), contiguous; the chip itself where nothing happens.
        """
        draw = _Draws(generator)
        chances = zip(_CHANCES, draw.some(len(_CHANCES)), strict=True)
        happens = {name: chance < getattr(self, name) for name, chance in chances}
        if happens.pop("flip"):
            chip = chip.flip(1)
        if not any(happens.values()):
            return chip
        x = chip.permute(2, 0, 1)
        for name, wanted in happens.items():
            if wanted:
                x = getattr(self, f"_{name}")(x, draw)
        return x.permute(1, 2, 0).contiguous()

    def _turn(self, x: torch.Tensor, draw: _Draws) -> torch.Tensor:
        angle = draw.between(-self.rotation, self.rotation)
        widest = math.log1p(self.scale)
        scale = math.exp(draw.between(-widest, widest))
        transforms = _functional()
        bilinear = transforms.InterpolationMode.BILINEAR
        turned: torch.Tensor = transforms.affine(
            x, angle=angle, translate=[0, 0], scale=scale, shear=[0.0, 0.0], interpolation=bilinear
        )
        return turned

    def _occlusion(self, x: torch.Tensor, draw: _Draws) -> torch.Tensor:
        height, width = x.shape[1:]
        area = draw.between(*self.occlusion_area) * height * width
        aspect = math.exp(draw.between(math.log(_ASPECT), -math.log(_ASPECT)))
        h = min(max(round(math.sqrt(area * aspect)), 1), height)
        w = min(max(round(area / h), 1), width)
        top, left = int(draw.one() * (height - h + 1)), int(draw.one() * (width - w + 1))
        hidden = x.clone()
        hidden[:, top : top + h, left : left + w] = draw.noise((x.shape[0], h, w))
        return hidden

    def _colour(self, x: torch.Tensor, draw: _Draws) -> torch.Tensor:
        transforms = _functional()
        for name in ("brightness", "contrast", "saturation"):
            if strength := getattr(self, name):
                factor = draw.between(1 - strength, 1 + strength)
                x = getattr(transforms, f"adjust_{name}")(x, factor)
        if self.hue:
            x = transforms.adjust_hue(x, draw.between(-self.hue, self.hue))
        return x

    def _blur(self, x: torch.Tensor, draw: _Draws) -> torch.Tensor:
        sigma = draw.between(*self.blur_sigma)
        # The kernel reads mirrored pixels beyond the border, and there are only so many.
        reach = min(max(math.ceil(_REACH * sigma), 1), min(x.shape[1:]) - 1)
        side = 2 * reach + 1
        blurred: torch.Tensor = _functional().gaussian_blur(x, [side, side], [sigma, sigma])
        return blurred

    def _low_resolution(self, x: torch.Tensor, draw: _Draws) -> torch.Tensor:
        height, width = x.shape[1:]
        part = draw.between(*self.low_resolution_side)
        # Not to a single pixel, which PyTorch 2.14 fails to resize to.
        small = [max(round(part * side), min(side, 2)) for side in (height, width)]
        transforms = _functional()
        coarse: torch.Tensor = transforms.resize(
            transforms.resize(x, small, antialias=True), [height, width], antialias=True
        )
        return coarse

    def _jpeg(self, x: torch.Tensor, draw: _Draws) -> torch.Tensor:
        low, high = self.jpeg_quality
        quality = int(low + draw.one() * (high - low + 1))
        file = io.BytesIO()
        pixels = PILImage.fromarray(x.permute(1, 2, 0).contiguous().numpy())
        pixels.save(file, "JPEG", quality=quality)  # torchvision will drop its encoder
        with PILImage.open(file) as compressed:
            return torch.from_numpy(np.array(compressed)).permute(2, 0, 1)


class _Draws:
    """Random numbers of one generator."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def one(self) -> float:
        """A number in [0, 1)."""
        return self.some(1)[0]

    def some(self, count: int) -> list[float]:
        """Numbers in [0, 1)."""
        # In float64: a float32 just below 1 would be rounded to the whole in some products.
        numbers = torch.rand(count, generator=self._generator, dtype=torch.float64)
        values: list[float] = numbers.tolist()
        return values

    def between(self, low: float, high: float) -> float:
        """A number from one to the other."""
        return low + (high - low) * self.one()

    def noise(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Values from 0 to 255, uint8."""
        return torch.randint(256, shape, generator=self._generator, dtype=torch.uint8)


def _functional() -> Any:
    return needed("torchvision.transforms.v2.functional", "augmentation")


def _number(name: str, value: object, low: float, high: float) -> None:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not low <= value <= high:  # type: ignore[operator]
        raise TrainingError(f"{name}: expected a number from {low:g} to {high:g}, got {value!r}")


def _range(name: str, value: object, low: float, high: float) -> Range:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise TrainingError(f"{name}: expected two numbers, low and high, got {value!r}")
    first, last = value
    for each in (first, last):
        _number(name, each, low, high)
    if first > last:
        raise TrainingError(f"{name}: expected the lower number first, got {value!r}")
    return first, last
