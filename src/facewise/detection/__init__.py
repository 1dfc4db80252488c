"""Find faces: one protocol, several detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from facewise import zoo
from facewise.detection.mtcnn import Mtcnn
from facewise.detection.scrfd import Scrfd
from facewise.errors import ModelError
from facewise.runtime.options import checked_options

if TYPE_CHECKING:
    from os import PathLike

    from facewise.faces import Faces
    from facewise.images import ImageSource

__all__ = ["DEFAULT_DETECTOR", "Detector", "Mtcnn", "Scrfd", "load_detector"]

DEFAULT_DETECTOR = "mtcnn"

_ARCHITECTURES = {"mtcnn": Mtcnn, "scrfd": Scrfd}


class Detector(Protocol):
    """Anything that finds faces in pictures.

    Attributes:
        settings: everything that decides what it finds (weights, thresholds, sizes), as plain
            values; results are cached under it.

    It may have `together`, a number: so many small pictures of one size are worth giving at once.
    """

    @property
    def settings(self) -> Mapping[str, Any]:
        """See the class."""
        ...

    def detect(self, images: Sequence[ImageSource] | ImageSource) -> list[Faces]:
        """One `Faces` for each picture, empty where there is none; never None."""
        ...


def load_detector(
    id: str = DEFAULT_DETECTOR,  # noqa: A002 - the word every zoo uses
    weights: str | PathLike[str] | None = None,
    **options: Any,
) -> Detector:
    """Load a detector of the zoo.

    Args:
        id: `mtcnn` (bundled), `scrfd_500m` or `scrfd_10g` (downloaded; they need the extra `onnx`).
        weights: a weight file of your own, instead of the zoo's.
        options: of the detector's class. `mtcnn`: `min_face_size` in pixels (20), `thresholds` of
            the three stages (0.6, 0.7, 0.7), pyramid `factor` (0.709), `mode` ("exact" or
            "fast"), `backend`, `precision` (of the fast mode), `device` ("cpu").
            `scrfd_*`: `min_score` (0.35), `nms_threshold` (0.4), `input_size` (640), `device`.

    Raises:
        ModelError: no such detector, or its weights are damaged.
        DownloadError: its weights are not here and could not be fetched.
        DeviceError: the device asked for is not on this machine.
        ValueError: an option has a value outside its range.
        TypeError: an option that this detector does not have.

    Example:
        >>> import facewise
        >>> detector = facewise.load_detector("mtcnn", min_face_size=40)
        >>> [len(faces) for faces in detector.detect(["examples/photos/astronaut.jpg"])]
        [1]
    """
    spec = zoo.get_spec(id)
    if spec.task != "detect":
        raise ModelError(f"{spec.id} is an embedder, not a detector; see `facewise models list`")
    build = _ARCHITECTURES.get(spec.architecture)
    if build is None:
        raise ModelError(f"{spec.id}: this version cannot run the architecture {spec.architecture}")
    options = checked_options(spec.id, build, options)
    detector: Detector = build(zoo.weights_path(spec, weights), **options)
    return detector
