"""The process that those to be killed are forked from."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from gallery_crash.killing import Nursery

pytest.register_assert_rewrite("gallery_crash.evidence", "gallery_crash.moving")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    if not hasattr(os, "fork"):
        pytest.skip("no fork on this system")
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()
