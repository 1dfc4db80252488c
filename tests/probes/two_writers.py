"""A process that looks things up in a store and changes it, while others do the same.

    python -m two_writers URL WRITER COUNT JOURNAL

Of a hundred operations about 60 are lookups, 30 add a person with one to three faces, 5 rename a
person or move faces to another, and 5 remove a person or a face. A change is one operation, however
many faces it has. The process touches only what is its own, and after every lookup of that compares
it with its journal, which it writes into a file at the end. A key is in FACEWISE_GALLERY_KEY.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from facewise.gallery import ModelFacts, NewFace, Store, open_store

D = 64
FACTS = ModelFacts({"model": "probe.writers"}, D)

_KNOWN = 1000  # different vectors
_LOOKUPS, _ADDS, _EDITS = 0.60, 0.90, 0.95  # shares, summed up


def vectors() -> np.ndarray:
    """The vectors that faces have, float32 (_KNOWN, D)."""
    rows = np.random.default_rng(0).standard_normal((_KNOWN, D), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@dataclass
class Journal:
    """What a writer has done.

    Attributes:
        people: number to name, of those that are there.
        faces: number to owner, number of the vector and source, of those that are there.
        did: how many operations of each kind.
        changes: how many entries of the audit log.
    """

    people: dict[int, str] = field(default_factory=dict)
    faces: dict[int, tuple[int, int, str]] = field(default_factory=dict)
    did: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, path: Path) -> Journal:
        people, faces, did = json.loads(path.read_text())
        return cls(
            {int(id_): name for id_, name in people.items()},
            {int(id_): tuple(face) for id_, face in faces.items()},
            Counter(did),
        )

    def write(self, path: Path) -> None:
        path.write_text(json.dumps([self.people, self.faces, self.did]))


class Writer:
    """Does operations, one after another.

    Args:
        store: that others change too.
        name: of the writer; begins the names of its people.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.journal = Journal()
        self._store = store
        self._name = name
        self._rng = random.Random(name)
        self._vectors = vectors()
        self._people: list[int] = []  # those that are there, to choose from
        self._own: dict[int, list[int]] = {}  # faces of a person
        self._version = store.version()
        self._number = 0

    def step(self) -> None:
        """One operation."""
        self._number += 1
        kind = self._rng.random()
        if len(self._people) < 3:
            did = self._add()
        elif kind < _LOOKUPS:
            did = self._look_up()
        elif kind < _ADDS:
            did = self._add()
        elif kind < _EDITS:
            did = self._rng.choice([self._rename, self._move])()
        else:
            did = self._rng.choice([self._remove_person, self._remove_face])()
        self.journal.did[did] += 1
        if did.startswith("look up"):
            return
        version = self._store.version()
        assert version > self._version
        self._version = version

    def _look_up(self) -> str:
        person = self._rng.choice(self._people)
        name, faces = self.journal.people[person], self._own[person]
        what = self._rng.choice(["person", "name", "faces", "face", "vectors", "people"])
        store = self._store
        if what == "person":
            assert store.person(person).name == name
        elif what == "name":
            assert [found.id for found in store.find_people(name.upper())] == [person]
        elif what == "faces":
            assert [face.id for face in store.faces(person)] == faces
        elif what == "people":
            assert store.people(person - 1, 5)[0].name == name
        elif faces:
            face = self._rng.choice(faces)
            _, known, source = self.journal.faces[face]
            if what == "face":
                assert store.face(face).source == source
            else:
                found = store.vectors_of([face])
                np.testing.assert_array_equal(found.vectors[0], self._vectors[known])
                assert found.person_ids.tolist() == [person]
        return f"look up {what}"

    def _add(self) -> str:
        name = f"{self._name}-{self._number}"
        known = [self._rng.randrange(_KNOWN) for _ in range(self._rng.randint(1, 3))]
        sources = [f"{name}.{i}.jpg" for i in range(len(known))]
        with self._store.change() as change:
            person = change.add_person(name)
            new = [NewFace(self._vectors[k], s) for k, s in zip(known, sources, strict=True)]
            faces = change.add_faces(person, new)
            change.note("enrol", person, len(faces), name)
        self.journal.people[person] = name
        for face, k, source in zip(faces, known, sources, strict=True):
            self.journal.faces[face] = person, k, source
        self._own[person] = list(faces)
        self._people.append(person)
        return "add"

    def _rename(self) -> str:
        person, name = self._rng.choice(self._people), f"{self._name}+{self._number}"
        with self._store.change() as change:
            change.update_person(person, name=name)
            change.note("rename", person)
        self.journal.people[person] = name
        return "rename"

    def _move(self) -> str:
        one, other = self._rng.sample(self._people, 2)
        faces = self._own[one]
        if not faces:
            return self._rename()
        with self._store.change() as change:
            change.move_faces(faces, other)
            change.note("move", other, len(faces))
        for face in faces:
            self.journal.faces[face] = other, *self.journal.faces[face][1:]
        self._own[other] = sorted(self._own[other] + faces)
        self._own[one] = []
        return "move"

    def _remove_person(self) -> str:
        place = self._rng.randrange(len(self._people))
        person = self._people[place]
        with self._store.change() as change:
            count = change.remove_person(person)
            change.note("forget", person, count)
        assert count == len(self._own[person])
        self._people[place] = self._people[-1]
        self._people.pop()
        del self.journal.people[person]
        for face in self._own.pop(person):
            del self.journal.faces[face]
        return "remove person"

    def _remove_face(self) -> str:
        person = self._rng.choice(self._people)
        if not self._own[person]:
            return self._remove_person()
        face = self._own[person].pop()
        with self._store.change() as change:
            change.remove_faces([face])
            change.note("forget", person, 1)
        del self.journal.faces[face]
        return "remove face"


def main(url: str, name: str, count: str, journal: str) -> None:
    with open_store(url, key=os.environ.get("FACEWISE_GALLERY_KEY") or None) as store:
        writer = Writer(store, name)
        for _ in range(int(count)):
            writer.step()
    writer.journal.write(Path(journal))


if __name__ == "__main__":
    main(*sys.argv[1:])
