"""Who of a gallery is on pictures: the answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from facewise.recognition import UNKNOWN, PhotoResult
from facewise.recognition.identification import NO_FACES

if TYPE_CHECKING:
    from facewise.gallery.candidates import Candidate
    from facewise.gallery.templates import Template
    from facewise.gallery.thresholds import SearchThreshold


@dataclass(frozen=True, slots=True, eq=False)
class IdentifiedPhoto(PhotoResult):
    """The faces of one photo, with names; see `PhotoResult`.

    Attributes:
        candidates: for each face whom it may show, the most similar first; also those below the
            threshold.
    """

    candidates: tuple[tuple[Candidate, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As `PhotoResult.to_dict`; each face also has candidates, and person_id where known."""
        content = PhotoResult.to_dict(self)
        for face, candidates in zip(content["faces"], self.candidates, strict=True):
            if "name" in face:
                known = candidates and face["name"] != UNKNOWN
                face["person_id"] = candidates[0].person_id if known else None
            face["candidates"] = [asdict(candidate) for candidate in candidates]
        return content


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """The answer of `Gallery.identify`.

    Attributes:
        model: id of the embedder.
        threshold: what decided.
        template: what probes were compared with.
        images: one result for each photo, in their order.
    """

    model: str
    threshold: SearchThreshold
    template: Template
    images: tuple[IdentifiedPhoto, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values: model, template, threshold, far, fpir, comparisons, note, images."""
        decided = self.threshold.to_dict()
        return {
            "model": self.model,
            "template": self.template,
            "threshold": decided.pop("value"),
            **decided,
            "images": [image.to_dict() for image in self.images],
        }


def unread(image: str, error: object) -> IdentifiedPhoto:
    """The result of a photo that could not be read, and why."""
    return IdentifiedPhoto(image, NO_FACES, str(error))
