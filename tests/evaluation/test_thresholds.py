from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from facewise.errors import ProtocolError
from facewise.evaluation import thresholds
from facewise.evaluation.thresholds import (
    MIN_FALSE_ACCEPTS,
    operating_points,
    operating_points_of_pairs,
)


def gallery(people: int, seed: int = 0) -> tuple[NDArray[np.float32], list[str]]:
    """One to four vectors a person, in 8 dimensions, so that strangers can look alike."""
    rng = np.random.default_rng(seed)
    names = [f"person {i}" for i in range(people) for _ in range(1 + i % 4)]
    rng.shuffle(names)
    vectors = rng.normal(size=(len(names), 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), names


@pytest.mark.parametrize("tile", [1, 7, 64, 2048])
def test_against_all_pairs(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thresholds, "_TILE", tile)
    vectors, names = gallery(40)
    impostors = [
        float(vectors[i] @ vectors[j])
        for i in range(len(names))
        for j in range(i)
        if names[i] != names[j]
    ]
    points = operating_points(vectors, names, fars=(0.1, 0.01, 0.003, 0.5))
    assert (points.images, points.people) == (100, 40)
    assert points.impostor_pairs == len(impostors)
    assert list(points.thresholds) == [0.003, 0.01, 0.1, 0.5]
    for far, threshold in points.thresholds.items():
        assert threshold == round(threshold, 4)
        assert points.measured[far] == np.mean(np.array(impostors) >= threshold)
        assert np.mean(np.array(impostors) >= threshold) <= far
        assert np.mean(np.array(impostors) >= threshold - 1.1e-4) > far


def test_pairs_that_are_listed() -> None:
    vectors, names = gallery(40)
    i, j = np.nonzero(np.triu(np.array(names)[:, None] != np.array(names)[None], 1))
    similarity = np.sum(vectors[i].astype(np.float64) * vectors[j], axis=1)
    fars = (0.1, 0.01, 0.003, 0.5)
    listed, all_pairs = (
        operating_points_of_pairs(similarity, 100, fars),
        operating_points(vectors, names, fars),
    )
    assert listed.thresholds == all_pairs.thresholds
    assert listed.measured == all_pairs.measured
    assert (listed.images, listed.people, listed.impostor_pairs) == (100, None, len(i))
    with pytest.raises(ProtocolError, match="there are 9 pairs of different people, too few"):
        operating_points_of_pairs(similarity[:9], 10, fars)


def test_rates_that_too_few_pairs_measure_are_left_out() -> None:
    vectors, names = gallery(40)
    pairs = operating_points(vectors, names).impostor_pairs
    least = MIN_FALSE_ACCEPTS / pairs
    points = operating_points(vectors, names, fars=(least / 1.01, least * 1.01))
    assert list(points.thresholds) == [least * 1.01]
    with pytest.raises(ProtocolError, match=f"100 images of 40 people make {pairs} pairs"):
        operating_points(vectors, names, fars=(least / 1.01,))


def test_images_that_failed_are_left_out() -> None:
    vectors, names = gallery(40)
    some = vectors.copy()
    some[[3, 50]] = np.nan
    kept = [i for i in range(100) if i not in (3, 50)]
    without = operating_points(vectors[kept], [names[i] for i in kept], fars=(0.1,))
    assert operating_points(some, names, fars=(0.1,)) == without


def test_one_person_has_no_impostors() -> None:
    vectors, names = gallery(40)
    with pytest.raises(ProtocolError, match="100 images of 1 people make 0 pairs"):
        operating_points(vectors, ["one"] * len(names))


@pytest.mark.parametrize("length", [1.0, 0.99999, 1.0001], ids=["one", "below", "above"])
def test_equal_vectors_have_no_threshold(length: float) -> None:
    # 30 strangers that all look the same, whatever rounding makes of their similarity.
    vectors = np.tile(np.array([length, 0], np.float32) ** 0.5, (30, 1))
    with pytest.raises(ProtocolError, match=r"435 of 435 pairs .* does not tell them apart"):
        operating_points(vectors, [str(i) for i in range(30)], fars=(0.1,))


def test_equal_similarities_are_rejected_together() -> None:
    similarity = np.repeat([0.9, 0.2], [20, 80])
    points = operating_points_of_pairs(similarity, 10, fars=(0.1, 0.5))
    assert points.thresholds == {0.1: 0.9001, 0.5: 0.2001}
