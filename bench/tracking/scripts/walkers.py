"""Eight people, each at a speed and size of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path as FilePath

import numpy as np

from bench.tracking.backgrounds import hall
from bench.tracking.cast import Person
from bench.tracking.paths import Path
from bench.tracking.scene import Actor, Script, Shot
from bench.tracking.scripts.acting import act, split

_SECONDS = 30.0

_WALKS = (
    # from, until, height on the picture, height of the face, pixels a second, x at first
    (0.0, _SECONDS, 110, 48, 45, 250.0),
    (0.0, _SECONDS, 150, 58, 80, 900.0),
    (0.0, _SECONDS, 330, 92, 150, 1100.0),
    (2.0, 24.0, 300, 80, 120, -80.0),
    (0.0, _SECONDS, 540, 150, 210, 200.0),
    (5.0, _SECONDS, 590, 170, 300, 1400.0),
    (9.0, 21.0, 520, 130, 460, -120.0),
    (12.0, _SECONDS, 210, 66, 260, 1350.0),
)


def walkers(cast: Sequence[Person], shared: FilePath) -> Script:
    """To and fro; faces of 48 to 170 pixels, at 45 to 460 pixels a second; some come later."""
    rng = np.random.default_rng(11)
    enrolled, strangers = split(cast)
    people = [*enrolled[:5], *strangers[:3]]
    actors: list[Actor] = []
    for person, (start, end, y, size, speed, x) in zip(people, _WALKS, strict=True):
        path = _to_and_fro(rng, start, end, (x, y), size, speed)
        actors.append(act(rng, person, path, layer=size))
    background = hall(shared, (480, 0, 1440, 540), (1280, 720))
    return Script(
        "walkers", 1280, 720, 25, [Shot(_SECONDS, background, actors)], quality=25, seed=1
    )


def _to_and_fro(
    rng: np.random.Generator,
    start: float,
    end: float,
    place: tuple[float, float],
    size: float,
    speed: float,
) -> Path:
    """From one turning point to the next; whoever's end is before that of the video leaves."""
    x, y = place
    time, keys, right = start, [(start, x, y, size)], x < 640
    while time < end:
        last = x
        x = rng.uniform(900, 1200) if right else rng.uniform(80, 380)
        if end < _SECONDS and time > end - 5:
            x = 1280 + size if right else -size
        time += max(abs(x - last) / (speed * rng.uniform(0.8, 1.2)), 0.2)
        keys.append((time, x, y + rng.uniform(-0.2, 0.2) * size, size * rng.uniform(0.9, 1.15)))
        if not 0 < x < 1280:
            break
        right = not right
    return Path(keys)
