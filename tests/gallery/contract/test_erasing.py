"""What every store has to pass: nothing is left of what was removed."""

from __future__ import annotations

import pytest

from byte_search import pieces_in
from facewise.gallery import NewFace
from milvus_server import contents
from store_contract import FACTS, SealedUrl, open_store, picture


def test_after_erasing_no_file_holds_what_was_removed(url, unit, rng):
    """Vectors, names, notes, sources and chips, among others that come, go and stay."""

    def traces(store, secrets):
        held = contents(store.files())
        return [secret for secret in secrets if secret in held]

    def secrets_of(person, faces, name):
        for face in faces:
            data = face.vector.astype("<f4").tobytes()
            pieces = [*(data[i : i + 16] for i in range(0, len(data), 16)), face.chip[60:80]]
            if isinstance(url, SealedUrl):
                hidden.extend(pieces)
            else:
                yield from pieces
            yield face.source.encode()
        for text in (name, name.casefold(), f"notes {name}", f"consent {name}"):
            yield text.encode()

    def token(n):
        return "".join(rng.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), n))

    live, removed, hidden = {}, [], []
    with open_store(url, create=FACTS) as store, open_store(url) as other:
        if not store.files():
            pytest.skip("not in files of this machine")
        for step in range(200):
            if step % 5 < 3:
                name = f"Q{token(12)}"
                faces = [
                    NewFace(v, f"/photos/{token(14)}.jpg", chip=rng.bytes(100))
                    for v in unit(int(rng.integers(1, 5)))
                ]
                with other.change() as change:
                    person = change.add_person(name, f"notes {name}", f"consent {name}")
                    ids = change.add_faces(person, faces)
                live[person] = (list(secrets_of(person, faces, name)), ids, faces)
            elif step % 5 == 3:
                person = int(rng.choice(list(live)))
                _, ids, faces = live[person]
                name = f"Q{token(12)}" + "x" * int(rng.integers(200))
                gone = list(secrets_of(person, faces[:1], store.person(person).name))
                with store.change() as change:
                    change.update_person(
                        person, name=name, notes=f"notes {name}", consent=f"consent {name}"
                    )
                    change.remove_faces(ids[:1])
                live[person] = (list(secrets_of(person, faces[1:], name)), ids[1:], faces[1:])
                removed += gone
            else:
                person = int(rng.choice(list(live)))
                with store.change() as change:
                    change.remove_person(person)
                removed += live.pop(person)[0]
        kept = [secret for secrets, _, _ in live.values() for secret in secrets]
        assert traces(store, kept) == kept  # the search finds what is there
        assert pieces_in(store.files(), dict(enumerate(hidden))) == set()
        store.erase()
        assert traces(store, removed) == []
        assert pieces_in(store.files(), dict(enumerate(hidden))) == set()
        assert traces(store, kept) == kept
        assert store.check() == other.check() == []
        before = picture(store)
        store.erase()
        assert picture(store) == picture(other) == before
