"""Two pairs who cross again and again, in every way: the traps of association."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path as FilePath

import numpy as np

from bench.tracking.backgrounds import board, hall, photo, pillar
from bench.tracking.cast import Person
from bench.tracking.paths import Path, straight
from bench.tracking.scene import Actor, Prop, Script, Shot
from bench.tracking.scripts.acting import act, split

_SECONDS = 40.0
_LEFT, _RIGHT, _MIDDLE = 190.0, 1090.0, 640.0

Keys = list[tuple[float, float, float, float]]
Move = Callable[["_Pair", float], None]


class _Pair:
    """Two people and the keys of their ways; the first is nearer.

    Args:
        y: height on the picture.
        size: of their faces.
    """

    def __init__(self, y: float, size: float) -> None:
        self.y, self.size, self.time = y, size, 0.0
        self.sides = [_LEFT, _RIGHT]
        self.keys: tuple[Keys, Keys] = ([(0.0, _LEFT, y, size)], [(0.0, _RIGHT, y, size)])

    def go(self, after: float, first: float, second: float, drop: float = 0.0) -> None:
        """Both are at an x after so many seconds; the second lower by `drop` faces."""
        self.time += after
        self.keys[0].append((self.time, first, self.y, self.size))
        self.keys[1].append((self.time, second, self.y + drop * self.size, self.size))

    def rest(self, seconds: float = 0.5) -> None:
        self.go(seconds, *self.sides)


def _pass(drop: float = 0.0) -> Move:
    """Walk past each other, to the other's place."""

    def move(pair: _Pair, seconds: float) -> None:
        first, second = pair.sides
        pair.go(seconds / 2, _MIDDLE, _MIDDLE, drop)
        pair.sides = [second, first]
        pair.go(seconds / 2, second, first)
        pair.rest()

    return move


def _bounce(near: float, wait: float) -> Move:
    """Meet in the middle, `near` faces apart, wait, and go back."""

    def move(pair: _Pair, seconds: float) -> None:
        first, second = pair.sides
        apart = near * pair.size / 2 * (1 if first < second else -1)
        pair.go((seconds - wait) / 2, _MIDDLE - apart, _MIDDLE + apart)
        pair.go(wait, _MIDDLE - apart, _MIDDLE + apart)
        pair.go((seconds - wait) / 2, first, second)
        pair.rest()

    return move


def _visit(pair: _Pair, seconds: float) -> None:
    """The first goes beyond the second, who stands, and back again."""
    first, second = pair.sides
    beyond = second + (120 if second > first else -120)
    pair.go(seconds / 2, beyond, second)
    pair.go(seconds / 2, first, second)
    pair.rest()


_MOVES: Sequence[tuple[Move, float]] = (
    (_pass(), 4.0),
    (_bounce(0.35, 0.4), 4.0),
    (_pass(0.4), 3.0),
    (_bounce(0.0, 0.6), 3.5),
    (_pass(), 2.0),
    (_visit, 4.5),
    (_bounce(0.5, 1.0), 4.0),
    (_pass(-0.4), 5.0),
    (_pass(0.2), 2.5),
    (_bounce(0.0, 0.2), 3.0),
)


def crossings(cast: Sequence[Person], shared: FilePath) -> Script:
    """Nothing but people: one hides the other, partly or wholly, in passing or turning back."""
    enrolled, strangers = split(cast)
    background = hall(shared, (0, 0, 960, 540), (1280, 720))
    people = [*enrolled[5:8], strangers[3]]
    return _script("crossings", background, people, rng=np.random.default_rng(21))


def crossings_pillar(cast: Sequence[Person], shared: FilePath) -> Script:
    """A pillar stands where they meet."""
    enrolled, strangers = split(cast)
    path = shared / "data/photos/people/shea_whigham/1.jpg"
    background = photo(path, (1300, 0, 2048, 421), (1280, 720))
    people = [strangers[4], enrolled[8], enrolled[9], strangers[5]]
    thing = Prop(pillar(shared, 150, 720), Path([(0, 640, 360, 720), (99, 640, 360, 720)]), 9)
    rng = np.random.default_rng(22)
    return _script("crossings_pillar", background, people, rng=rng, props=[thing])


def crossings_boards(cast: Sequence[Person], shared: FilePath) -> Script:
    """Boards are carried through the picture, before everybody."""
    enrolled, strangers = split(cast)
    background = hall(shared, (960, 0, 1920, 540), (1280, 720))
    people = [*enrolled[10:13], strangers[6]]
    thing = board(shared, 230, 290)
    props = []
    for start, y, rightwards in (
        (3, 215, 1),
        (9, 500, 0),
        (17, 500, 1),
        (24, 215, 0),
        (31, 480, 1),
    ):
        ends = (-150.0, 1430.0) if rightwards else (1430.0, -150.0)
        path = straight(start, start + 6, (ends[0], y), (ends[1], y), 290)
        props.append(Prop(thing, path, 9))
    rng = np.random.default_rng(23)
    return _script("crossings_boards", background, people, rng=rng, props=props)


def _script(
    name: str,
    background: Callable[[int], np.ndarray],
    people: Sequence[Person],
    *,
    rng: np.random.Generator,
    props: Sequence[Prop] = (),
) -> Script:
    actors: list[Actor] = []
    for row, (y, size) in enumerate(((215.0, 100.0), (500.0, 125.0))):
        pair = _Pair(y, size)
        pair.rest(rng.uniform(0.2, 1.0))
        while pair.time < _SECONDS:
            for place in rng.permutation(len(_MOVES)):
                move, seconds = _MOVES[place]
                move(pair, seconds)
        for layer, keys in enumerate(pair.keys):
            person = people[2 * row + layer]
            actors.append(act(rng, person, Path(keys), layer=2 * row + 1 - layer))
    shot = Shot(_SECONDS, background, actors, props)
    return Script(name, 1280, 720, 25, [shot], quality=26, seed=int(rng.integers(1000)))
