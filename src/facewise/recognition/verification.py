"""Are two pictures of the same person?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PILImage

from facewise.api import as_detector, as_embedder
from facewise.detection import DEFAULT_DETECTOR, Detector
from facewise.embedding import DEFAULT_EMBEDDER, Embedder
from facewise.errors import ImageError, NoFaceError
from facewise.images import describe, load
from facewise.pipeline import Pipeline
from facewise.recognition.calibration import Calibration, Far
from facewise.recognition.calibration_file import as_calibration
from facewise.recognition.thresholds import choose_threshold

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

    from facewise.faces import SelectPolicy
    from facewise.images import ImageSource


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer of `compare`.

    Attributes:
        similarity: cosine of the two embeddings, in [-1, 1].
        same: whether the similarity reaches the threshold.
        threshold: the similarity that decides.
        far: the false-accept rate of the threshold, or None when its value was given.
        measured_on: the data behind `far`, or "given".
        model: id of the embedder.
        notes: what a reader should know, for example that one of several faces was chosen.
        probability: that both pictures are of one person, in (0, 1), if every other pair was (or
            as the calibration's prior says); None without a calibration.
        far_at_similarity: the false-accept rate that a threshold at this very similarity has, that
            is how often two different people are at least so alike; None likewise.
    """

    similarity: float
    same: bool
    threshold: float
    far: float | None
    measured_on: str
    model: str
    notes: tuple[str, ...] = ()
    probability: float | None = None
    far_at_similarity: Far | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values: similarity, same, threshold, far, model; and the notes, if there are any.

        With a calibration also probability, far_at_similarity, and far_is: "measured", or "below"
        or "above" where the rate lies beyond all that were measured, on that side of the one given.

        Example:
            >>> import facewise
            >>> pair = ["examples/people/obama/1.jpg", "examples/people/obama/2.jpg"]
            >>> list(facewise.compare(*pair).to_dict())
            ['similarity', 'same', 'threshold', 'far', 'model']
        """
        content: dict[str, Any] = {
            "similarity": self.similarity,
            "same": self.same,
            "threshold": self.threshold,
            "far": self.far,
            "model": self.model,
        }
        if self.probability is not None and self.far_at_similarity is not None:
            content |= {
                "probability": self.probability,
                "far_at_similarity": self.far_at_similarity.rate,
                "far_is": self.far_at_similarity.kind,
            }
        return content | ({"notes": list(self.notes)} if self.notes else {})


def compare(
    a: ImageSource,
    b: ImageSource,
    *,
    model: str | Embedder = DEFAULT_EMBEDDER,
    detector: str | Detector = DEFAULT_DETECTOR,
    threshold: float | None = None,
    far: float | None = None,
    select: SelectPolicy = "largest",
    assume_cropped: bool = False,
    calibration: Calibration | str | PathLike[str] | None = None,
) -> Comparison:
    """Compare the faces of two pictures.

    Args:
        a: a picture in any form that `load_image` takes.
        b: the other.
        model: an embedder's id, or one made by `load_embedder`.
        detector: a detector's id, or one made by `load_detector`.
        threshold: a similarity in [-1, 1] to decide by, instead of a measured one.
        far: the false-accept rate, in (0, 1), whose measured threshold decides; 1e-3 by default.
        select: which face counts where a picture shows several (`Faces.order`); the result has a
            note that it did.
        assume_cropped: the pictures are chips already, cut as the model's spec says; they are
            resized to its input and embedded with no detection.
        calibration: of this model and detector (`load_calibration`), or its file. The answer then
            has a probability and a rate of its own, and the threshold of `far` is the
            calibration's.

    Raises:
        ImageError: an input is not a picture, or not a square one with `assume_cropped`.
        NoFaceError: a picture shows no face, or none that `select` accepts.
        ModelError: no such model, or no threshold was measured for the rate.
        ModelMismatchError: the calibration was made with another model or detector.
        FacewiseError: the file of the calibration is not one.
        ValueError: `threshold` and `far` are both given, or one is outside its range.

    Example:
        >>> import facewise
        >>> obama = "examples/people/obama/1.jpg"
        >>> facewise.compare(obama, "examples/people/obama/2.jpg").same
        True
        >>> facewise.compare(obama, "examples/photos/astronaut.jpg").same
        False
    """
    embedder = as_embedder(model)
    known = as_calibration(calibration)
    finder = None if assume_cropped else as_detector(detector)
    if known is not None:
        known.check(embedder, finder)
    chosen = choose_threshold(embedder.spec, threshold, far, calibration=known)
    notes: list[str] = []
    if finder is None:
        first, second = embedder.embed(
            np.stack([_chip(source, embedder) for source in (a, b)]), flip=embedder.flip
        )
    else:
        pipeline = Pipeline(finder, embedder)
        first, second = (_one_face(source, pipeline, select, notes) for source in (a, b))
    similarity = float(np.clip(first @ second, -1, 1))
    return Comparison(
        similarity=similarity,
        same=similarity >= chosen.value,
        threshold=chosen.value,
        far=chosen.far,
        measured_on=chosen.measured_on,
        model=embedder.spec.id,
        notes=tuple(notes),
        probability=None if known is None else known.probability(similarity),
        far_at_similarity=None if known is None else known.far(similarity),
    )


def _one_face(
    source: ImageSource, pipeline: Pipeline, select: SelectPolicy, notes: list[str]
) -> NDArray[np.float32]:
    """The embedding, (d,), of the face that the policy selects."""
    found = pipeline.run(source)
    ranked = found.faces.order(select, image_size=found.image_size)
    count = len(found.faces)
    if not len(ranked):
        reason = f"none of its {count} faces fits the policy {select!r}" if count else "no face"
        raise NoFaceError(f"{describe(source)}: {reason} found")
    if count > 1:
        notes.append(f"{describe(source)}: {count} faces, the {select!r} one was compared")
    vector: NDArray[np.float32] = found.embeddings[ranked[0]]
    return vector


def _chip(source: ImageSource, embedder: Embedder) -> NDArray[np.uint8]:
    image = load(source)
    height, width = image.shape[:2]
    if height != width:
        raise ImageError(
            f"{describe(source)}: expected a square chip (assume_cropped), got {width}×{height}"
        )
    size = embedder.spec.input_size
    assert size is not None  # noqa: S101 - the registry refuses embedders without
    if size == width:
        return image
    resized = PILImage.fromarray(image).resize((size, size), PILImage.Resampling.BILINEAR)
    return np.asarray(resized)
