"""Vectors like those of faces, and a store that keeps them in a dictionary."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.gallery.records import FaceChanges, VectorBlock

DIMENSION = 48


def vectors_of_people(people, faces, dimension=DIMENSION, seed=0, cosine=0.6):
    """Unit vectors (people * faces, d): clusters of about that cosine, unequal directions."""
    rng = np.random.default_rng(seed)
    spread = 1 / np.sqrt(1 + np.arange(dimension) / 16)

    def unit(n):
        x = rng.standard_normal((n, dimension)) * spread
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    centres = np.repeat(unit(people), faces, axis=0)
    x = np.sqrt(cosine) * centres + np.sqrt(1 - cosine) * unit(people * faces)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


class FakeStore:
    """What an index needs of a store; `log` may be emptied to make it forget its changes."""

    def __init__(self, name="store"):
        self.name = name
        self.kept = {}
        self.log = []
        self.reads = 0
        self._version = 100
        self._next = 1

    def add(self, person, vectors):
        ids = list(range(self._next, self._next + len(vectors)))
        self._next += len(vectors)
        self.kept |= {i: (person, v) for i, v in zip(ids, vectors, strict=True)}
        self._log("added", ids)
        return ids

    def remove(self, ids):
        for face in ids:
            del self.kept[face]
        self._log("removed", ids)

    def move(self, ids, person):
        for face in ids:
            self.kept[face] = (person, self.kept[face][1])
        self._log("moved", ids)

    def identity(self):
        return self.name

    def version(self):
        return self._version

    def vectors(self, after_face_id=0, block=8192):
        self.reads += 1
        ids = np.array(sorted(i for i in self.kept if i > after_face_id), np.int64)
        for start in range(0, len(ids), block):
            yield self.vectors_of(ids[start : start + block])

    def vectors_of(self, face_ids):
        ids = [i for i in np.unique(face_ids).tolist() if i in self.kept]
        people = np.array([self.kept[i][0] for i in ids], np.int64)
        vectors = np.array([self.kept[i][1] for i in ids], np.float32)
        return VectorBlock(np.array(ids, np.int64), people, vectors)

    def changes(self, since_version):
        if since_version != 100 and all(version != since_version for version, _, _ in self.log):
            return None
        if not self.log and since_version != self._version:
            return None
        named = {"added": set(), "removed": set(), "moved": set()}
        for version, kind, ids in self.log:
            if version > since_version:
                if kind == "moved":
                    ids = set(ids) - named["added"]
                elif kind == "removed":
                    named["added"].difference_update(ids)
                    named["moved"].difference_update(ids)
                named[kind].update(ids)
        sets = (np.array(sorted(named[kind]), np.int64) for kind in ("added", "removed", "moved"))
        return FaceChanges(*sets, self._version)

    def _log(self, kind, ids):
        self._version += 7
        self.log.append((self._version, kind, list(ids)))


def best(store, probes, k):
    """The answer: face ids, person ids, similarities, each (m, k)."""
    ids, people, vectors = store.vectors_of(np.array(sorted(store.kept)))
    similarities = np.asarray(probes, np.float32) @ vectors.T
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return ids[order], people[order], np.take_along_axis(similarities, order, 1)


def filled(store, people, faces=4, seed=0):
    for person, vectors in enumerate(np.split(vectors_of_people(people, faces, seed=seed), people)):
        store.add(person + 1, vectors)
    return store


@pytest.fixture
def people_vectors():
    return vectors_of_people


@pytest.fixture
def fill():
    """Add people with some faces each to a store."""
    return filled


@pytest.fixture
def best_of():
    """What comparing all faces in float32 answers."""
    return best


@pytest.fixture
def new_store():
    return FakeStore


@pytest.fixture
def store():
    """50 people with 4 faces each."""
    return filled(FakeStore(), 50)
