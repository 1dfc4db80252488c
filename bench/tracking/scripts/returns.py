"""People who leave and come back, and others who come in where somebody has left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path as FilePath

import numpy as np

from bench.tracking.backgrounds import margins
from bench.tracking.cast import Person
from bench.tracking.paths import Path
from bench.tracking.scene import Actor, Script, Shot
from bench.tracking.scripts.acting import act, split

_SECONDS = 40.0

_VISITS = (
    # who, which of the pictures, from, until, comes from, leaves to, height on the picture, size
    (0, 0, 0.0, 5.0, "left", "right", 300, 130),
    (1, 0, 1.0, 7.0, "right", "left", 420, 110),
    (2, 0, 5.2, 11.0, "right", "right", 300, 130),  # comes in where 0 has just left
    (0, 0, 8.0, 13.0, "right", "left", 320, 140),  # the same picture, 3 s later
    (3, 0, 7.3, 14.0, "left", "right", 420, 110),  # where 1 has just left
    (1, 1, 12.0, 18.0, "left", "right", 400, 120),  # another picture
    (4, 0, 13.4, 20.0, "left", "left", 320, 140),  # where 0 has just left
    (2, 1, 17.0, 23.0, "left", "right", 250, 150),
    (5, 0, 18.5, 24.0, "right", "right", 400, 120),  # where 1 has just left
    (3, 1, 20.0, 27.0, "right", "left", 500, 100),
    (0, 1, 24.5, 30.0, "right", "left", 260, 135),
    (6, 0, 24.0, 30.0, "left", "right", 480, 125),
    (4, 0, 27.5, 33.0, "left", "right", 330, 150),  # the same picture, 7.5 s later
    (5, 1, 30.0, 37.0, "right", "left", 440, 115),
    (1, 0, 30.3, 36.0, "left", "right", 260, 135),  # where 0 has just left
    (6, 1, 33.5, 40.0, "right", "right", 330, 150),  # where 4 has just left
    (2, 0, 36.5, 40.0, "left", "left", 440, 115),
)
"""Their times overlap by two or three people."""


def returns(cast: Sequence[Person], shared: FilePath) -> Script:
    """Seven people in 17 visits, four of the seven enrolled."""
    rng = np.random.default_rng(31)
    enrolled, strangers = split(cast)
    people = [enrolled[13], strangers[7], enrolled[14], strangers[8], enrolled[15], strangers[9]]
    people.append(enrolled[16])
    actors: list[Actor] = []
    for who, head, start, end, source, target, y, size in _VISITS:
        outside = {"left": -0.9 * size, "right": 1280 + 0.9 * size}
        turn = rng.uniform(500, 780)
        middle = (start + end) / 2
        keys = [
            (start, outside[source], y, size),
            (middle - 0.4, turn, y + rng.uniform(-30, 30), size * rng.uniform(0.95, 1.15)),
            (middle + 0.4, turn + rng.uniform(-20, 20), y, size),
            (end, outside[target], y + rng.uniform(-20, 20), size),
        ]
        actors.append(act(rng, people[who], Path(keys), layer=size, head=head))
    lfw = shared / "data/lfw/lfw-deepfunneled"
    background = margins(lfw, (1280, 720), np.random.default_rng(5))
    return Script(
        "returns", 1280, 720, 25, [Shot(_SECONDS, background, actors)], quality=25, seed=3
    )
