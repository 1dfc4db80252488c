"""Every store, one after another, for each test of the contract.

The contract itself is in `facewise.gallery.store` and `facewise.gallery.change`.
"""

from __future__ import annotations

import numpy as np
import pytest

from store_contract import FACTS, STORES, D, open_store


@pytest.fixture(params=sorted(STORES))
def url(request, tmp_path):
    if request.param.endswith("-sealed"):
        pytest.importorskip("cryptography", reason="cryptography is not installed")
    if request.param.startswith("milvus"):
        pytest.importorskip("pymilvus", reason="pymilvus is not installed")
        pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(url):
    with open_store(url, create=FACTS) as store:
        yield store


@pytest.fixture
def unit(rng):
    """Makes a vector of unit length, or rows of them."""

    def make(n=None):
        vectors = rng.standard_normal((n or 1, D)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors if n else vectors[0]

    return make
