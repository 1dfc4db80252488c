"""What every store has to pass: its version grows, and it tells what changed since one."""

from __future__ import annotations

import numpy as np

from facewise.gallery import NewFace
from store_contract import add, all_vectors


def test_a_version_grows_with_each_change_of_content(store, unit):
    seen = [store.version()]

    def grown():
        seen.append(store.version())
        return seen[-1] > seen[-2]

    ann, faces = add(store, "Ann", unit(2))
    assert grown()
    for step in (
        lambda c: c.update_person(ann, notes="x"),
        lambda c: c.add_faces(ann, [NewFace(unit())]),
        lambda c: c.move_faces(faces[:1], ann),
        lambda c: c.remove_faces(faces[:1]),
        lambda c: c.remove_person(ann),
    ):
        with store.change() as change:
            step(change)
        assert grown()
    with store.change() as change:
        change.note("identify", None, 3)
    with store.change():
        pass
    store.erase()
    assert not grown()


def test_changes_since_a_version(store, unit):
    start = store.version()
    ann, a = add(store, "Ann", unit(5))
    middle = store.version()
    ben, b = add(store, "Ben", unit(3))
    with store.change() as change:
        change.remove_faces([a[0], a[3], b[1]])
        change.move_faces([a[1], b[0]], ben)
        change.update_person(ann, name="Anna")
    now = store.version()

    def lists(version):
        found = store.changes(version)
        assert found.version == now
        assert all(ids.dtype == np.int64 for ids in found[:3])
        return [ids.tolist() for ids in found[:3]]

    assert lists(now) == [[], [], []]
    assert lists(middle) == [[b[0], b[2]], [a[0], a[3], b[1]], [a[1]]]
    assert lists(start) == [[a[1], a[2], a[4], b[0], b[2]], [a[0], a[3], b[1]], []]
    for never in (0, -1, start - 1, now + 1, 2**62):
        assert store.changes(never) is None


def test_a_copy_follows_by_changes(store, unit, rng):
    """What is kept beside a store and follows its changes is what the store has."""
    people = {}
    version, copy = store.version(), {}
    for step in range(120):
        with store.change() as change:
            for _ in range(rng.integers(1, 4)):
                faces = [face for some in people.values() for face in some]
                kind = rng.integers(5)
                if kind <= 1 or not people:
                    person = change.add_person(f"p{step}.{rng.integers(1 << 60)}")
                    new = [NewFace(v) for v in unit(int(rng.integers(1, 5)))]
                    people[person] = change.add_faces(person, new)
                elif kind == 2:
                    person = int(rng.choice(list(people)))
                    change.remove_person(person)
                    del people[person]
                elif faces:
                    some = rng.choice(faces, min(3, len(faces)), replace=False).tolist()
                    for own in people.values():
                        own[:] = [face for face in own if face not in some]
                    if kind == 3:
                        change.remove_faces(some)
                    else:
                        to = int(rng.choice(list(people)))
                        change.move_faces(some, to)
                        people[to] += some
        if rng.random() < 0.3:
            found = store.changes(version)
            for face in found.removed.tolist():
                copy.pop(face, None)
            block = store.vectors_of(np.concatenate([found.added, found.moved]))
            rows = (block.face_ids.tolist(), block.person_ids.tolist(), block.vectors)
            copy |= {i: (p, v.tobytes()) for i, p, v in zip(*rows, strict=True)}
            version = found.version
            ids, persons, vectors = all_vectors(store)
            assert copy == {
                i: (p, v.tobytes())
                for i, p, v in zip(ids.tolist(), persons.tolist(), vectors, strict=True)
            }
            assert {p: sorted(own) for p, own in people.items()} == {
                p.id: [f.id for f in store.faces(p.id)] for p in store.people()
            }
    store.erase()
    assert store.check() == []
