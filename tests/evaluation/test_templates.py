from __future__ import annotations

import numpy as np
import pytest

from facewise.evaluation import templates
from facewise.evaluation.templates import pooled


def test_media_weigh_alike_by_hand() -> None:
    # Template 0: a video of two frames and a still; template 1: a still; template 2: nothing.
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [np.nan] * 2], np.float32)
    found = pooled(vectors, np.array([0, 0, 0, 1, 2]), np.array([7, 7, 8, 9, 9]), 3)
    # The video's mean is (1/2, 1/2), the still's (1, 0).
    np.testing.assert_allclose(found[0], np.array([1.5, 0.5]) / np.hypot(1.5, 0.5), atol=1e-6)
    assert found[1].tolist() == [0, 1]
    assert np.isnan(found[2]).all()


def test_weights_count_within_a_medium() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    places = np.zeros(3, int), np.array([1, 1, 2])
    found = pooled(vectors, *places, 1, np.array([0.9, 0.3, 0.1], np.float32))
    np.testing.assert_allclose(found[0], np.array([0.75, 1.25]) / np.hypot(0.75, 1.25), atol=1e-6)
    # A medium of no weight has no say.
    found = pooled(vectors, *places, 1, np.array([0.9, 0.3, 0], np.float32))
    np.testing.assert_allclose(found[0], np.array([0.75, 0.25]) / np.hypot(0.75, 0.25), atol=1e-6)
    with pytest.raises(ValueError, match="weights"):
        pooled(vectors, *places, 1, np.array([0.9, -0.3, 0], np.float32))


def test_against_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "_ROWS", 17)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 8)).astype(np.float32)
    vectors[::23] = np.nan
    of, media = rng.integers(0, 12, 200), rng.integers(0, 30, 200)
    weights = rng.random(200).astype(np.float32)
    found = pooled(vectors, of, media, 12, weights)
    for template in range(12):
        total = np.zeros(8)
        for medium in range(30):
            own = [
                i
                for i in range(200)
                if of[i] == template and media[i] == medium and not np.isnan(vectors[i, 0])
            ]
            if own:
                total += np.average(vectors[own], axis=0, weights=weights[own])
        np.testing.assert_allclose(found[template], total / np.linalg.norm(total), atol=1e-6)
