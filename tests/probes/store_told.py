"""Start processes that change a gallery (`store_worker`), and compare it with what they told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

import store_worker
from facewise.gallery import Store

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def start(
    url: str, seed: int | str, count: int, what: str, key: str | None = None
) -> subprocess.Popen[str]:
    """A worker; see there for the arguments."""
    return subprocess.Popen(
        [sys.executable, "-m", "store_worker", url, str(seed), str(count), what],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**ENVIRONMENT, "FACEWISE_GALLERY_KEY": key or ""},
        text=True,
    )


def stored(store: Store) -> dict[str, NDArray[np.float32]]:
    """The vectors of each person, by name."""
    names = {person.id: person.name for person in store.people(limit=10**6)}
    found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names.values()}
    for block in store.vectors():
        for person, vector in zip(block.person_ids.tolist(), block.vectors, strict=True):
            found[names[person]].append(vector)
    return {name: np.array(rows) for name, rows in found.items()}


class Told:
    """What workers said that they had done, one after another.

    Attributes:
        present: names of people who must be there, or may be in a change that was begun.
        forgotten: names of people who must not be there.
    """

    def __init__(self) -> None:
        self.present: set[str] = set()
        self.forgotten: set[str] = set()
        self._counts: dict[str, int] = {}
        self._begun: set[str] = set()

    def hear(self, text: str) -> None:
        """Take in what one said until it was killed, perhaps in the middle of a line."""
        self._begun = set()
        for what, name, *more in (line.split() for line in _whole(text)):
            if what in {"enrol", "forget"}:
                self._begun = {name}
            if what == "enrol":
                self._counts[name] = int(more[0])
            elif what == "enrolled":
                self._begun = set()
                self.present.add(name)
            elif what == "forgot":
                self._begun = set()
                self.present.discard(name)
                self.forgotten.add(name)

    def compare(self, store: Store) -> None:
        """What was said to be done is so, and nothing else."""
        found = stored(store)
        assert self.present - self._begun <= found.keys() <= self.present | self._begun
        assert not self.forgotten & found.keys()
        for name, vectors in found.items():  # whole, to the last bit
            expected = store_worker.vectors(name, self._counts[name])
            np.testing.assert_array_equal(vectors, expected)
        self.forgotten |= self.present - found.keys()
        self.present = set(found)


def _whole(text: str) -> Iterable[str]:
    return text[: text.rindex("\n")].splitlines()
