"""`assess`: what each face of a picture is worth, in one number with its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.images import load
from facewise.quality import boxes as by_box
from facewise.quality.light import light, well_lit
from facewise.quality.pose import nod, turn
from facewise.quality.promise import parts_by_place
from facewise.quality.sharpness import detail, focus, sharp_enough

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.faces import Faces
    from facewise.images import ImageSource

    Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """How much each of n faces tells of whose it is.

    Attributes:
        total: float32 (n,), in [0, 1]: the product of the parts.
        parts: of each name, float32 (n,) in [0, 1], where 1 takes nothing away: `score` (the
            detector's), `size`, `inside` (the picture), `free` (of other faces), `pose`,
            `sharpness`, `light`; and `norm` where that was given.
        measures: what the parts come from, of each name float32 (n,): `side` (pixels), `turn` and
            `nod` (NaN without landmarks; see `pose`), `detail` and `focus` (see `sharpness`),
            `brightness` and `contrast` (mean and standard deviation, of 0 to 255).
    """

    total: Floats
    parts: Mapping[str, Floats]
    measures: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.total)

    def worst_part(self, face: int) -> str:
        """The part that takes most away from a face; the first of them where several do."""
        return min(self.parts, key=lambda name: float(self.parts[name][face]))

    def records(self) -> list[dict[str, Any]]:
        """One dictionary of plain values a face: `quality`, `parts`, `measures`."""
        return [
            {
                "quality": float(self.total[i]),
                "parts": {name: float(part[i]) for name, part in self.parts.items()},
                "measures": {
                    name: float(values[i])
                    for name, values in self.measures.items()
                    if np.isfinite(values[i])
                },
            }
            for i in range(len(self))
        ]


def assess(image: ImageSource, faces: Faces, *, norm: Floats | None = None) -> Quality:
    """The quality of faces of a picture: by size, pose, sharpness, light and detection score.

    Args:
        image: the picture, in any form that `facewise.load_image` takes.
        faces: all faces that were found in it: one that lies under another is worth less.
        norm: float32 (n,) in [0, 1], what the length of each face's embedding says, where that
            means something (`facewise.quality.norms`); None leaves it out.

    Returns:
        A number in [0, 1] for each face, with its parts. Compare it between faces of one detector;
        what it says of similarity is in docs/results/quality.md.

    Raises:
        ImageError: the input is not a picture.
        ValueError: `norm` has another shape.

    Example:
        >>> import facewise
        >>> from facewise.quality import assess
        >>> [faces] = facewise.detect("examples/photos/astronaut.jpg")
        >>> quality = assess("examples/photos/astronaut.jpg", faces)
        >>> bool(quality.total[0] > 0.5), sorted(quality.parts)
        (True, ['free', 'inside', 'light', 'pose', 'score', 'sharpness', 'size'])
    """
    image = load(image)
    size = (image.shape[1], image.shape[0])
    n, boxes, landmarks = len(faces), faces.boxes, faces.landmarks
    details = [detail(image, box) for box in boxes]
    lights = [light(image, box) for box in boxes]
    parts = parts_by_place(boxes, landmarks, faces.scores, size, boxes)
    parts["sharpness"] = _row(sharp_enough(value) for value in details)
    parts["light"] = _row(well_lit(*values) for values in lights)
    if norm is not None:
        norm = np.asarray(norm, np.float32)
        if norm.shape != (n,):
            raise ValueError(f"norm: expected shape ({n},), got {norm.shape}")
        parts["norm"] = norm
    unknown = np.full(n, np.nan, np.float32)
    measures = {
        "side": by_box.sides(boxes),
        "turn": unknown if landmarks is None else turn(landmarks),
        "nod": unknown if landmarks is None else nod(landmarks),
        "detail": _row(details),
        "focus": _row(focus(image, box) for box in boxes),
        "brightness": _row(mean for mean, _ in lights),
        "contrast": _row(deviation for _, deviation in lights),
    }
    total = np.ones(n, np.float32)
    for part in parts.values():
        total = total * part
    return Quality(total, parts, measures)


def _row(values: Any) -> Floats:
    return np.array(list(values), np.float32)
