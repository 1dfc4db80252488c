"""A camera in a hand that pans over a hall."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path as FilePath

import numpy as np

from bench.tracking.backgrounds import hall
from bench.tracking.cast import Person
from bench.tracking.paths import Path, Wave
from bench.tracking.scene import Script, Shot
from bench.tracking.scripts.acting import act, split

_SECONDS = 20.0

_PLACES = (
    # x at first and at last, y, size; in pixels of the hall, which is 3,840 wide
    (500, 900, 480, 150),
    (1200, 700, 640, 190),
    (1750, 1750, 430, 120),
    (2300, 2750, 560, 165),
    (3100, 2500, 650, 210),
    (3400, 3300, 400, 105),
)


def shaking(cast: Sequence[Person], shared: FilePath) -> Script:
    """1080p; the camera goes to the other end and back, and its hand trembles."""
    rng = np.random.default_rng(51)
    enrolled, strangers = split(cast)
    people = [enrolled[19], strangers[18], enrolled[2], strangers[19], enrolled[6], strangers[0]]
    actors = [
        act(rng, person, Path([(0, x, y, size), (_SECONDS, end, y, 1.1 * size)]), layer=size)
        for person, (x, end, y, size) in zip(people, _PLACES, strict=True)
    ]
    pan = Path(
        [(0, 60, 60, 1), (2, 60, 60, 1), (9, 1840, 60, 1), (12, 1840, 60, 1), (17, 200, 60, 1)]
    )
    hand = [
        Wave(0, rng.uniform(3, 9), rate, rng.uniform()) for rate in (0.7, 2.3, 5.1, 0.9, 3.1, 7)
    ]

    def camera(time: float) -> tuple[float, float]:
        x, y, _ = pan.at(time)
        tremble = [wave.at(time) for wave in hand]
        return (x + sum(tremble[:3]), y + sum(tremble[3:]))

    background = hall(shared, (0, 0, 1920, 600), (3840, 1200))
    shot = Shot(_SECONDS, background, actors, camera=camera)
    return Script("shaking", 1920, 1080, 25, [shot], quality=26, seed=5)
