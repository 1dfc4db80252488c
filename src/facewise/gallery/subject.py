"""Which face of a picture is the person's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facewise.recognition.people import plain_subject

if TYPE_CHECKING:
    from facewise.faces import Faces, SelectPolicy


def subject_of(
    faces: Faces, image_size: tuple[int, int] | None, policy: SelectPolicy | None
) -> tuple[int | None, str]:
    """The face that a picture of a person is of.

    Args:
        faces: all of the picture.
        image_size: `(width, height)` in pixels, for `most_central`.
        policy: which of several it is (`Faces.order`); None: one that is plainly larger than all
            others.

    Returns:
        The number of the face, or None where there is none; and what is to be said of it.
    """
    if policy is None or not len(faces):
        return plain_subject(faces)
    order = faces.order(policy, image_size=image_size).tolist()
    if not order:
        return None, f"{len(faces)} faces, none that {policy!r} accepts"
    return order[0], f"{len(faces)} faces; one is used ({policy})" if len(faces) > 1 else ""
