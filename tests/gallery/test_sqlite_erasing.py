"""What SQLite leaves of removed rows between those that stay, and `erase` takes away."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.gallery import ModelFacts, NewFace, open_store

D = 512


def found(held, pieces):
    """Which of some pieces of 8 bytes occur in a text, at any place."""
    wanted = np.frombuffer(b"".join(pieces), np.uint64)
    seen = np.zeros(len(wanted), bool)
    for start in range(8):
        part = held[start : start + (len(held) - start) // 8 * 8]
        seen |= np.isin(wanted, np.unique(np.frombuffer(part, np.uint64)))
    return [piece for piece, there in zip(pieces, seen, strict=True) if there]


@pytest.mark.slow
def test_copies_that_rows_leave_when_pages_are_balanced_are_erased(tmp_path):
    """Overwriting what is deleted is not enough: rows move between pages while they live."""
    rng = np.random.default_rng(2)
    live, removed = {}, []

    def token():
        return f"{int(rng.integers(1 << 32)):08x}"

    def pieces(name, vector=None):
        data = b"" if vector is None else vector.tobytes()
        return [name.encode(), *(data[i : i + 8] for i in range(0, len(data), 64))]

    path = tmp_path / "people.db"
    with open_store(path, create=ModelFacts({"model": "probe.erase"}, D)) as store:
        for _ in range(120):
            with store.change() as change:
                for _ in range(50):
                    kind = rng.random()
                    if kind < 0.55 or not live:
                        name = token()
                        vector = rng.standard_normal(D).astype(np.float32)
                        vector /= np.linalg.norm(vector)
                        person = change.add_person(name)
                        change.add_faces(person, [NewFace(vector)])
                        live[person] = name, vector
                    elif kind < 0.7:
                        person = int(rng.choice(list(live)))
                        name, vector = live[person]
                        new = token()
                        longer = new + "x" * int(rng.integers(300))
                        change.update_person(
                            person, name=longer, notes="z" * int(rng.integers(500))
                        )
                        live[person] = new, vector
                        removed += pieces(name)
                    else:
                        person = int(rng.choice(list(live)))
                        change.remove_person(person)
                        removed += pieces(*live.pop(person))
        store.erase()
        held = b"".join(file.read_bytes() for file in store.files())
        assert found(held, removed) == []
        kept = [piece for name, vector in live.values() for piece in pieces(name, vector)]
        assert found(held, kept) == kept
        assert store.check() == []
