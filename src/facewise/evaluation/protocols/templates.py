"""`TemplateProtocol`: pairs of templates, each of several images (IJB-B, IJB-C)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TemplateProtocol:
    """Pairs of templates, each of one person or of two.

    Attributes:
        name: of the protocol, for example `ijbc`.
        sha256: of the files that list images and pairs, one after the other.
        images: m files, one for each appearance in a template.
        names: what reports call each image.
        landmarks: float32 (m, 5, 2), pixels of the image, in the order of `Faces.landmarks`.
        scores: float32 (m,), how sure the detector was that made the landmarks, at least 0.
        templates: intp (m,), the template of each image, from 0.
        media: intp (m,), the medium (a still, or a video) that each image is from.
        template_ids: the published number of each template.
        pairs: intp (n, 2), numbers of templates.
        same: bool (n,), True where both are of one person.
        remarks: what the reader noticed that a user should know.
    """

    name: str
    sha256: str
    images: tuple[Path, ...]
    names: tuple[str, ...]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]
    templates: NDArray[np.intp]
    media: NDArray[np.intp]
    template_ids: tuple[int, ...]
    pairs: NDArray[np.intp]
    same: NDArray[np.bool_]
    remarks: tuple[str, ...] = ()
