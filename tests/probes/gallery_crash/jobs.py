"""What a child does, in a loop, until it is killed; it says when something begins and is done."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from facewise import Gallery
from facewise.errors import ExtraMissingError
from facewise.gallery import EnrolOptions, enrolling, migrate
from facewise.gallery.search.hnsw import usearch
from facewise.gallery.transfer import moving
from gallery_crash.world import World, opened

TOGETHER = 3
"""Faces of one transaction, so that some calls have several."""


def say(*words: Any) -> None:
    """A line of a report; at once, and too short to be torn."""
    os.write(1, json.dumps(words).encode() + b"\n")


def warm_up() -> None:
    """Load what a child would have to load; no threads, which would not live in it."""
    for module in ("enrolling", "identifying", "stores.sqlite", "thresholds"):
        import_module(f"facewise.gallery.{module}")
    import_module("facewise.cli")
    with suppress(ExtraMissingError):
        usearch()


def run(job: dict[str, Any]) -> None:
    """Do a job: `kind`, and what that kind wants."""
    os.environ["FACEWISE_CACHE"] = job["cache"]
    if job["fault"] is not None:
        from gallery_crash.faults import FAULTS

        FAULTS[job["fault"]][1]()
    if job["kind"] == "command":
        _command(job["argv"])
        return
    if job["kind"] == "migrate":
        moving.TOGETHER = 16
        with did("migrate"):
            migrate(job["url"], job["target"])
        return
    enrolling.TOGETHER = TOGETHER
    world = World(Path(job["pictures"]), job["people"])
    with opened(job["url"], exact_up_to=job["exact_up_to"]) as gallery:
        rng = random.Random(job["seed"])
        known = {*job["gone"], *(row.person.name for row in gallery.list())}
        new = [name for name in world.paths if name not in known]  # nobody comes back
        rng.shuffle(new)
        _JOBS[job["kind"]](gallery, world, rng, new)


def _command(argv: list[str]) -> None:
    """One run of the real command."""
    from facewise.cli import main

    sys.argv = ["facewise", *argv]
    null, line = os.open(os.devnull, os.O_WRONLY), os.dup(1)
    with did(argv[1]):
        os.dup2(null, 1)  # what it prints is no report
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"{argv}: exit status {end.code}") from end
        finally:
            os.dup2(line, 1)


@contextmanager
def did(*words: Any) -> Iterator[None]:
    """Say that something begins, and that it is done: when the call has returned."""
    say("begin", time.monotonic(), *words)
    yield
    say("done", time.monotonic(), *words)


def _enrol(gallery: Gallery, world: World, rng: random.Random, new: list[str]) -> None:
    while new:
        some = [new.pop() for _ in range(min(rng.randint(1, 3), len(new)))]
        _enrol_some(gallery, world, some, rng)


def _enrol_some(gallery: Gallery, world: World, names: list[str], rng: random.Random) -> None:
    with did("enrol", names):
        chips = EnrolOptions(chips=rng.random() < 0.5)
        gallery.enrol_portraits(world.portraits(names), options=chips)


def _forget(gallery: Gallery, world: World, rng: random.Random, _: list[str]) -> None:
    """Forget people and faces; give people other names or to others, which comes before it."""
    while True:
        people = [row.person.name for row in gallery.list()]
        if len(people) < 3:
            return
        name = rng.choice(people)
        faces = gallery.show(name).faces
        for face in faces:  # so that it is in the cache of results
            gallery.search(world.folder / _place(face.source), 1)
        kind = rng.random()
        if kind < 0.6 or not faces:
            with did("forget", name):
                gallery.forget(name)
        elif kind < 0.8:
            face = rng.choice(faces)
            with did("forget face", name, _place(face.source)):
                gallery.forget(faces=[face.id])
        elif kind < 0.9:
            new = f"{rng.getrandbits(64):016x}"
            with did("rename", name, new):
                gallery.rename(name, new)
        else:
            into = rng.choice([other for other in people if other != name])
            with did("merge", name, into):
                gallery.merge(name, into)


def _index(gallery: Gallery, world: World, rng: random.Random, new: list[str]) -> None:
    """Rebuild; enrol, forget and search, which bring the index up to date."""
    while True:
        kind = rng.random()
        if kind < 0.5:
            with did("rebuild-index"):
                gallery.rebuild_index()
        elif kind < 0.7:
            with did("search"):
                gallery.search(world.paths[rng.choice(list(world.paths))][0], 3)
        elif kind < 0.85 and new:
            _enrol_some(gallery, world, [new.pop()], rng)
        else:
            name = rng.choice([row.person.name for row in gallery.list()])
            with did("forget", name):
                gallery.forget(name)


def _place(source: str) -> str:
    return source.split("#")[0]


_JOBS: dict[str, Callable[[Gallery, World, random.Random, list[str]], None]] = {
    "enrol": _enrol,
    "forget": _forget,
    "index": _index,
}
