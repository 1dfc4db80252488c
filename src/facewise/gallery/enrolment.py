"""What came of enrolling pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from facewise.faces import SelectPolicy

RemarkKind = Literal["name", "picture", "faces", "quality", "someone else"]
"""The name cannot be one; the picture cannot be read; it shows no face, or several; the face is of
low quality; or it is as similar to somebody else's as the faces of one person are."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a picture that needs a look.

    Attributes:
        picture: its path, or its kind and size; of a name, the folder.
        person: whom it was to be enrolled as.
        kind: see `RemarkKind`.
        text: what is to be said, in words.
        enrolled: whether its face was enrolled all the same.
    """

    picture: str
    person: str
    kind: RemarkKind
    text: str
    enrolled: bool

    def __str__(self) -> str:
        return f"{self.picture}: {self.text}"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The answer of `Gallery.enrol`.

    Attributes:
        people: who is new, by number, with the name.
        faces: how many were added.
        skipped: pictures that were enrolled already, as the same person.
        remarks: in the order of the pictures.
    """

    people: Mapping[int, str]
    faces: int
    skipped: int
    remarks: tuple[Remark, ...] = ()

    @property
    def failed(self) -> tuple[Remark, ...]:
        """Of the pictures that were not enrolled: why."""
        return tuple(remark for remark in self.remarks if not remark.enrolled)

    @property
    def warnings(self) -> tuple[Remark, ...]:
        """Of pictures that were enrolled: what needs a look."""
        return tuple(remark for remark in self.remarks if remark.enrolled)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: new_people, faces, skipped, failed and warnings."""
        return {
            "new_people": [{"id": id_, "name": name} for id_, name in self.people.items()],
            "faces": self.faces,
            "skipped": self.skipped,
            "failed": [_plain(remark) for remark in self.failed],
            "warnings": [_plain(remark) for remark in self.warnings],
        }


def _plain(remark: Remark) -> dict[str, Any]:
    content = asdict(remark)
    del content["enrolled"]
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolOptions:
    """How to enrol.

    Attributes:
        select: which face counts where a picture shows several (`Faces.order`); None: one that is
            plainly larger than all others, and no face where none is.
        chips: keep the cut-out face too, as PNG.
        notes: of the people; None leaves what is there, and so with the others.
        consent: what they agreed to, in words.
        retain_until: the last day on which they may be kept.
        done: called with the number of pictures that are done.
    """

    select: SelectPolicy | None = None
    chips: bool = False
    notes: str | None = None
    consent: str | None = None
    retain_until: date | None = None
    done: Callable[[int], object] = lambda _: None
