"""From a photo to the chip of the face that is meant, and a folder that remembers it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise._files import replace_file
from facewise._version import __version__
from facewise.aligning.chip_file import encoded
from facewise.aligning.cutter import Cutter
from facewise.errors import ImageError, TrainingError
from facewise.images import load

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.detection import Detector
    from facewise.zoo import ModelSpec


class FaceCutter:
    """Finds the most central face of photos and cuts it as a model wants it.

    The face is the one that evaluation takes of a photo, too (`Faces.order`, "most_central").

    Args:
        detector: finds the faces.
        spec: of the model; its crop says how chips are placed.

    Raises:
        TrainingError: the spec has no crop.
    """

    def __init__(self, detector: Detector, spec: ModelSpec) -> None:
        if spec.crop is None:
            raise TrainingError(f"{spec.id}: its spec has no crop, so faces cannot be cut for it")
        self.policy = spec.crop
        self._cutter = Cutter(detector, spec.crop, "most_central")
        self._detector = detector

    @property
    def settings(self) -> dict[str, Any]:
        """Everything besides the photo that decides the chip, as plain values."""
        return {
            "detector": dict(self._detector.settings),
            "crop": repr(self.policy),
        }

    @property
    def together(self) -> int:
        """How many small photos are worth giving at once."""
        return self._cutter.together

    def cut(self, images: Sequence[NDArray[np.uint8]]) -> list[list[NDArray[np.uint8]]]:
        """For each photo a list of the chip, uint8 (S, S, 3); empty where no face is found."""
        return [list(found.chips) for found in self._cutter.cut(images)]


class ChipFolder:
    """Chips by the content of the photos they were cut from; photos without a face, too.

    A cache may be lost, never wrong, and never in the way: a damaged file is cut again, and where
    nothing can be written, nothing is kept. Several processes may use it at once.

    Args:
        folder: made when the first chip is kept.
        settings: of what cuts them, `FaceCutter.settings`.
    """

    _SUFFIX = ".webp"
    _NOBODY = ".none"

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder = folder
        made_by = {"facewise": __version__, **settings}
        self._made_by = json.dumps(made_by, sort_keys=True).encode()

    def key(self, content: bytes) -> str:
        """What a photo's chip is called, of the bytes of its file."""
        digests = (hashlib.sha256(part).digest() for part in (self._made_by, content))
        return hashlib.sha256(b"".join(digests)).hexdigest()

    def get(self, key: str) -> list[NDArray[np.uint8]] | None:
        """A list of the chip; an empty one of a photo without a face; None if nothing is known."""
        path = self._path(key)
        try:
            return [load(path)]
        except ImageError:
            return [] if path.with_suffix(self._NOBODY).exists() else None

    def put(self, key: str, found: Sequence[NDArray[np.uint8]]) -> None:
        """Keep what `get` gives from now on: a chip, or that there is none."""
        path = self._path(key)
        with suppress(OSError):
            for chip in found:
                replace_file(path, encoded(chip, self._SUFFIX))
            if not found:
                replace_file(path.with_suffix(self._NOBODY), b"")

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}{self._SUFFIX}"
