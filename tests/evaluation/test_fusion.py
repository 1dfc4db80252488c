from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from facewise.errors import ProtocolError
from facewise.evaluation.fusion import fuse, fusion_shares
from facewise.evaluation.vectors import ImageVectors


def found(seed: int, spread: float, failures: dict[int, str] | None = None) -> ImageVectors:
    """Forty vectors round one direction."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, spread, (40, 8)) + np.eye(8)[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    failed = failures or {}
    vectors[list(failed)] = np.nan
    return ImageVectors(vectors.astype(np.float32), failed, np.full((40, 4), np.nan, np.float32))


def similarities(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    table = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    pairs: NDArray[np.float64] = table[np.triu_indices(len(vectors), 1)]
    return pairs


def test_similarities_are_the_mean_weighted_by_one_over_their_spread() -> None:
    narrow, wide = found(1, 0.1), found(2, 0.5)
    shares = fusion_shares([narrow, wide])
    fused = fuse([narrow, wide], shares)
    a, b = similarities(narrow.vectors), similarities(wide.vectors)
    spreads = [np.quantile(each, 0.99) - np.median(each) for each in (a, b)]
    weights = 1 / np.array(spreads)
    np.testing.assert_allclose(shares, weights / weights.sum(), rtol=1e-5)
    assert sum(shares) == pytest.approx(1)
    assert shares[0] > shares[1]
    np.testing.assert_allclose(
        similarities(fused.vectors), shares[0] * a + shares[1] * b, atol=1e-6
    )
    np.testing.assert_allclose(np.linalg.norm(fused.vectors, axis=1), 1, atol=1e-6)
    # In other words: they rank as the sum of normalised scores does.
    score = (a - np.median(a)) / spreads[0] + (b - np.median(b)) / spreads[1]
    assert np.corrcoef(score, similarities(fused.vectors))[0, 1] > 1 - 1e-9


def test_pairs_of_one_person_have_no_say() -> None:
    """Half of the images are copies: at 1, far above what strangers reach."""
    some = [found(1, 0.1), found(2, 0.5)]
    twice = [
        ImageVectors(np.tile(each.vectors, (2, 1)), {}, np.tile(each.boxes, (2, 1)))
        for each in some
    ]
    people = [str(i % 40) for i in range(80)]
    np.testing.assert_allclose(fusion_shares(twice, people), fusion_shares(some), rtol=0.02)
    with pytest.raises(ProtocolError, match="there is one"):
        fusion_shares(some, ["a"] * 40)


def test_an_image_that_one_model_cannot_embed_has_no_fused_vector() -> None:
    some = [found(1, 0.1, {3: "no face"}), found(2, 0.5, {3: "dark", 7: "no image"})]
    fused = fuse(some, fusion_shares(some))
    assert np.flatnonzero(np.isnan(fused.vectors).all(axis=1)).tolist() == [3, 7]
    assert fused.failures == {3: "no face", 7: "no image"}


def test_refused() -> None:
    with pytest.raises(ProtocolError, match="three images at least"):
        fusion_shares([found(1, 0.1, dict.fromkeys(range(38), "no")), found(2, 0.5)])
    same = ImageVectors(np.eye(8, dtype=np.float32)[np.zeros(40, int)], {}, np.empty((40, 4)))
    with pytest.raises(ProtocolError, match="tell images apart"):
        fusion_shares([same, found(2, 0.5)])
