"""From the images of a protocol to chips: they are some, or a face is found, or is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from facewise.alignment import crop
from facewise.errors import ChipError, ImageError
from facewise.faces import Faces
from facewise.images import load
from facewise.runtime.workers import ordered_map
from facewise.training.data.cutting import FaceCutter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.alignment import CropPolicy
    from facewise.detection import Detector
    from facewise.evaluation.protocols.pairs import Picture
    from facewise.zoo import ModelSpec

_HANDFUL = 8
"""Pictures that a detector gets together."""


class Cutter(Protocol):
    """A way from images to chips."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What besides the images and the spec's crop decides the chips, as plain values."""

    def cut(
        self, images: Sequence[Picture], names: Sequence[str]
    ) -> Iterator[NDArray[np.uint8] | None]:
        """The chip of each image, uint8 (S, S, 3), or None where it has none.

        Raises:
            ImageError: what should be a chip is none.
        """


class Chips:
    """Images that are chips already.

    Args:
        spec: of the model that they are for.
        without: numbers of the images that have none, because no face was found in the photo.
    """

    def __init__(self, spec: ModelSpec, without: Sequence[int] = ()) -> None:
        self._side = spec.input_size
        self._without = frozenset(without)

    @property
    def settings(self) -> Mapping[str, Any]:
        """See `Cutter`."""
        facts: dict[str, Any] = {"detector": None}
        return facts | ({"without": sorted(self._without)} if self._without else {})

    def cut(
        self, images: Sequence[Picture], names: Sequence[str]
    ) -> Iterator[NDArray[np.uint8] | None]:
        """See `Cutter`."""
        for number, (image, name) in enumerate(zip(images, names, strict=True)):
            if number in self._without:
                yield None
                continue
            chip = load(image, name=name)
            if chip.shape[:2] != (self._side, self._side):
                raise ChipError(
                    f"{name}: {chip.shape[1]}×{chip.shape[0]} pixels, expected a chip of "
                    f"{self._side}×{self._side}; leave out evaluate_aligned for photos"
                )
            yield chip


class Found:
    """The most central face of each photo, as `facewise evaluate` takes it.

    Args:
        spec: of the model that the chips are for.
        detector: finds the faces.
    """

    def __init__(self, spec: ModelSpec, detector: Detector) -> None:
        self._cutter = FaceCutter(detector, spec)
        self._detector = detector

    @property
    def settings(self) -> Mapping[str, Any]:
        """See `Cutter`."""
        return {"detector": dict(self._detector.settings)}

    def cut(
        self, images: Sequence[Picture], names: Sequence[str]
    ) -> Iterator[NDArray[np.uint8] | None]:
        """See `Cutter`."""

        def cut(numbers: Sequence[int]) -> list[NDArray[np.uint8] | None]:
            opened: dict[int, NDArray[np.uint8]] = {}
            for i in numbers:
                # One that cannot be read counts as a picture without a face.
                with suppress(ImageError):
                    opened[i] = load(images[i], name=names[i])
            cut_out = self._cutter.cut(list(opened.values())) if opened else []
            chips = {i: own[0] for i, own in zip(opened, cut_out, strict=True) if own}
            return [chips.get(i) for i in numbers]

        numbers = range(len(images))
        handfuls = (numbers[i : i + _HANDFUL] for i in range(0, len(numbers), _HANDFUL))
        with closing(ordered_map(cut, handfuls)) as results:
            for some in results:
                yield from some


class Landmarked:
    """The face of each image whose landmarks the protocol gives.

    Args:
        policy: cuts by landmarks, not by boxes.
        landmarks: float32 (m, 5, 2), pixels, in the order of `Faces.landmarks`.
    """

    def __init__(self, policy: CropPolicy, landmarks: NDArray[np.float32]) -> None:
        self._policy, self._landmarks = policy, landmarks

    @property
    def settings(self) -> Mapping[str, Any]:
        """See `Cutter`."""
        content = np.asarray(self._landmarks, "<f4").tobytes()
        return {"landmarks": hashlib.sha256(content).hexdigest()}

    def cut(
        self, images: Sequence[Picture], names: Sequence[str]
    ) -> Iterator[NDArray[np.uint8] | None]:
        """See `Cutter`."""

        def cut(number: int) -> NDArray[np.uint8] | None:
            try:
                image = load(images[number], name=names[number])
            except ImageError:  # counts as a picture without a face
                return None
            points = self._landmarks[number][None]
            box = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
            face = Faces(box, np.ones(1, np.float32), points)
            chip: NDArray[np.uint8] = crop(image, face, self._policy)[0]
            return chip

        with closing(ordered_map(cut, range(len(images)))) as results:
            yield from results
