"""The searches that are timed give the best row, also over several parts of the gallery."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench import search


@pytest.mark.parametrize("chunk", [7, 64, 1000])
def test_best_rows(rng, monkeypatch, chunk):
    monkeypatch.setattr(search, "_CHUNK", chunk)
    gallery = search.unit_vectors(rng, 64)
    np.testing.assert_allclose(np.linalg.norm(gallery, axis=1), 1, atol=1e-5)
    probes = search.near(rng, gallery, 5)
    similarities = probes @ gallery.T
    assert similarities.max(axis=1) == pytest.approx(0.6, abs=0.1)
    for found in (
        search.search_numpy(gallery, probes),
        search.search_torch(torch.from_numpy(gallery), probes),
    ):
        np.testing.assert_allclose(found[0], similarities.max(axis=1), atol=1e-6)
        assert found[1].tolist() == similarities.argmax(axis=1).tolist()
    values, rows = search.search_torch(torch.from_numpy(gallery).bfloat16(), probes)
    np.testing.assert_allclose(values, similarities.max(axis=1), atol=0.01)
    assert rows.tolist() == similarities.argmax(axis=1).tolist()
