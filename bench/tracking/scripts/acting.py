"""How a head moves of itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.tracking.cast import Person
from bench.tracking.paths import Path, Wave
from bench.tracking.scene import Actor


def act(
    rng: np.random.Generator,
    person: Person,
    path: Path,
    *,
    layer: float = 0.0,
    head: int = 0,
    steps: float = 1.0,
) -> Actor:
    """Somebody on a path, with steps, a tilted head, changing light and a turned face.

    Args:
        rng: of all that.
        person: who.
        path: of the middle of the face.
        layer: higher is nearer.
        head: which of the person's pictures.
        steps: how much they bob; 0 for somebody who sits.
    """

    def swing(middle: float, least: float, most: float, slow: float, quick: float) -> Wave:
        rate, phase = rng.uniform(slow, quick), rng.uniform()
        return Wave(middle, rng.uniform(least, most), rate, phase)

    return Actor(
        person,
        person.heads[head],
        path,
        layer,
        bob=swing(0, 0.02 * steps, 0.05 * steps, 1.6, 2.2),
        tilt=swing(rng.uniform(-5, 5), 2, 7, 0.2, 0.6),
        light=swing(rng.uniform(0.85, 1.0), 0.04, 0.12, 0.1, 0.3),
        stretch=swing(0.95, 0.01, 0.04, 0.1, 0.4),
    )


def split(cast: Sequence[Person]) -> tuple[list[Person], list[Person]]:
    """Those who are enrolled, and the strangers."""
    return [p for p in cast if p.enrolled], [p for p in cast if not p.enrolled]
