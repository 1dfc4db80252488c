"""Which models a run uses, in words that every worker can load them by, and their facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from facewise.detection import DEFAULT_DETECTOR
from facewise.embedding import DEFAULT_EMBEDDER

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.errors import ImageError
    from facewise.faces import EmbeddedFaces
    from facewise.images import ImageSource


class Run(Protocol):
    """What embeds pictures one after another: `Pipeline`, or `ChipPipeline`."""

    def run_each(
        self, sources: Iterable[ImageSource], *, names: Iterable[str] | None = None
    ) -> Generator[EmbeddedFaces | ImageError, None, None]:
        """The result of each picture, in order."""
        ...

    def run(self, source: ImageSource, *, name: str | None = None) -> EmbeddedFaces:
        """The result of one picture."""
        ...


@dataclass(frozen=True, slots=True)
class Models:
    """Models by name; what `load_embedder` and `load_detector` take.

    Attributes:
        model: an embedder's id, the folder of a training, or a spec file; every machine that takes
            part has to have it.
        weights: a weight file for it, or None.
        detector: a detector's id.
        detector_weights: a weight file for it, or None.
        aligned: the pictures are chips already; no face is looked for.
        mode: of MTCNN, or None.
        device: where both run, or None.
        backend: what runs the embedder, or None.
        precision: of the embedder, or None.
        detector_backend: what runs the detector, or None.
    """

    model: str = DEFAULT_EMBEDDER
    weights: str | None = None
    detector: str = DEFAULT_DETECTOR
    detector_weights: str | None = None
    aligned: bool = False
    mode: str | None = None
    device: str | None = None
    backend: str | None = None
    precision: str | None = None
    detector_backend: str | None = None

    def load(self) -> Loaded:
        """Load them.

        Raises:
            ModelError, DownloadError, DeviceError, ExtraMissingError, FacewiseError: see
                `load_embedder` and `load_detector`.
            TypeError, ValueError: the detector has no such option, or not this value.
        """
        from facewise.detection import load_detector
        from facewise.embedding import load_embedder

        embedder = load_embedder(
            self.model,
            self.weights,
            device=self.device,
            backend=self.backend,
            precision=self.precision,
        )
        detector = None
        if not self.aligned:
            given = {"device": self.device, "mode": self.mode, "backend": self.detector_backend}
            options = {key: value for key, value in given.items() if value is not None}
            detector = load_detector(self.detector, self.detector_weights, **options)
        return Loaded(embedder, detector)

    def settled(self, embedder: Embedder) -> Models:
        """The same models, with what "auto" came to on this machine, so that all others take it."""
        chosen = embedder.candidate
        return replace(self, backend=chosen.backend, precision=chosen.precision)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `Models(**values)` is equal."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """The models, ready.

    Attributes:
        embedder: makes the vectors.
        detector: finds the faces; None: the pictures are chips.
    """

    embedder: Embedder
    detector: Detector | None

    def pipeline(self) -> Run:
        """The way from pictures to vectors."""
        from facewise.pipeline import Pipeline
        from facewise.shards.chip_pipeline import ChipPipeline

        if self.detector is None:
            return ChipPipeline(self.embedder)
        return Pipeline(self.detector, self.embedder)

    def settings(self) -> dict[str, Any]:
        """What of the models decides the rows of a shard, as JSON gives it back."""
        detector: Mapping[str, Any] | None = None
        if self.detector is not None:
            detector = dict(self.detector.settings)
        settings = {
            "aligned": self.detector is None,
            "embedder": self.embedder.settings,
            "detector": detector,
        }
        plain: dict[str, Any] = json.loads(json.dumps(settings))
        return plain

    def facts(self) -> dict[str, Any]:
        """The facts of the embedder, in the form of `gallery.ModelFacts`."""
        from facewise.recognition.calibration import comparable

        return {
            "settings": comparable(self.embedder),
            "embedding_size": self.embedder.spec.embedding_size or 0,
        }
