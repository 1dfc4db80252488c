"""From what was found in a portrait to the face that is enrolled, or to why there is none."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image as PILImage

from facewise.alignment import crop
from facewise.errors import ImageError
from facewise.gallery import digests
from facewise.gallery.enrolment import Remark
from facewise.gallery.records import NewFace
from facewise.gallery.subject import subject_of
from facewise.images import load
from facewise.quality import kept, promise
from facewise.quality import remarks as low_quality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facewise.faces import EmbeddedFaces, Faces
    from facewise.gallery.enrolment import EnrolOptions
    from facewise.gallery.portraits import Portrait
    from facewise.zoo import ModelSpec


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A portrait that was read.

    Attributes:
        portrait: who it shows, and where it came from.
        content: the file, or pixels; see `digests.read`.
        digest: of the content.
    """

    portrait: Portrait
    content: bytes | NDArray[np.uint8]
    digest: str


def judged(
    found: EmbeddedFaces | ImageError, read: Read, spec: ModelSpec, options: EnrolOptions
) -> tuple[NewFace | None, list[Remark]]:
    """The face to enrol, or None.

    Args:
        found: what the pipeline made of the portrait.
        read: the portrait.
        spec: of the embedder.
        options: which of several faces counts, and whether its chip is kept.

    Returns:
        The face with its quality (`facewise.quality`), and what is to be said of it.
    """
    portrait = read.portrait
    if isinstance(found, ImageError):
        return None, [unreadable(portrait, found)]
    faces, remarks = found.faces, []
    subject, text = subject_of(faces, found.image_size, options.select)
    enrolled = subject is not None
    if text:
        remarks.append(Remark(portrait.place, portrait.person, "faces", text, enrolled))
    if subject is None:
        return None, remarks
    image = read.content
    if isinstance(image, bytes):
        image = load(image, name=portrait.place)
    score = float(faces.scores[subject])
    low = low_quality(score, faces.boxes[subject], image)
    if low:
        text = f"low quality: {', '.join(low)}"
        remarks.append(Remark(portrait.place, portrait.person, "quality", text, enrolled))
    x1, y1, x2, y2 = faces.boxes[subject].tolist()
    return NewFace(
        found.embeddings[subject],
        digests.source_text(portrait.place, read.digest),
        (x1, y1, x2, y2),
        _quality(faces, subject, image),
        _chip(image, faces[subject], spec) if options.chips else None,
    ), remarks


def _quality(faces: Faces, subject: int, image: NDArray[np.uint8]) -> float:
    """Of one face among those of a picture, in [0, 1]."""
    size = (image.shape[1], image.shape[0])
    face = faces[subject]
    promised = promise(face.boxes, face.landmarks, face.scores, size, faces.boxes)
    return kept(float(promised[0]), image, face.boxes[0])


def unreadable(portrait: Portrait, error: ImageError) -> Remark:
    """What is said of a picture that cannot be read."""
    text = str(error).removeprefix(f"{portrait.place}: ")
    return Remark(portrait.place, portrait.person, "picture", text, enrolled=False)


def _chip(image: NDArray[np.uint8], face: Faces, spec: ModelSpec) -> bytes:
    """The face as the embedder saw it, as the content of a PNG file."""
    assert spec.crop is not None  # noqa: S101 - the registry refuses such
    content = io.BytesIO()
    PILImage.fromarray(crop(image, face, spec.crop)[0]).save(content, "PNG")
    return content.getvalue()
