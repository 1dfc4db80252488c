"""A gallery with everything that files have trouble with, and an empty one."""

from __future__ import annotations

import pytest

from facewise.gallery import open_store
from gallery_files import FACTS, fill


@pytest.fixture
def store(tmp_path, rng):
    with open_store(tmp_path / "people.db", create=FACTS) as store:
        fill(store, rng)
        yield store


@pytest.fixture
def empty(tmp_path):
    with open_store(tmp_path / "new.db", create=FACTS) as store:
        yield store
