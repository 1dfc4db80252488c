"""Pictures in every form the predecessor takes, and its package as the oracle."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

KINDS: dict[str, Callable[[Image.Image], Any]] = {
    "pil": lambda image: image,
    "array": np.array,
    "tensor": lambda image: torch.from_numpy(np.array(image)),
    "float-array": lambda image: np.array(image, np.float32),
    "float-tensor": lambda image: torch.from_numpy(np.array(image)).float(),
}


@pytest.fixture(params=KINDS)
def as_kind(request) -> Callable[[Image.Image], Any]:
    """A PIL image as an image, array or tensor, each in turn."""
    return KINDS[request.param]


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    return pytest.importorskip("facenet_pytorch", reason="the predecessor is not installed")


@pytest.fixture(scope="session")
def astronaut(examples) -> Image.Image:
    """512×512 pixels, one face."""
    return Image.open(examples / "photos" / "astronaut.jpg").convert("RGB")


@pytest.fixture(scope="session")
def group(examples) -> Image.Image:
    """Three faces; the smallest is on the right."""
    return Image.open(examples / "photos" / "montage.jpg").convert("RGB")


@pytest.fixture(scope="session")
def noise() -> Image.Image:
    """A picture of the size of `astronaut` without a face."""
    values = np.random.default_rng(7).integers(0, 256, (512, 512, 3), np.uint8)
    return Image.fromarray(values)


@pytest.fixture
def assert_same() -> Callable[..., None]:
    """Compare results: types, shapes, number formats, and values within a tolerance."""
    return _assert_same


def _assert_same(ours: Any, theirs: Any, atol: float = 0.0) -> None:
    assert type(ours) is type(theirs)
    if isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            _assert_same(mine, other, atol)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        _assert_same(list(ours.values()), list(theirs.values()), atol)
    elif isinstance(theirs, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        if theirs.dtype == object:
            _assert_same(list(ours.flat), list(theirs.flat), atol)
        else:
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)
    elif isinstance(theirs, torch.Tensor):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=atol, check_stride=True)
    elif theirs is not None:
        assert ours == pytest.approx(theirs, rel=0, abs=atol)
