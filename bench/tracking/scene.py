"""A synthetic video on paper: shots with a background, a camera, people and things."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.tracking.cast import Person
from bench.tracking.heads import Head
from bench.tracking.paths import Path, Wave

Picture = NDArray[np.uint8]
Camera = Callable[[float], tuple[float, float]]


def still(_: float) -> tuple[float, float]:
    """A camera on a tripod."""
    return (0.0, 0.0)


_NONE, _ONE = Wave(), Wave(1.0)


@dataclass(frozen=True, eq=False)
class Actor:
    """A head on its way.

    Attributes:
        person: who.
        head: one of theirs.
        path: of the middle of the face; the actor is there from its start to its end.
        layer: those of a higher one are nearer, and hide others.
        bob: what is added to y, in heights of the face.
        tilt: degrees, clockwise.
        light: what the colours are multiplied by.
        stretch: width by height, compared with the picture's: somewhat turned away if below 1.
    """

    person: Person
    head: Head
    path: Path
    layer: float = 0.0
    bob: Wave = _NONE
    tilt: Wave = _NONE
    light: Wave = _ONE
    stretch: Wave = _ONE


@dataclass(frozen=True, eq=False)
class Prop:
    """A thing that hides what is behind it.

    Attributes:
        pixels: float32 (h, w, 4), RGB in 0 to 255 times alpha, and alpha in [0, 1].
        path: of its middle; its size is its height.
        layer: as an actor's.
    """

    pixels: NDArray[np.float32]
    path: Path
    layer: float = 1.0


@dataclass(frozen=True, eq=False)
class Shot:
    """From one cut to the next.

    Attributes:
        seconds: how long.
        background: by the number of the frame within the shot, uint8 RGB (h, w, 3), at least as
            large as the video.
        actors: people; their times count from the beginning of the shot.
        props: things.
        camera: by the time, where the top left corner of the picture is, in pixels of the scene.
    """

    seconds: float
    background: Callable[[int], Picture]
    actors: Sequence[Actor]
    props: Sequence[Prop] = ()
    camera: Camera = still


@dataclass(frozen=True, eq=False)
class Script:
    """A whole video.

    Attributes:
        name: of the video, and of its files.
        width: pixels.
        height: pixels.
        rate: frames a second.
        shots: one after another.
        quality: x264's constant rate factor.
        seed: of its noise.
    """

    name: str
    width: int
    height: int
    rate: int
    shots: Sequence[Shot]
    quality: int = 25
    seed: int = 1
