"""Kill after kill, on one gallery after another."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from facewise import Gallery
from facewise.gallery import EnrolOptions
from gallery_crash.evidence import Watched
from gallery_crash.killing import Nursery
from gallery_crash.moving import MovedGallery
from gallery_crash.world import World, detector, embedder, index_of

KINDS = ("enrol", "forget", "index", "migrate")

_PEOPLE = 60
_FIRST = {"enrol": 0, "forget": 40, "index": 10, "migrate": 40}  # who are there at the beginning
_FILLERS = {"enrol": 0, "forget": 0, "index": 800, "migrate": 400}
_GRAPH_FROM = {"index": 300}
_BETWEEN = {"enrol": 3, "forget": 3, "index": 3, "migrate": 0}  # operations before a kill, at most


def kills(
    kind: str, count: int, seed: int, nursery: Nursery, folder: Path, fault: str | None = None
) -> Counter[str]:
    """Kill processes that do one kind of job.

    Args:
        kind: see `KINDS`.
        count: of kills.
        seed: of the moments, and of what is done.
        nursery: where they live.
        folder: for the galleries.
        fault: what is wrong with them (`faults.FAULTS`), to see that it is found.

    Returns:
        How often what was found.

    Raises:
        AssertionError: something was lost, came back, or is there in part.
    """
    moments = random.Random(seed)
    world = World(folder / "pictures", _PEOPLE, _FILLERS[kind])
    seen: Counter[str] = Counter()
    watched: Watched | MovedGallery | None = None
    done = galleries = 0
    while done < count:
        if watched is None:
            galleries += 1
            watched = _MAKE.get(kind, _gallery)(kind, world, folder / str(galleries), moments)
        job = watched.job(kind, moments.getrandbits(32)) | {"fault": fault}
        report = nursery.kill_somewhere(job, moments, _BETWEEN[kind])
        watched.verify(report)
        done += report.in_flight is not None
        if report.ended:
            seen += watched.seen
            watched = None
    return seen + (watched.seen if watched else Counter())


def _gallery(kind: str, world: World, home: Path, moments: random.Random) -> Watched:
    """A new gallery with some people, made by a process that nobody kills."""
    watched = Watched(home, world, _GRAPH_FROM.get(kind))
    with watched.cached():
        watched.people = _fill(watched.url, kind, world, moments)
    return watched


def _moved(kind: str, world: World, home: Path, moments: random.Random) -> MovedGallery:
    moved = MovedGallery(home)
    _fill(moved.source, kind, world, moments)
    moved.forget_somebody()
    return moved


def _fill(url: str, kind: str, world: World, moments: random.Random) -> dict[str, frozenset[str]]:
    with Gallery.create(url, embedder(), detector=detector()) as gallery:
        first = moments.sample(list(world.paths), _FIRST[kind])
        gallery.enrol_portraits(world.portraits(first), options=EnrolOptions(chips=True))
        world.fill(gallery)
        if kind in _GRAPH_FROM:
            index_of(gallery, 0.9, _GRAPH_FROM[kind]).prepare()
    return {
        name: frozenset(picture.place for picture in world.pictures[name])
        for name in [*first, *world.fillers]
    }


_MAKE: dict[str, Callable[..., Watched | MovedGallery]] = {"migrate": _moved}
