"""One number a face, and the parts it is made of."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

import facewise
from facewise.quality import assess, kept, promise, remarks
from facewise.quality.light import light, well_lit
from facewise.quality.norms import norm_part, norm_share
from facewise.quality.pose import ahead, nod, roll
from facewise.quality.remarks import LEAST_FOCUS
from facewise.quality.sharpness import focus

AHEAD = np.array([[30, 40], [70, 40], [50, 61], [35, 80], [65, 80]], np.float32)


@pytest.fixture(scope="module")
def astronaut(examples):
    image = facewise.load_image(examples / "photos" / "astronaut.jpg")
    return image, facewise.detect(image)[0]


def total(image, faces):
    return float(assess(image, faces).total[0])


def test_the_total_is_the_product_of_the_parts_which_are_shares(astronaut):
    quality = assess(*astronaut)
    parts = np.stack(list(quality.parts.values()))
    assert ((parts >= 0) & (parts <= 1)).all()
    assert quality.total == pytest.approx(parts.prod(axis=0))
    [record] = quality.records()
    assert json.loads(json.dumps(record))["quality"] == pytest.approx(quality.total[0])
    assert record["measures"]["side"] == pytest.approx(np.sqrt(astronaut[1].areas[0]))


def test_promise_and_what_is_kept_are_the_same_number(examples):
    image = facewise.load_image(examples / "photos" / "montage.jpg")
    faces = facewise.detect(image)[0]
    size = image.shape[1::-1]
    promised = promise(faces.boxes, faces.landmarks, faces.scores, size, faces.boxes)
    done = [kept(float(p), image, box) for p, box in zip(promised, faces.boxes, strict=True)]
    found = assess(image, faces)
    assert len(found) == len(faces) > 1
    assert done == pytest.approx(found.total.tolist())
    assert (found.total <= promised + 1e-6).all()


@pytest.mark.parametrize(
    ("harm", "part"),
    [
        (lambda image: cv2.GaussianBlur(image, (0, 0), 6), "sharpness"),
        (lambda image: (image * 0.05).astype(np.uint8), "light"),
        (lambda image: 255 - ((255 - image) * 0.05).astype(np.uint8), "light"),
    ],
)
def test_what_harms_a_face_takes_from_the_part_that_says_so(astronaut, harm, part):
    image, faces = astronaut
    worse = assess(harm(image), faces)
    assert worse.worst_part(0) == part
    assert worse.total[0] < 0.6 * total(image, faces)


def test_a_smaller_face_is_worth_less(astronaut):
    image, faces = astronaut
    small = cv2.resize(image, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    smaller = facewise.Faces(faces.boxes * 0.4, faces.scores, faces.landmarks * 0.4)
    assert total(small, smaller) < 0.6 * total(image, faces)


def test_looking_up_and_down_counts_and_rolling_does_not():
    up, down = AHEAD.copy(), AHEAD.copy()
    up[2, 1], down[2, 1] = 41, 79
    assert nod(np.stack([up, down])).tolist() == pytest.approx([0.025, 0.975])
    assert ahead(AHEAD[None])[0] == 1
    assert (ahead(np.stack([up, down])) < 0.5).all()
    turned = AHEAD @ np.array([[0.6, 0.8], [-0.8, 0.6]], np.float32)
    assert roll(turned[None])[0] == pytest.approx(np.degrees(np.arctan2(0.8, 0.6)), abs=1e-3)
    assert ahead(turned[None])[0] == 1


def test_light_is_that_of_the_face_alone():
    image = np.zeros((60, 60, 3), np.uint8)
    image[20:40, 20:40] = 100
    image[20:40, 30:40] = 160
    assert light(image, np.array([20, 20, 40, 40], np.float32)) == pytest.approx((130, 30))
    assert well_lit(130, 30) == 1
    assert well_lit(130, 5) == pytest.approx(0.25)
    assert well_lit(35, 30) == pytest.approx(0.5)
    assert well_lit(225, 30) == pytest.approx(0.5)
    assert well_lit(0, 0) == 0


def test_the_norm_is_a_part_where_it_is_given(astronaut):
    image, faces = astronaut
    plain, with_norm = assess(image, faces), assess(image, faces, norm=np.array([0.5]))
    assert with_norm.total == pytest.approx(plain.total / 2)
    with pytest.raises(ValueError, match=r"norm: expected shape \(1,\), got \(2,\)"):
        assess(image, faces, norm=np.ones(2))


def test_no_faces_have_no_quality():
    quality = assess(np.zeros((40, 40, 3), np.uint8), facewise.Faces.empty())
    assert len(quality) == 0
    assert quality.records() == []


def test_focus_falls_with_blur_and_not_with_contrast(astronaut):
    image, box = astronaut[0], np.array([180, 60, 269, 173], np.float32)
    sharp = [focus(cv2.GaussianBlur(image, (0, 0), sigma), box) for sigma in (0.01, 1, 2, 4)]
    assert sharp == sorted(sharp, reverse=True)
    assert sharp[0] > LEAST_FOCUS > sharp[3]
    dark = (image * 0.25).astype(np.uint8)
    assert focus(dark, box) == pytest.approx(sharp[0], rel=0.2)  # whatever the contrast
    assert focus(image, np.array([600, 600, 700, 700], np.float32)) == 0  # outside
    assert focus(np.full((99, 99, 3), 7, np.uint8), box / 4) == 0


def test_remarks_name_what_is_low(astronaut):
    image, faces = astronaut
    assert remarks(0.99, faces.boxes[0], image) == []
    soft = cv2.GaussianBlur(image, (0, 0), 5)
    found = remarks(0.5, faces.boxes[0], soft)
    assert found[0] == "score 0.50 (below 0.95)"
    assert found[1].startswith("blurred (sharpness 0.00")
    assert remarks(0.99, faces.boxes[0] / 4, image)[0].endswith("(below 40)")


def test_the_length_of_a_vector_means_something_for_some_models(astronaut):
    assert norm_share("mobilefacenet.ms1m", np.array([5, 13, 25])).tolist() == [0, 0.5, 1]
    with pytest.raises(ValueError, match="nobody has measured"):
        norm_share("dlib_resnet29.dlib", np.ones(2))
    assert norm_part(*astronaut, facewise.load_embedder()) is None


@pytest.mark.shared
def test_a_blurred_face_has_a_shorter_vector(astronaut, shared):
    image, faces = astronaut
    weights = shared("weights/mobilefacenet-ms1m-128d.pt")
    embedder = facewise.load_embedder("mobilefacenet", weights)
    sharp = norm_part(image, faces, embedder)
    soft = norm_part(cv2.GaussianBlur(image, (0, 0), 6), faces, embedder)
    assert sharp.shape == (1,)
    assert 0 <= soft[0] < 0.8 * sharp[0] <= 1
    assert assess(image, faces, norm=sharp).total[0] < assess(image, faces).total[0] + 1e-6
