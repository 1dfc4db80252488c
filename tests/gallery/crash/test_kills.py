"""Kill after kill: nothing that was reported done is lost, nothing forgotten comes back."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import pytest

from gallery_crash.faults import FAULTS
from gallery_crash.killing import Nursery
from gallery_crash.rounds import KINDS, kills

LEAST = {
    "enrol": {"enrol: not there": 20, "enrol: in part": 10, "enrol: there": 10},
    "forget": {"forget: not there": 5, "forget: there": 20, "not erased yet": 20},
    "index": {"rebuild-index": 20, "index: exact": 10, "index: hnsw": 10},
    "migrate": {"in part": 20, "complete": 5},
}
"""What two hundred kills have to meet, and how often: else they are not at random moments."""


@pytest.mark.parametrize("kind", KINDS)
def test_eight_kills(kind: str, nursery: Nursery, tmp_path: Path) -> None:
    kills(kind, 8, 1, nursery, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_kills(
    kind: str, nursery: Nursery, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    seed = secrets.randbits(32)
    record_property("seed", seed)
    sys.stdout.write(f"{kind}: kills with seed {seed}\n")  # which pytest shows of what fails
    seen = kills(kind, 200, seed, nursery, tmp_path)
    sys.stdout.write(f"{kind}: {dict(seen)}\n")
    for what, least in LEAST[kind].items():
        assert seen[what] >= least, seen  # kills met it in different states


@pytest.mark.parametrize("fault", FAULTS)
def test_the_kills_find_what_is_wrong(fault: str, nursery: Nursery, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        kills(FAULTS[fault][0], 60, 1, nursery, tmp_path, fault)
