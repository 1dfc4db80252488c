"""Two processes look up and change at once, and a third follows: nothing is lost or doubled."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facewise.gallery import Store
from store_kinds import KINDS, Kind
from store_told import ENVIRONMENT
from two_writers import FACTS, Journal, vectors


class Follower:
    """Knows whose each face is, from one reading of all and from `changes`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.owners: dict[int, int] = {}
        self.read_again = -1
        self.followed = 0
        self._version = -1
        self._read()

    def follow(self) -> None:
        version = self._store.version()
        assert version >= self._version
        if version == self._version:
            return
        changes = self._store.changes(self._version)
        if changes is None:  # it fell behind what the log keeps
            self._read()
            return
        assert changes.version > self._version
        for face in changes.removed.tolist():
            self.owners.pop(face, None)
        self._take(self._store.vectors_of(np.concatenate([changes.added, changes.moved])))
        self._version = changes.version
        self.followed += 1

    def _read(self) -> None:
        self._version = self._store.version()
        self.owners = {}
        for block in self._store.vectors():
            self._take(block)
        self.read_again += 1

    def _take(self, block: Any) -> None:
        ids, people, _ = block
        self.owners |= dict(zip(ids.tolist(), people.tolist(), strict=True))


def together(kind: Kind, folder: Path, operations: int) -> Counter[str]:
    """Two writers with half of the operations each; how many of which kind there were."""
    url = kind.url(folder)
    kind.open(url, create=FACTS).close()
    journals = [folder / "a.json", folder / "b.json"]
    with kind.open(url) as store:
        follower = Follower(store)  # before they begin, so that it has all to follow
        writers = [_writer(kind, url, path, operations // 2) for path in journals]
        while any(writer.poll() is None for writer in writers):
            follower.follow()
            _pause(next((writer for writer in writers if writer.poll() is None), writers[0]))
        for writer in writers:
            _, errors = writer.communicate()
            assert writer.returncode == 0, errors
            assert errors == ""
        follower.follow()
        a, b = (Journal.read(path) for path in journals)
        _compare(store, a, b)
        assert follower.owners == {
            face: owner for journal in (a, b) for face, (owner, *_) in journal.faces.items()
        }
        assert follower.read_again == 0
        assert follower.followed > 1  # at least once while they wrote, and once after
        store.erase()
        assert store.check() == []
    return a.did + b.did


def _writer(kind: Kind, url: str, journal: Path, operations: int) -> subprocess.Popen[str]:
    arguments = [url, journal.stem, str(operations), str(journal)]
    return subprocess.Popen(
        [sys.executable, "-m", "two_writers", *arguments],
        stderr=subprocess.PIPE,
        env={**ENVIRONMENT, "FACEWISE_GALLERY_KEY": kind.key or ""},
        text=True,
    )


def _pause(writer: subprocess.Popen[str]) -> None:
    """A tenth of a second, or until the writer has ended."""
    try:
        writer.wait(0.1)
    except subprocess.TimeoutExpired:
        return


def _compare(store: Store, a: Journal, b: Journal) -> None:
    """All that the writers have left is there, and nothing else; and the log knows each change."""
    assert not a.people.keys() & b.people.keys()
    assert not a.faces.keys() & b.faces.keys()
    people, faces = a.people | b.people, a.faces | b.faces
    assert store.counts()[:2] == (len(people), len(faces))
    after, seen = 0, 0
    while some := store.people(after):
        for person in some:
            assert person.name == people[person.id]
        seen += len(some)
        after = some[-1].id
    assert seen == len(people)
    known, seen = vectors(), 0
    for ids, owners, found in store.vectors():
        expected = [faces[face] for face in ids.tolist()]
        assert owners.tolist() == [owner for owner, _, _ in expected]
        np.testing.assert_array_equal(found, known[[k for _, k, _ in expected]])
        seen += len(ids)
    assert seen == len(faces)
    for face in list(faces)[:: max(1, len(faces) // 2000)]:
        assert store.face(face).source == faces[face][2]
    did = a.did + b.did
    logged, before = Counter(), None
    while some := store.audit(10_000, before):
        logged.update(entry.action for entry in some)
        before = some[-1].id
    assert logged == {
        "enrol": did["add"],
        "rename": did["rename"],
        "move": did["move"],
        "forget": did["remove person"] + did["remove face"],
    }


@pytest.mark.parametrize("kind", KINDS)
def test_some_thousand_operations(kind: str, tmp_path: Path) -> None:
    together(KINDS[kind], tmp_path, 3000 if kind == "sqlite" else 1200)


@pytest.mark.slow
def test_a_million_operations(tmp_path: Path) -> None:
    began = time.monotonic()
    did = together(KINDS["sqlite"], tmp_path, 1_000_000)
    assert did.total() == 1_000_000
    sys.stdout.write(f"{time.monotonic() - began:.0f} s: {dict(did)}\n")
