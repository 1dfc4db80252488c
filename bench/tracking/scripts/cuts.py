"""Scenes with cuts between them: two people, a crowd, and another in somebody's place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path as FilePath

import numpy as np

from bench.tracking.backgrounds import Background, hall, margins, photo
from bench.tracking.cast import Person
from bench.tracking.paths import Path
from bench.tracking.scene import Actor, Script, Shot
from bench.tracking.scripts.acting import act, split

_RATE = 30
_SHOT = 4.0


def cuts(cast: Sequence[Person], shared: FilePath) -> Script:
    """Eight shots of four seconds, one of them shorter, with 22 people."""
    rng = np.random.default_rng(41)
    enrolled, strangers = split(cast)
    a, b, c, d = enrolled[17], enrolled[18], strangers[10], strangers[11]
    crowd = [*enrolled[:12], *strangers[12:18]]
    whigham = shared / "data/photos/people/shea_whigham/1.jpg"
    room = photo(whigham, (1300, 0, 2048, 421), (1280, 720))
    arcade = hall(shared, (480, 0, 1440, 540), (1280, 720))
    square = margins(shared / "data/lfw/lfw-deepfunneled", (1280, 720), np.random.default_rng(6))
    shots = [
        _talk(rng, room, (a, 0), (b, 0)),
        _crowd(rng, square, crowd, 0),
        _talk(rng, room, (a, 1), (c, 0)),  # somebody else stands where b stood
        _talk(rng, arcade, (c, 0), (b, 1)),  # another picture, at the same places
        _crowd(rng, square, crowd, 1),
        _talk(rng, room, (d, 0), (a, 0), seconds=1.5),
        _talk(rng, arcade, (b, 0), (d, 1)),
        _talk(rng, room, (b, 1), (a, 1)),
    ]
    return Script("cuts", 1280, 720, _RATE, shots, quality=25, seed=4)


def _talk(
    rng: np.random.Generator,
    background: Background,
    *two: tuple[Person, int],
    seconds: float = _SHOT,
) -> Shot:
    """Two people, large, who nearly stand still."""
    actors: list[Actor] = []
    for (person, head), x in zip(two, (430.0, 850.0), strict=True):
        keys = [
            (
                time,
                x + rng.uniform(-25, 25),
                380 + rng.uniform(-15, 15),
                180 * rng.uniform(0.97, 1.05),
            )
            for time in np.arange(0, seconds + 2, 1.0)
        ]
        actors.append(act(rng, person, Path(keys), layer=x, head=head, steps=0.3))
    return Shot(seconds, background, actors)


def _crowd(
    rng: np.random.Generator, background: Background, people: Sequence[Person], head: int
) -> Shot:
    """Everybody on a square, in three rows; some go through between the rows."""
    actors: list[Actor] = []
    for place, who in enumerate(rng.permutation(len(people))):
        row, column = divmod(place, 6)
        size = (46.0, 56.0, 70.0)[row]
        x, y = 110 + 212 * column + 45 * (row % 2), 130 + 205 * row
        walks = 0 if column % 3 else rng.uniform(100, 170) * rng.choice([-1, 1])
        keys = [
            (time, x + walks * time / 2 + rng.uniform(-12, 12), y + rng.uniform(-6, 6), size)
            for time in np.arange(0, _SHOT + 2, 1.0)
        ]
        layer = row + (0.5 if walks else 0)
        person = people[int(who)]
        actors.append(act(rng, person, Path(keys), layer=layer, head=head, steps=0.5))
    return Shot(_SHOT, background, actors)
