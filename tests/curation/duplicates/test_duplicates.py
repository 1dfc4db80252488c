"""Pictures that are nearly the same are found, and others are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import facewise
from facewise.curation.duplicates import groups_of, near_pairs, perceptual_hash


def distance(one, other):
    return (one ^ other).bit_count()


def test_a_picture_that_is_resized_compressed_or_darker_keeps_its_hash(examples):
    image = facewise.load_image(examples / "photos" / "astronaut.jpg")
    first = perceptual_hash(image)
    small = cv2.resize(image, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
    squeezed = np.ascontiguousarray(cv2.imdecode(content, cv2.IMREAD_COLOR))
    for other in (small, squeezed, (image * 0.7).astype(np.uint8)):
        assert distance(first, perceptual_hash(other)) <= 6
    other = facewise.load_image(examples / "photos" / "obama.jpg")
    assert distance(first, perceptual_hash(other)) > 16
    assert distance(first, perceptual_hash(image[:, ::-1].copy())) > 16


@pytest.mark.parametrize("most", [0, 1, 3, 6, 15])
def test_all_near_pairs_are_found_as_by_comparing_all_with_all(rng, most):
    base = rng.integers(0, 2**64, 60, dtype=np.uint64).tolist()
    hashes = []
    for value in base:
        hashes.append(value)
        for _ in range(3):
            flipped = rng.choice(64, rng.integers(0, 12), replace=False)
            hashes.append(value ^ sum(1 << int(bit) for bit in flipped))
    hashes.append(hashes[0])
    every = [
        [i, j]
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if distance(hashes[i], hashes[j]) <= most
    ]
    assert near_pairs(hashes, most).tolist() == every
    assert every


def test_nothing_has_no_pairs():
    assert near_pairs([]).shape == (0, 2)
    assert near_pairs([7]).shape == (0, 2)
    with pytest.raises(ValueError, match="expected 0 to 15 bits"):
        near_pairs([1, 2], 16)


def test_groups_are_what_pairs_connect(rng):
    assert groups_of([]) == []
    edges = rng.integers(0, 40, (25, 2)).tolist()
    groups = groups_of(edges)
    home = {member: i for i, group in enumerate(groups) for member in group}
    assert all(home[a] == home[b] for a, b in edges)
    assert sorted(home) == sorted({member for edge in edges for member in edge})
    networkless = {frozenset(group) for group in groups}
    assert len(networkless) == len(groups)
