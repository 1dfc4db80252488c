"""The synthetic videos: what happens in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.tracking.cast import Person
from bench.tracking.scene import Script
from bench.tracking.scripts.crossings import crossings, crossings_boards, crossings_pillar
from bench.tracking.scripts.cuts import cuts
from bench.tracking.scripts.returns import returns
from bench.tracking.scripts.shaking import shaking
from bench.tracking.scripts.walkers import walkers

SCRIPTS: Mapping[str, Callable[[Sequence[Person], Path], Script]] = {
    "walkers": walkers,
    "crossings": crossings,
    "crossings_pillar": crossings_pillar,
    "crossings_boards": crossings_boards,
    "returns": returns,
    "cuts": cuts,
    "shaking": shaking,
}
"""By name: makes a script of a cast, 20 enrolled people and 20 strangers, and the data folder."""
