"""`ModelSpec`: everything there is to know of a model, as data.

Preprocessing, thresholds, licence and addresses live here and nowhere else, so that training,
evaluation and recognition cannot disagree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from facewise.alignment import CropPolicy
from facewise.errors import ModelError


@dataclass(frozen=True, slots=True)
class Weights:
    """A weight file: where it comes from and how to know it.

    Attributes:
        filename: name in the cache folder (or in the package, for bundled files).
        size: bytes, or None when no one has recorded it.
        sha256: lower-case hex digest, or None when not known: then the digest of the first
            download is recorded beside the file and holds from then on.
        urls: addresses, the mirrors after the first; empty for bundled files.
        licence: of the file, in words.
        training_set: the pictures it was trained on, and their conditions.
        bundled: the file lies in the package.
        by_hand: the address of a page from which only a person can fetch the file (a login or a
            confirmation stands before it), or None.
    """

    filename: str
    licence: str
    training_set: str
    size: int | None = None
    sha256: str | None = None
    urls: tuple[str, ...] = ()
    bundled: bool = False
    by_hand: str | None = None


@dataclass(frozen=True, slots=True)
class Normalisation:
    """How a uint8 RGB chip becomes a network's input: `(chip - mean) / std` for each channel.

    Attributes:
        mean: in 0–255 units, in the channel order the network sees.
        std: in 0–255 units, likewise.
        colour: the channel order the network was trained on; chips are always RGB.
        per_image: instead of these, the mean and standard deviation of all values of the chip
            itself; the latter at least 1/√(number of values). Early FaceNets were trained so
            (`tf.image.per_image_standardization`).
    """

    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    std: tuple[float, float, float] = (128.0, 128.0, 128.0)
    colour: Literal["rgb", "bgr"] = "rgb"
    per_image: bool = False

    def __post_init__(self) -> None:
        if self.colour not in ("rgb", "bgr"):
            raise ValueError(f"colour: expected 'rgb' or 'bgr', got {self.colour!r}")
        if not all(value > 0 for value in self.std):
            raise ValueError(f"std: expected values above 0, got {self.std}")
        if not isinstance(self.per_image, bool):
            raise ValueError(f"per_image: expected true or false, got {self.per_image!r}")

    def __repr__(self) -> str:
        """As code. Keys of caches and galleries hold it, so what is usual is not said."""
        usual = f"mean={self.mean}, std={self.std}, colour={self.colour!r}"
        return f"Normalisation({usual}{', per_image=True' if self.per_image else ''})"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A cosine similarity with what it gives.

    Attributes:
        value: two faces at or above it count as the same person.
        far: the false-accept rate it was chosen for, in (0, 1), or None when a user gave the
            value and nothing is known of its rate.
        measured_on: the data, detector and method behind `far`.
    """

    value: float
    far: float | None
    measured_on: str

    def __post_init__(self) -> None:
        if not (isinstance(self.value, (int, float)) and -1 <= self.value <= 1):
            raise ValueError(f"threshold: expected a cosine in [-1, 1], got {self.value!r}")
        if self.far is not None and not (isinstance(self.far, float) and 0 < self.far < 1):
            raise ValueError(f"far: expected a rate in (0, 1), got {self.far!r}")


_NO_NAME = re.compile(r'^[.]|[\x00-\x1f\x7f/\\:*?"<>|\ud800-\udfff]')
_LONGEST_ID = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model of the zoo.

    Attributes:
        id: `architecture.tag`, for example `inception_resnet_v1.vggface2`; files are called so.
        task: `embed` or `detect`.
        architecture: name of the builder (see `facewise.embedding`, `facewise.detection`).
        format: `torch` for a state_dict, `onnx` for a graph.
        weights: the file.
        input_size: side of the network's square input in pixels.
        embedding_size: length of the vectors (embedders).
        crop: how chips are cut (embedders).
        normalisation: from chip to input.
        flip: the chip and its mirror image are embedded and added before normalising.
        thresholds: measured operating points of this model, by rising FAR.
        published: figures its authors state, by protocol.
        measured: figures facewise measured, by protocol (`docs/results/`).
        precision_loss: by backend and precision ("openvino int8"), points (hundredths) of LFW
            accuracy lost against float32 with the spec's weights. Where it is known "auto" goes by
            it; it never takes int8 where it is not.
        notes: whatever a user should know.

    Raises:
        ValueError: the id cannot be the name of a file.
    """

    id: str
    task: Literal["embed", "detect"]
    architecture: str
    weights: Weights
    format: Literal["torch", "onnx"] = "torch"
    input_size: int | None = None
    embedding_size: int | None = None
    crop: CropPolicy | None = None
    normalisation: Normalisation = field(default_factory=Normalisation)
    flip: bool = False
    thresholds: tuple[Threshold, ...] = ()
    published: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    measured: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    precision_loss: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    notes: str = ""

    def __post_init__(self) -> None:
        bad = _NO_NAME.search(self.id) if isinstance(self.id, str) else None
        if not isinstance(self.id, str) or bad or not 0 < len(self.id.encode()) <= _LONGEST_ID:
            raise ValueError(
                f"id: expected a name without / \\ : and the like, of at most {_LONGEST_ID} bytes, "
                f"that does not begin with a dot; got {self.id!r:.80}"
            )

    def unmeasured(self, weights: Weights | None = None) -> ModelSpec:
        """The same for weights, or an arithmetic, of which nothing was measured.

        Args:
            weights: another file.
        """
        return replace(
            self,
            thresholds=(),
            measured=MappingProxyType({}),
            weights=self.weights if weights is None else weights,
        )

    def threshold(self, far: float = 1e-3) -> Threshold:
        """The threshold for a false-accept rate.

        Between two measured rates the value is interpolated over log(FAR).

        Args:
            far: false-accept rate of a 1:1 comparison, in (0, 1).

        Raises:
            ModelError: the model has no measured thresholds, or none for such a rate: a rate
                that was not measured is not guessed.
        """
        points = sorted(((t.far, t) for t in self.thresholds if t.far), key=lambda pair: pair[0])
        if not points:
            raise ModelError(
                f"{self.id}: no threshold has been measured for this model; "
                "give a similarity with --threshold (Python: threshold=)"
            )
        rates = [rate for rate, _ in points]
        if not rates[0] * (1 - 1e-9) <= far <= rates[-1] * (1 + 1e-9):
            raise ModelError(
                f"{self.id}: its thresholds were measured for FAR {rates[0]:g} to {rates[-1]:g}; "
                f"FAR {far:g} is outside"
            )
        for rate, point in points:
            if math.isclose(rate, far, rel_tol=1e-9):
                return point
        above = next(i for i, rate in enumerate(rates) if rate > far)
        (low, first), (high, second) = points[above - 1], points[above]
        share = math.log(far / low) / math.log(high / low)
        value = first.value + share * (second.value - first.value)
        return Threshold(value, far, f"{first.measured_on}; interpolated")
