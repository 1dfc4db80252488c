"""Boxes and names on frames."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.faces import Faces
from facewise.video.results import Colors, annotate


def face(box, name="obama", similarity=0.9, **columns):
    values = {"name": [name], "similarity": [similarity], "track": [12], **columns}
    points = np.tile(np.mean(np.array(box).reshape(2, 2), axis=0), (1, 5, 1))
    return Faces([box], [0.9], points).with_data(**values)


@pytest.mark.parametrize("size", [(64, 48), (480, 270), (1920, 1080), (3840, 2160)])
def test_the_box_is_drawn_in_the_colour_of_the_person_at_any_size(size):
    width, height = size
    picture = np.full((height, width, 3), 90, np.uint8)
    box = [width * 0.3, height * 0.4, width * 0.6, height * 0.9]
    colors = Colors()
    drawn = annotate(picture, face(box), colors=colors)
    assert drawn.shape == picture.shape
    assert (picture == 90).all()
    color = np.array(colors("obama"))
    side = drawn[int(height * 0.6), round(box[0]) : round(box[0]) + 2]
    assert np.abs(side.astype(int) - color).max() <= 1
    inside = drawn[int(height * 0.6) : int(height * 0.8), int(width * 0.4) : int(width * 0.5)]
    assert (inside == 90).all()  # neither landmarks nor anything else
    # Letters grow with the picture: the label is at least a fiftieth of it high, and no half.
    changed = np.flatnonzero((drawn != 90).any(axis=(1, 2)))
    label = box[1] - changed[0]
    assert height / 50 <= max(label, 13) <= max(height / 5, 24)


def test_what_is_asked_for_is_written():
    picture = np.full((270, 480, 3), 90, np.uint8)
    box = [100, 100, 160, 180]
    plain = annotate(picture, face(box))
    for options in ({"similarity": False}, {"ids": True}, {"landmarks": True}):
        assert (annotate(picture, face(box), **options) != plain).any()
    stranger = face(box, name="unknown", person=[3])
    drawn = annotate(picture, stranger)
    # A stranger has no similarity to anybody.
    assert (drawn == annotate(picture, stranger, similarity=False)).all()
    assert (annotate(picture, face(box), labels=["x"]) != plain).any()


def test_a_frame_without_faces_stays_as_it_is():
    picture = np.full((48, 64, 3), 90, np.uint8)
    empty = Faces.empty().with_data(name=np.empty(0, "U1"), similarity=np.empty(0, np.float32))
    assert (annotate(picture, empty) == picture).all()
