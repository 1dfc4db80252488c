"""The real command with the real models, killed while it enrols, forgets or makes the index."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byte_search import files_below, forms, pieces_in
from facewise import Gallery
from facewise.gallery import EnrolOptions
from facewise.gallery.digests import name_in
from gallery_crash.killing import Nursery


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "home" / "cache"))
    return tmp_path / "home" / "cache"


@pytest.fixture(scope="module")
def expected(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By picture: whose it is, the vector and the chip; as enrolling without a kill gives them."""
    url = tmp_path_factory.mktemp("whole") / "people.db"
    with Gallery.create(url, cache=False) as gallery:
        gallery.enrol(examples / "people", options=EnrolOptions(chips=True))
        return _kept(gallery)


def _kept(gallery: Gallery) -> dict[str, Any]:
    found = {}
    for row in gallery.list():
        for face in gallery.show(row.person.id).faces:
            [vector] = gallery.store.vectors_of([face.id]).vectors
            assert name_in(face.source) not in found
            found[name_in(face.source)] = row.person.name, vector, gallery.store.chip(face.id)
    return found


class Command:
    """Runs `facewise gallery …`, and kills it."""

    def run(self, *argv: object) -> None:
        """To its end, which is exit status 0."""

    def kill(self, moments: random.Random, *argv: object) -> bool:
        """Somewhere; whether it had ended before."""


class Forked(Command):
    """In a child of a process that has loaded Python and the packages, and no model."""

    def __init__(self, nursery: Nursery, cache: Path) -> None:
        self._nursery = nursery
        self._cache = cache

    def run(self, *argv: object) -> None:
        assert self._nursery.run(self._job(argv)).done

    def kill(self, moments: random.Random, *argv: object) -> bool:
        return bool(self._nursery.kill_somewhere(self._job(argv), moments, 0).done)

    def _job(self, argv: tuple[object, ...]) -> dict[str, Any]:
        words = ["gallery", *map(str, argv)]
        return {"kind": "command", "argv": words, "cache": str(self._cache), "fault": None}


class Started(Command):
    """`python -m facewise`, killed in the second half of the time that it takes."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def run(self, *argv: object) -> None:
        began = time.monotonic()
        with self._process(argv) as process:
            _, errors = process.communicate()
        assert process.returncode == 0, errors
        self._seconds[str(argv[0])] = time.monotonic() - began

    def kill(self, moments: random.Random, *argv: object) -> bool:
        usual = self._seconds.get(str(argv[0]), self._seconds["enrol"])
        with self._process(argv) as process:
            try:
                process.communicate(timeout=moments.uniform(0.5, 1.05) * usual)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        assert process.returncode in (0, -signal.SIGKILL)
        return process.returncode == 0

    def _process(self, argv: tuple[object, ...]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "facewise", "gallery", *map(str, argv)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )


@pytest.fixture(params=["forked", pytest.param("python -m", marks=pytest.mark.slow)])
def command(request: pytest.FixtureRequest, cache: Path) -> Iterator[Command]:
    if request.param == "forked":
        yield Forked(request.getfixturevalue("nursery"), cache)
    else:
        yield Started()


@pytest.mark.slow
def test_what_the_command_said_is_so(
    command: Command, request: pytest.FixtureRequest, examples: Path, tmp_path: Path, expected: Any
) -> None:
    """Enrol, make the index and forget, each killed and then run to its end; again and again."""
    rounds, moments = 6 if isinstance(command, Started) else 3, random.Random(7)
    url = tmp_path / "home" / "people.db"
    url.parent.mkdir()
    people = examples / "people"
    command.run("create", url)
    command.run("enrol", url, people, "--chips")
    command.run("rebuild-index", url)
    _whole(url, expected)
    for _ in range(rounds):
        command.kill(moments, "rebuild-index", url)
        _whole(url, expected)

        done = command.kill(moments, "forget", url, "obama", "--yes")
        with Gallery.open(url) as gallery:
            left = _kept(gallery)
            problems = gallery.check()
        gone = {place: face for place, face in expected.items() if face[0] == "obama"}
        assert left.keys() in (expected.keys(), expected.keys() - gone.keys())
        forgotten = len(left) < len(expected)
        assert forgotten or not done
        assert problems == [] or (forgotten and "not erased yet" in problems[0])
        if not forgotten:
            command.run("forget", url, "obama", "--yes")
        elif not done:
            command.run("purge-expired", url)
        _nothing_of(gone, url.parent)
        command.run("check", url)

        done = command.kill(moments, "enrol", url, people, "--chips")
        with Gallery.open(url) as gallery:
            left = _kept(gallery)
            assert gallery.check() == []
        assert len(left) in ((3,) if done else (1, 3))
        command.run("enrol", url, people, "--chips")
        _whole(url, expected)


def _whole(url: Path, expected: Any) -> None:
    """Everybody is there once, and is found."""
    with Gallery.open(url) as gallery:
        assert gallery.check() == []
        found = _kept(gallery)
        assert found.keys() == expected.keys()
        for place, (name, vector, chip) in found.items():
            assert (name, chip) == (expected[place][0], expected[place][2])
            np.testing.assert_allclose(vector, expected[place][1], atol=1e-6)
        vectors = np.stack([vector for _, vector, _ in found.values()])
        best = [some[0].name for some in gallery.candidates(vectors)]
        assert best == [name for name, _, _ in found.values()]


def _nothing_of(gone: Any, home: Path) -> None:
    sought = {"name": b"/obama/1"}
    for place, (_, vector, chip) in gone.items():
        sought |= {f"{place} as {form}": text for form, text in forms(vector).items()}
        sought |= {f"{place} as place": place.encode()[-11:], f"{place} as chip": chip[60:]}
    assert pieces_in(files_below(home), sought) == set()
