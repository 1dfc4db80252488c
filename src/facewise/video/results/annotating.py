"""Boxes and names on a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facewise.faces import Faces
from facewise.recognition import UNKNOWN
from facewise.video.results.labels import Colors, labels_of

if TYPE_CHECKING:
    from facewise.images import Picture


def annotate(
    image: Picture,
    faces: Faces,
    *,
    colors: Colors | None = None,
    labels: Sequence[str] | None = None,
    similarity: bool = True,
    ids: bool = False,
    landmarks: bool = False,
) -> Picture:
    """A copy of a frame with the faces on it: a box of the person's colour, and who it is.

    Lines and letters are as large as suits the frame.

    Args:
        image: uint8 RGB (h, w, 3).
        faces: of the frame, with the columns that `facewise.video.track` gives.
        colors: who has which colour; give the same one for all frames. None: by the names alone.
        labels: whom each face shows; None: as `labels_of` says.
        similarity: write it behind a name.
        ids: write the number of the track before it.
        landmarks: draw them too, where there are any.

    Returns:
        uint8 RGB (h, w, 3).

    Example:
        >>> import facewise.video
        >>> from facewise.video.results import annotate
        >>> [frame] = facewise.video.track(["examples/photos/obama.jpg"])
        >>> annotate(frame.image, frame.faces).shape == frame.image.shape
        True
    """
    whose = labels_of(faces) if labels is None else list(labels)
    colors = Colors() if colors is None else colors
    texts = list(whose)
    if similarity and "similarity" in faces.data:
        names, alike = faces.data["name"].tolist(), faces.data["similarity"].tolist()
        texts = [
            text if name == UNKNOWN else f"{text} {value:.2f}"
            for text, name, value in zip(texts, names, alike, strict=True)
        ]
    if ids:
        numbers = faces.data["track"].tolist()
        texts = [f"{number}: {text}" for number, text in zip(numbers, texts, strict=True)]
    shown = faces if landmarks else Faces(faces.boxes, faces.scores)
    return shown.draw(image, texts, colors=[colors(label) for label in whose], min_side=0)
