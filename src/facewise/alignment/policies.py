"""Cut chips: square uint8 pictures of one face each, placed the way an embedder expects.

Three policies exist. `MarginCrop` is the rule of facenet: the detector's box, widened by a margin
that is given in pixels of the chip. `FivePointCrop` rotates, scales and shifts the picture so that
the five landmarks fall, in the least-squares sense, on the points of a template. `EyeCornerCrop`
does so with the corners of the eyes, which it finds itself, as dlib's embedder was trained.

A chip is a picture, never a normalised tensor: it can be saved, looked at and embedded later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PILImage

from facewise.alignment.shape_predictor import five_landmarks
from facewise.alignment.similarity import similarity_transforms, warp
from facewise.errors import FacesError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.faces import Faces

Point = tuple[float, float]
FivePoints = tuple[Point, Point, Point, Point, Point]

ARCFACE_112: FivePoints = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
"""Landmark template of ArcFace's 112×112 chips, in pixels (Deng et al. 2019; insightface)."""

DLIB_150: FivePoints = (
    (48.51, 46.67),
    (102.47, 46.66),
    (75.21, 78.67),
    (51.67, 105.49),
    (98.99, 105.56),
)
"""Where MTCNN's landmarks fall on dlib's 150×150 chips, in pixels: the median over 4,037 faces of
LFW's View 1 (`python -m bench.dlib_template`). For dlib's embedder without its shape predictor:
quicker, and less accurate than `EyeCornerCrop` (docs/results/lfw.md)."""

# Where dlib wants the landmarks of its five-point shape predictor, as parts of the side of the
# square between the margins (dlib/image_transforms/interpolation.h, get_face_chip_details).
_EYE_CORNERS = np.array(
    [
        (0.8595674595992, 0.2134981538014),
        (0.6460604764104, 0.2289674387677),
        (0.1205750620789, 0.2137274526848),
        (0.3340850613712, 0.2290642403242),
        (0.4901123135679, 0.6277975316475),
    ]
)
# Half the side of the square in which dlib's face detector (HOG) would find a face, in distances
# from the middle of the eyes to the middle of the mouth: mean over LFW. The shape predictor was
# trained on its squares.
_HALF_SQUARE = 1.135


@dataclass(frozen=True, slots=True)
class MarginCrop:
    """The box plus a margin, resized to a square (the rule of facenet-pytorch).

    Attributes:
        size: side of the chip in pixels.
        margin: pixels of the chip (not of the image) that lie outside the detector's box,
            both sides together.
    """

    size: int = 160
    margin: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.margin < self.size:
            raise ValueError(f"margin must lie in [0, {self.size}), got {self.margin}")


@dataclass(frozen=True, slots=True)
class FivePointCrop:
    """A similarity transform that brings five landmarks onto a template.

    Attributes:
        size: side of the chip in pixels.
        template: where left eye, right eye, nose and the two corners of the mouth should fall,
            in pixels of the chip.
    """

    size: int = 112
    template: FivePoints = ARCFACE_112


@dataclass(frozen=True, slots=True)
class EyeCornerCrop:
    """A similarity transform that brings the corners of the eyes onto dlib's template.

    The detector's landmarks only say where to look: dlib's five-point shape predictor finds the
    corners of the eyes and the base of the nose. The chip is nearly that of dlib's
    `get_face_chip`; but dlib rounds the landmarks to whole pixels, and makes the squares of
    distances least in the picture, not in the chip. Neither makes the embeddings better.

    Attributes:
        size: side of the chip in pixels.
        padding: margin on each side, as a part of the side of the square between the margins.
    """

    size: int = 150
    padding: float = 0.25


CropPolicy = MarginCrop | FivePointCrop | EyeCornerCrop


def crop(image: NDArray[np.uint8], faces: Faces, policy: CropPolicy) -> NDArray[np.uint8]:
    """Cut one chip for each face.

    Args:
        image: RGB picture, uint8, shape (H, W, 3).
        faces: n faces in pixels of that picture.
        policy: how the chips are placed; embedders name theirs in `spec.crop`.

    Returns:
        uint8 RGB chips, shape (n, policy.size, policy.size, 3).

    Raises:
        FacesError: the policy needs landmarks and the faces have none.
    """
    return crop_each([image], [faces], policy)[0]


def crop_each(
    images: Sequence[NDArray[np.uint8]], faces: Sequence[Faces], policy: CropPolicy
) -> list[NDArray[np.uint8]]:
    """`crop` for some pictures, which together take less time where landmarks are looked for."""
    size = policy.size
    cut = [np.empty((len(some), size, size, 3), np.uint8) for some in faces]
    if isinstance(policy, MarginCrop):
        for image, some, chips in zip(images, faces, cut, strict=True):
            for chip, box in zip(chips, some.boxes, strict=True):
                chip[:] = margin_chip(image, box, policy)
        return cut
    shown = [i for i, some in enumerate(faces) if len(some)]
    landmarks = [_landmarks(faces[i]) for i in shown]
    if isinstance(policy, EyeCornerCrop):
        points = _eye_corners_of_each([images[i] for i in shown], landmarks)
        template = eye_corner_template(policy)
    else:
        points, template = landmarks, np.asarray(policy.template)
    for i, some_points in zip(shown, points, strict=True):
        for chip, matrix in zip(cut[i], similarity_transforms(some_points, template), strict=True):
            chip[:] = warp(images[i], matrix, size)
    return cut


def _landmarks(faces: Faces) -> NDArray[np.float32]:
    if faces.landmarks is None:
        raise FacesError("landmarks: five-point alignment needs them, and these faces have none")
    return faces.landmarks


def eye_corner_template(policy: EyeCornerCrop) -> NDArray[np.float64]:
    """Where dlib's five points should fall, in pixels of the chip, shape (5, 2)."""
    inner: NDArray[np.float64] = (policy.padding + _EYE_CORNERS) / (2 * policy.padding + 1)
    return inner * policy.size


def eye_corners(image: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """The landmarks of dlib's five-point shape predictor for faces that a detector has found.

    Args:
        image: RGB picture, uint8, shape (H, W, 3).
        landmarks: the detector's, shape (n, 5, 2): eyes, nose, corners of the mouth.

    Returns:
        float32 (n, 5, 2): outer and inner corner of the eye on the right of the picture, outer
        and inner corner of the eye on its left, base of the nose.
    """
    return _eye_corners_of_each([image], [landmarks])[0]


def _eye_corners_of_each(
    images: Sequence[NDArray[np.uint8]], landmarks: Sequence[NDArray[np.floating]]
) -> list[NDArray[np.float32]]:
    if not images:
        return []
    return five_landmarks().predict_each(images, [_square(points) for points in landmarks])


def _square(landmarks: NDArray[np.floating]) -> NDArray[np.floating]:
    """Where dlib's detector would find faces with these landmarks (n, 5, 2): squares (n, 4)."""
    eyes, mouth = landmarks[:, :2].mean(axis=1), landmarks[:, 3:].mean(axis=1)
    center = (eyes + mouth) / 2
    height = np.linalg.norm(mouth - eyes, axis=1, keepdims=True)
    half = _HALF_SQUARE * np.maximum(height, 1)  # a square also for landmarks that coincide
    # Whole pixels, as the rectangles of dlib's detector are.
    square: NDArray[np.floating] = np.rint(np.hstack([center - half, center + half]))
    return square


def margin_box(
    box: NDArray[np.floating], policy: MarginCrop, width: int, height: int
) -> tuple[int, int, int, int]:
    """The integer rectangle of the image that `MarginCrop` resizes: (left, top, right, bottom).

    The margin grows with the face, so that it is `policy.margin` pixels in the chip; each side is
    cut off at the border of the image and truncated, as facenet-pytorch documents. The rectangle
    holds at least one pixel, also for a box that lies outside the image.
    """
    x1, y1, x2, y2 = (float(v) for v in box)
    # In the reference's order of operations: another rounding would truncate to another pixel.
    inner = policy.size - policy.margin
    dx, dy = policy.margin * (x2 - x1) / inner / 2, policy.margin * (y2 - y1) / inner / 2
    left = min(int(max(x1 - dx, 0)), width - 1)
    top = min(int(max(y1 - dy, 0)), height - 1)
    right = max(int(min(x2 + dx, width)), left + 1)
    bottom = max(int(min(y2 + dy, height)), top + 1)
    return left, top, right, bottom


def margin_chip(
    image: NDArray[np.uint8], box: NDArray[np.floating], policy: MarginCrop
) -> NDArray[np.uint8]:
    """One chip of `MarginCrop`, resized with Pillow's antialiased bilinear filter.

    That is the filter facenet-pytorch uses for PIL images, and so the one its published figures
    were measured with.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = margin_box(box, policy, width, height)
    patch = PILImage.fromarray(image[top:bottom, left:right])
    return np.asarray(patch.resize((policy.size, policy.size), PILImage.Resampling.BILINEAR))
