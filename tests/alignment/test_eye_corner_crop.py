"""`EyeCornerCrop`: from the detector's landmarks to dlib's chip."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from facewise.alignment import EyeCornerCrop, crop, eye_corners, similarity_transforms
from facewise.alignment.shape_predictor import five_landmarks
from facewise.errors import FacesError
from facewise.faces import Faces

# What the bundled MTCNN finds in examples/photos/astronaut.jpg, to whole pixels.
LANDMARKS = np.array([[[205, 101], [248, 103], [225, 129], [202, 140], [246, 142]]], np.float32)
# Where dlib's get_face_chip wants its landmarks in a chip of 150 pixels with padding 0.25.
TEMPLATE_150 = np.array(
    [
        [110.95675, 46.34981],
        [89.60605, 47.89674],
        [37.05751, 46.37273],
        [58.40851, 47.90642],
        [74.01123, 87.77976],
    ]
)


@pytest.fixture
def portrait(examples) -> np.ndarray:
    return np.asarray(Image.open(examples / "photos" / "astronaut.jpg").convert("RGB"))


def portrait_faces(landmarks: np.ndarray = LANDMARKS) -> Faces:
    return Faces([[180, 60, 269, 173]] * len(landmarks), [0.9] * len(landmarks), landmarks)


def test_square_of_the_predictor(portrait):
    """Middle of the eyes (226.5, 102), of the mouth (224, 141): height 39.08, half side 44.356."""
    expected = five_landmarks().predict(portrait, np.array([[181, 77, 270, 166]]))
    np.testing.assert_array_equal(eye_corners(portrait, LANDMARKS), expected)


@pytest.mark.parametrize(("size", "padding"), [(150, 0.25), (96, 0.25), (150, 0.6)])
def test_landmarks_in_the_chip_lie_on_the_template(portrait, size, padding):
    """Found again in the chip by the predictor, which then begins at another square."""
    [chip] = crop(portrait, portrait_faces(), EyeCornerCrop(size, padding))
    assert chip.shape == (size, size, 3)
    # Undo the size and the padding of the template that is written out above.
    inner = TEMPLATE_150 / 150 * 1.5 - 0.25
    template = (inner + padding) / (1 + 2 * padding) * size
    side = np.ptp(template[:, 0]) / 0.55  # corners of the eyes are 0.55 of the square apart
    center = template.mean(axis=0) + np.array([0, 0.05 * side])
    square = np.r_[center - side / 2, center + side / 2]
    [found] = five_landmarks().predict(chip, square[None])
    np.testing.assert_allclose(found, template, atol=0.045 * side)


def test_detector_noise_moves_the_chip_less_than_the_landmarks(portrait, rng):
    noise = rng.normal(0, 1.5, (20, 5, 2)).astype(np.float32)
    found = eye_corners(portrait, LANDMARKS + noise)
    assert found.std(axis=0).mean() < noise.std(axis=0).mean() / 2


def test_many_faces_are_cut_as_each_alone(portrait):
    many = np.concatenate([LANDMARKS, LANDMARKS + 2, LANDMARKS * 0.8])
    chips = crop(portrait, portrait_faces(many), EyeCornerCrop())
    for chip, landmarks in zip(chips, many, strict=True):
        [alone] = crop(portrait, portrait_faces(landmarks[None]), EyeCornerCrop())
        np.testing.assert_array_equal(chip, alone)


def test_odd_faces_give_chips_all_the_same(portrait):
    policy = EyeCornerCrop(96)
    assert crop(portrait, Faces.empty(), policy).shape == (0, 96, 96, 3)
    odd = np.stack([np.full((5, 2), 50), LANDMARKS[0] + 5000, LANDMARKS[0] * 40 - 3000])
    assert crop(portrait, portrait_faces(odd), policy).shape == (3, 96, 96, 3)
    assert crop(portrait[:1, :1], portrait_faces(), policy).shape == (1, 96, 96, 3)


def test_landmarks_are_needed(portrait):
    with pytest.raises(FacesError, match="landmarks"):
        crop(portrait, Faces([[180, 60, 269, 173]], [0.9]), EyeCornerCrop())


def test_chip_is_a_warp_onto_the_template(portrait):
    [matrix] = similarity_transforms(eye_corners(portrait, LANDMARKS), TEMPLATE_150)
    [chip] = crop(portrait, portrait_faces(), EyeCornerCrop())
    difference = chip.astype(int) - cv2.warpAffine(portrait, matrix, (150, 150))
    assert np.abs(difference).max() <= 1  # the template above is rounded


@pytest.mark.oracle
def test_template_is_that_of_dlib(rng):
    """The square that dlib's get_face_chip cuts depends on each landmark by the template.

    dlib fits the template to the landmarks; with points read as complex numbers, that is the
    factor sum(conj(t) * p) / sum(|t|^2). Landmarks all over the place show each point of it.
    """
    dlib = pytest.importorskip("dlib", reason="dlib is not installed")
    template = TEMPLATE_150 @ (1, 1j)
    centred = template - template.mean()
    for points in rng.integers(0, 10_000, (20, 5, 2)):
        parts = [dlib.point(int(x), int(y)) for x, y in points]
        shape = dlib.full_object_detection(dlib.rectangle(0, 0, 9, 9), parts)
        details = dlib.get_face_chip_details(shape, 150, 0.25)
        p = points @ (1, 1j)
        factor = (centred.conj() * p).sum() / (np.abs(centred) ** 2).sum()
        middle = p.mean() + factor * (75 + 75j - template.mean())
        rect = details.rect
        found = complex(rect.left() + rect.right(), rect.top() + rect.bottom()) / 2
        assert abs(found - middle) < 0.05
        assert abs(rect.width() - 150 * abs(factor)) < 0.05
        assert details.angle == pytest.approx(np.angle(factor), abs=1e-5)
