"""`Examiner`: a protocol whose images become chips once, and vectors of each network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.alignment import EyeCornerCrop, FivePointCrop
from facewise.training.evaluating.chip_file import ChipFile
from facewise.training.evaluating.cutting import Chips, Cutter, Found, Landmarked
from facewise.training.evaluating.figures import Measured
from facewise.training.evaluating.opening import open_protocol
from facewise.training.evaluating.serving import embedder_of

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.training.evaluating.forms import Pictures
    from facewise.zoo import ModelSpec, Threshold


class Examiner:
    """A protocol whose images are cut, ready to measure networks of one spec.

    Where a protocol gives landmarks, faces are cut by them, unless the spec's crop goes by the
    detector's box.

    Args:
        word: of one of the forms of `facewise.training.protocol_words`.
        spec: of the networks.
        folder: where the chips are kept.
        aligned: the images are chips.
        detector: finds the faces; None with chips.

    Raises:
        TrainingError: another form.
        ProtocolError: the protocol is not of its published form, or images are missing.
    """

    def __init__(
        self,
        word: str,
        spec: ModelSpec,
        folder: Path,
        *,
        aligned: bool,
        detector: Detector | None,
    ) -> None:
        self.word = word
        self._spec = spec
        self._form = open_protocol(word, aligned=aligned)
        self._chips = ChipFile(folder, word)
        self._tune = ChipFile(folder, f"{word} (tune)")
        self._aligned = aligned
        self._detector = detector

    @property
    def count(self) -> int:
        """Images of the protocol, those for the threshold included."""
        tuning = self._form.tuning
        return len(self._form.pictures.images) + (0 if tuning is None else len(tuning.images))

    def examine(
        self, network: nn.Module, device: torch.device, report: Callable[[int], None]
    ) -> Measured:
        """Measure a network, in evaluation mode, as serving would run it: float32, with its flip.

        Args:
            network: takes what the spec says, on the device.
            device: where it runs.
            report: called with the number of images that are done. What it raises comes out.

        Raises:
            ProtocolError: too few images show a face.
            ModelError: the network gives values that are not finite.
        """
        embedder = embedder_of(network, self._spec, device)
        tuning, done = None, 0
        if self._form.tuning is not None:
            tuning = self._vectors(self._form.tuning, self._tune, embedder, report)
            done = len(tuning)
        vectors = self._vectors(
            self._form.pictures, self._chips, embedder, lambda n: report(done + n)
        )
        figures, curve = self._form.score(vectors, tuning)
        return Measured(self.word, self._form.name, self._form.told, figures, curve, vectors)

    def thresholds(self, vectors: NDArray[np.float32]) -> tuple[Threshold, ...]:
        """Thresholds by false-accept rate, from pairs of different people of the protocol.

        Args:
            vectors: of `examine`.

        Returns:
            Those that the protocol measures, which may be none; of templates always none, since
            they are for single pictures.
        """
        found = "chips" if self._detector is None else "faces found"
        return self._form.thresholds(vectors, found)

    def people(self) -> Sequence[str]:
        """Whom each image shows, or its name or template where the protocol does not say."""
        return self._form.people

    def chips(self) -> NDArray[np.uint8]:
        """The chips, uint8 (m, S, S, 3), once something was measured; black without a face."""
        return self._chips.read()

    def _vectors(
        self,
        pictures: Pictures,
        chips: ChipFile,
        embedder: Embedder,
        report: Callable[[int], None],
    ) -> NDArray[np.float32]:
        cutter = self._cutter(pictures)
        called = "\0".join(pictures.names).encode("utf-8", "surrogateescape")
        key = json.dumps(
            {
                "protocol": pictures.sha256,
                "names": hashlib.sha256(called).hexdigest(),
                "crop": repr(self._spec.crop),
                **cutter.settings,
            },
            sort_keys=True,
        )
        if not chips.made_for(key):
            cut = cutter.cut(pictures.images, pictures.names)
            chips.write(key, len(pictures.images), self._spec.input_size or 0, cut, report)
        pixels, shown = chips.read(), chips.shown()
        vectors = np.full((len(pixels), self._spec.embedding_size or 0), np.nan, np.float32)
        for start in range(0, len(shown), 64):
            part = shown[start : start + 64]
            vectors[part] = embedder.embed(pixels[part], flip=embedder.flip)
            report(int(part[-1]) + 1)
        return vectors

    def _cutter(self, pictures: Pictures) -> Cutter:
        if self._aligned:
            return Chips(self._spec, pictures.without)
        policy = self._spec.crop
        if pictures.landmarks is not None and isinstance(policy, FivePointCrop | EyeCornerCrop):
            return Landmarked(policy, pictures.landmarks)
        assert self._detector is not None  # noqa: S101 - the caller gives one for photos
        return Found(self._spec, self._detector)
