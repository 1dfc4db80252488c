"""Put names on the faces of photos."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.api import as_detector, as_embedder
from facewise.detection import DEFAULT_DETECTOR, Detector
from facewise.embedding import DEFAULT_EMBEDDER, Embedder
from facewise.errors import ImageError
from facewise.faces import EmbeddedFaces, Faces
from facewise.images import describe, sources
from facewise.pipeline import Pipeline
from facewise.recognition.calibration import Calibration
from facewise.recognition.calibration_file import as_calibration
from facewise.recognition.folders import pictures_in
from facewise.recognition.people import UNKNOWN, People, Problem, load_people
from facewise.recognition.thresholds import choose_threshold
from facewise.result_cache import ResultCache

if TYPE_CHECKING:
    from facewise.images import ImageSource
    from facewise.zoo import Threshold


NO_FACES = Faces.empty().with_data(name=np.empty(0, "U7"), similarity=np.empty(0, np.float32))
"""What a photo has that could not be read: no faces, with the columns that named faces have."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoResult:
    """The faces of one photo, with names.

    Attributes:
        image: the photo: its path, or its kind and size.
        faces: with the columns `name` (a person, or `UNKNOWN`) and `similarity` (cosine to the
            best template, in [-1, 1], also where the name is `UNKNOWN`). With a calibration also
            `probability`, `far_at_similarity` and `far_is`, as of `Comparison`: of one comparison
            of two pictures with this similarity.
        error: why the photo could not be read, or None.
    """

    image: str
    faces: Faces
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values: image, faces (box, score, landmarks, name, similarity), error.

        With a calibration each face also has probability, far_at_similarity and far_is.
        """
        # Every face has every key, also from a detector that gives no landmarks.
        keys = {"box": None, "score": None, "landmarks": None}
        faces = [keys | record for record in self.faces.records()]
        return {"image": self.image, "faces": faces, "error": self.error}


@dataclass(frozen=True, slots=True, eq=False)
class Recognition:
    """The answer of `recognize`.

    Attributes:
        model: id of the embedder.
        threshold: the similarity from which a face has a person's name.
        far: the false-accept rate of the threshold, for one person's template, or None when its
            value was given.
        measured_on: the data behind `far`, or "given".
        images: one result for each photo, in their order.
        problems: what was left out of the people, and why.
    """

    model: str
    threshold: float
    far: float | None
    measured_on: str
    images: tuple[PhotoResult, ...]
    problems: tuple[Problem, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values: model, threshold, far, images; and people_problems, if there are any.

        Example:
            >>> import facewise
            >>> found = facewise.recognize("examples/photos/astronaut.jpg", "examples/people")
            >>> [photo] = found.to_dict()["images"]
            >>> list(photo["faces"][0])
            ['box', 'score', 'landmarks', 'name', 'similarity']
        """
        content: dict[str, Any] = {
            "model": self.model,
            "threshold": self.threshold,
            "far": self.far,
            "images": [image.to_dict() for image in self.images],
        }
        problems = [{"path": str(p.path), "reason": p.reason} for p in self.problems]
        return content | ({"people_problems": problems} if problems else {})


def recognize(
    photos: Iterable[ImageSource] | ImageSource,
    people: str | PathLike[str] | People,
    *,
    model: str | Embedder = DEFAULT_EMBEDDER,
    detector: str | Detector = DEFAULT_DETECTOR,
    threshold: float | None = None,
    far: float | None = None,
    cache: bool = True,
    calibration: Calibration | str | PathLike[str] | None = None,
) -> Recognition:
    """Name the faces of photos.

    Each face gets the name of the person whose template it is most similar to, or `unknown` when
    the similarity is under the threshold. Two faces of a photo may get the same name.

    Args:
        photos: pictures in any form that `load_image` takes, one or many, or a folder with
            pictures at any depth. A photo that cannot be read has its error in the result and does
            not stop the others.
        people: a folder with a sub-folder of pictures for each person, or one picture for each
            person (see `load_people`); or people loaded before.
        model: an embedder's id, or one made by `load_embedder`.
        detector: a detector's id, or one made by `load_detector`.
        threshold: a similarity in [-1, 1] to decide by, instead of a measured one.
        far: the false-accept rate, in (0, 1), whose measured threshold decides; 1e-3 by default.
        cache: keep what is found in files in the user's cache folder, so that the next call need
            not look again.
        calibration: of this model and detector (`load_calibration`), or its file. Each face then
            has a probability and a rate of its own, and the threshold of `far` is the
            calibration's.

    Raises:
        FacewiseError: the folder of people is missing, or no person in it has a usable picture.
        ModelMismatchError: the people were loaded with another model, or the calibration was made
            with another model or detector.
        ModelError: no such model, or no threshold was measured for the rate.
        ValueError: `threshold` and `far` are both given, or one is outside its range.

    Example:
        >>> import facewise
        >>> photos = ["examples/photos/obama.jpg", "examples/photos/astronaut.jpg"]
        >>> found = facewise.recognize(photos, "examples/people")
        >>> [photo.faces.data["name"].tolist() for photo in found.images]
        [['obama'], ['unknown']]
    """
    embedder = as_embedder(model)
    known = as_calibration(calibration)
    finder = as_detector(detector)
    if known is not None:
        known.check(embedder, finder)
    chosen = choose_threshold(embedder.spec, threshold, far, calibration=known)
    with closing(ResultCache()) if cache else nullcontext() as store:
        pipeline = Pipeline(finder, embedder, store)
        if not isinstance(people, People):
            people = load_people(people, pipeline)
        images = tuple(recognize_each(photos, people, pipeline, chosen, known))
    return Recognition(
        model=embedder.spec.id,
        threshold=chosen.value,
        far=chosen.far,
        measured_on=chosen.measured_on,
        images=images,
        problems=people.problems,
    )


def recognize_each(
    photos: Iterable[ImageSource] | ImageSource,
    people: People,
    pipeline: Pipeline,
    threshold: Threshold,
    calibration: Calibration | None = None,
) -> Iterator[PhotoResult]:
    """`recognize` for one photo after another; they are taken and worked on a little ahead.

    A calibration must be the pipeline's (`Calibration.check`).

    Raises:
        ModelMismatchError: the people were loaded with another model than the pipeline's.
    """
    people.require(pipeline.embedder)
    names: deque[str] = deque()

    def named() -> Iterator[ImageSource]:
        for photo in _sources(photos):
            names.append(describe(photo))
            yield photo

    with closing(pipeline.run_each(named())) as results:
        for found in results:
            name = names.popleft()
            if isinstance(found, ImageError):
                yield PhotoResult(name, explained(NO_FACES, calibration), str(found))
            else:
                yield PhotoResult(name, identify(found, people, threshold, calibration))


def identify(
    found: EmbeddedFaces,
    people: People,
    threshold: Threshold,
    calibration: Calibration | None = None,
) -> Faces:
    """The faces of a picture with their names and similarities (see `PhotoResult`)."""
    if not len(found.faces):
        return explained(NO_FACES, calibration)
    similarities = np.clip(found.embeddings @ people.templates.T, -1, 1)
    best = similarities.argmax(axis=1)
    similarity = similarities[np.arange(len(best)), best]
    # In float64, as `compare` does: numpy would round the threshold to float32.
    known = similarity.astype(np.float64) >= threshold.value
    name = np.where(known, np.array(people.names)[best], UNKNOWN)
    return explained(found.faces.with_data(name=name, similarity=similarity), calibration)


def explained(faces: Faces, calibration: Calibration | None) -> Faces:
    """The faces with what a calibration says of their similarities, if there is one."""
    if calibration is None:
        return faces
    similarity = faces.data["similarity"].astype(np.float64)
    fars = [calibration.far(value) for value in similarity.tolist()]
    return faces.with_data(
        probability=calibration.probability(similarity),
        far_at_similarity=np.array([far.rate for far in fars], np.float64),
        far_is=np.array([far.kind for far in fars], "U8"),
    )


def _sources(photos: Iterable[ImageSource] | ImageSource) -> Iterable[ImageSource]:
    """One source after another, of a folder or of whatever `images.sources` takes."""
    if isinstance(photos, (str, PathLike)) and Path(photos).is_dir():
        return pictures_in(Path(photos))
    return sources(photos)
