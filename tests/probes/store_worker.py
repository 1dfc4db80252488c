"""A process that changes a gallery; started by the tests, which kill it or run two at once.

    python -m store_worker URL SEED COUNT KIND

The key of a sealed gallery is in FACEWISE_GALLERY_KEY.
It prints a line before and after everything it does: `enrol NAME COUNT`, `enrolled NAME`,
`forget NAME`, `forgot NAME` (removed), `erased NAME`.
"""

from __future__ import annotations

import random
import sys
import zlib

import numpy as np

from facewise.gallery import ModelFacts, NewFace, open_store
from facewise.gallery.sealing.keys import key_from_environment

D = 128
FACTS = ModelFacts({"model": "probe.worker"}, D)


def vectors(name: str, count: int) -> np.ndarray:
    """The vectors of a person, (count, D), which follow from the name."""
    rows = np.random.default_rng(zlib.crc32(name.encode())).standard_normal((count, D), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def churn(store, seed: int, count: int) -> None:
    """Enrol and forget."""
    rng = random.Random(seed)
    names = [person.name for person in store.people(limit=10**6)]
    for i in range(count):
        if len(names) < 5 or rng.random() < 0.6:
            name, faces = f"N{seed}-{i}", rng.randint(1, 6)
            say("enrol", name, faces)
            new = [
                NewFace(v, f"{name}.jpg", chip=name.encode() * 500 if rng.random() < 0.5 else None)
                for v in vectors(name, faces)
            ]
            with store.change() as change:
                change.note("enrol", change.add_person(name), faces)
                change.add_faces(change.find_people(name)[0].id, new)
            say("enrolled", name)
            names.append(name)
        else:
            name = names.pop(rng.randrange(len(names)))
            say("forget", name)
            with store.change() as change:
                person = change.find_people(name)[0]
                change.note("forget", person.id, change.remove_person(person.id))
            say("forgot", name)
            store.erase()
            say("erased", name)


def grow(store, seed: int, count: int) -> None:
    """Enrol and give every third person away again; read in between."""
    for i in range(count):
        name = f"N{seed}-{i}"
        with store.change() as change:
            person = change.add_person(name)
            change.add_faces(person, [NewFace(v) for v in vectors(name, 2)])
        if [f.person_id for f in store.faces(person)] != [person] * 2:
            raise AssertionError(name)
        if i % 3 == 2:
            with store.change() as change:
                change.remove_person(person)
        if i % 50 == 49:
            store.erase()
            for block in store.vectors():
                np.testing.assert_allclose(np.linalg.norm(block.vectors, axis=1), 1, atol=1e-5)
    say("done")


if __name__ == "__main__":
    url, seed, count, kind = sys.argv[1:]
    with open_store(url, key=key_from_environment()) as opened:
        {"churn": churn, "grow": grow}[kind](opened, int(seed), int(count))
