"""A sealed gallery in a SQLite file: its key, what is exchanged or damaged, another key."""

from __future__ import annotations

import base64
import os
import random
import signal
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing

import numpy as np
import pytest

from facewise.errors import ExtraMissingError, GalleryError
from facewise.gallery import ModelFacts, NewFace, open_store
from facewise.gallery.stores.relational import rows
from facewise.gallery.stores.sqlite import SqliteStore
from facewise.gallery.stores.sqlite.connection import SqliteDatabase

pytest.importorskip("cryptography", reason="cryptography is not installed")

D = 64
FACTS = ModelFacts({"model": "probe.sealed"}, D)
KEY, NEW = bytes(range(32)), bytes(range(32, 64))


def fill(path, rng, key=KEY):
    """Five people with four faces each, every face with a chip."""
    vectors = rng.standard_normal((5, 4, D)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    with open_store(path, FACTS, key) as store:
        for i, some in enumerate(vectors):
            with store.change() as change:
                person = change.add_person(f"Person {i}")
                change.add_faces(person, [NewFace(v, chip=rng.bytes(500)) for v in some])
    return vectors.reshape(-1, D)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.db"


@pytest.fixture
def vectors(path, rng):
    return fill(path, rng)


def database(path):
    return closing(sqlite3.connect(path, isolation_level=None))


def blobs(path):
    with database(path) as file:
        return file.execute("SELECT id, vector FROM faces ORDER BY id").fetchall()


def put(path, face_id, vector):
    """Write the bytes of a vector as somebody does who knows the format but not the key."""
    with database(path) as file:
        [(person,)] = file.execute("SELECT person_id FROM faces WHERE id = ?", (face_id,))
        file.execute(
            "UPDATE faces SET vector = ?, vector_checksum = ? WHERE id = ?",
            (vector, rows.vector_checksum(face_id, person, vector), face_id),
        )


def put_chip(path, face_id, chip):
    with database(path) as file:
        file.execute(
            "UPDATE chips SET png = ?, checksum = ? WHERE face_id = ?",
            (chip, zlib.crc32(chip), face_id),
        )


def held(path):
    return b"".join(file.read_bytes() for file in path.parent.glob("people.db*") if file.is_file())


# --- its key


def test_it_opens_with_its_key_only(path, vectors):
    with open_store(path, key=KEY) as store:
        np.testing.assert_array_equal(next(iter(store.vectors())).vectors, vectors)
        assert store.cipher is not None
    with open_store(path, key=base64.b64encode(KEY).decode()) as store:
        assert len(store.chip(3)) == 500
    for key, match in (
        (None, r"people\.db: is sealed; give its key"),
        (NEW, r"people\.db: another key; it does not open this gallery"),
        ("a passphrase", r"another key; it was sealed with a key of 32 bytes, got a passphrase"),
        (b"short", "expected 32 bytes"),
    ):
        with pytest.raises(GalleryError, match=match):
            open_store(path, key=key)


def test_a_passphrase(path, rng):
    vectors = fill(path, rng, "ein Satz mit ñ")
    with open_store(path, key="ein Satz mit n\u0303") as store:
        np.testing.assert_array_equal(next(iter(store.vectors())).vectors, vectors)
    with pytest.raises(GalleryError, match="another key"):
        open_store(path, key="ein Satz mit n")


def test_a_plain_gallery_takes_no_key(path, rng):
    fill(path, rng, None)
    with open_store(path) as store:
        assert store.cipher is None
        with pytest.raises(GalleryError, match="is not sealed, and has no key to change"):
            store.change_key(KEY)
    with pytest.raises(GalleryError, match="is not sealed, and a key was given"):
        open_store(path, key=KEY)


@pytest.mark.parametrize("key", [b"", "", "short", bytes(31)])
def test_a_key_that_is_none_makes_no_gallery(path, key):
    with pytest.raises(GalleryError, match="key"):
        open_store(path, FACTS, key)
    assert not path.exists()


def test_without_the_package_no_gallery_is_made(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(ExtraMissingError, match="cryptography"):
        open_store(path, FACTS, KEY)
    assert not path.exists()


def test_each_gallery_has_a_data_key_of_its_own(tmp_path, rng):
    ciphers = []
    for name in "ab":
        fill(tmp_path / f"{name}.db", rng)
        with open_store(tmp_path / f"{name}.db", key=KEY) as store:
            ciphers.append(store.cipher)
    assert ciphers[0].key != ciphers[1].key
    data = held(tmp_path / "people.db")
    assert not any(key in data for key in (KEY, ciphers[0].key, ciphers[1].key))


# --- what is exchanged or damaged


def refused(path, faces):
    """Reading and `check` name just these faces."""
    listed = ", ".join(map(str, faces))
    with open_store(path, key=KEY) as store:
        with pytest.raises(GalleryError, match=rf"people\.db: damaged: .* faces {listed};"):
            list(store.vectors())
        with pytest.raises(GalleryError, match=f"faces {faces[0]};"):
            store.vectors_of([faces[0], 2])
        assert store.check() == [f"damaged: the vector of face {face}" for face in faces]
        others = store.vectors_of([face for face in range(1, 21) if face not in faces])
        assert len(others.vectors) == 20 - len(faces)


def test_vectors_that_change_places_are_found_out(path, vectors):
    known = dict(blobs(path))
    put(path, 3, known[17])
    put(path, 17, known[3])
    refused(path, [3, 17])


def test_a_vector_of_another_gallery_is_found_out(path, vectors, tmp_path, rng):
    fill(tmp_path / "other.db", rng)  # with the same key and the same numbers
    put(path, 5, dict(blobs(tmp_path / "other.db"))[5])
    refused(path, [5])


def test_a_vector_that_is_not_sealed_is_found_out(path, vectors):
    put(path, 5, vectors[4].tobytes())
    refused(path, [5])


@pytest.mark.parametrize("checksum", ["right", "wrong"])
def test_a_flipped_bit_is_found_and_named(path, vectors, rng, checksum):
    for face in (1, 9, 20):
        whole = bytearray(dict(blobs(path))[face])
        whole[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        if checksum == "right":
            put(path, face, bytes(whole))
        else:
            with database(path) as file:
                file.execute("UPDATE faces SET vector = ? WHERE id = ?", (bytes(whole), face))
    refused(path, [1, 9, 20])


def test_chips_that_change_places_or_are_damaged(path, vectors):
    with database(path) as file:
        known = dict(file.execute("SELECT face_id, png FROM chips"))
    put_chip(path, 3, known[17])
    put_chip(path, 17, known[3])
    put_chip(path, 9, known[9][:-1])
    put_chip(path, 10, dict(blobs(path))[10])  # of the same face, but its vector
    with open_store(path, key=KEY) as store:
        for face in (3, 9, 10, 17):
            with pytest.raises(GalleryError, match=f"damaged: the chip of face {face}"):
                store.chip(face)
        assert store.check() == [f"damaged: the chip of face {face}" for face in (3, 9, 10, 17)]
        assert len(store.chip(4)) == 500


def test_damage_does_not_stop_forgetting(path, vectors):
    put(path, 5, b"")
    with open_store(path, key=KEY) as store:
        with store.change() as change:
            change.remove_faces([5])
        store.erase()
        assert store.check() == []
        assert len(next(iter(store.vectors())).vectors) == 19


def test_a_damaged_state(path, vectors):
    with database(path) as file:
        file.execute("UPDATE state SET sealing = ''")  # would make it a plain one
    for key in (None, KEY):
        with pytest.raises(GalleryError, match=r"people\.db: damaged \(its state\)"):
            open_store(path, key=key)


def test_removed_sealed_bytes_are_erased(path, vectors):
    gone = dict(blobs(path))[7]
    assert gone in held(path)
    with open_store(path, key=KEY) as store:
        with store.change() as change:
            change.remove_faces([7])
        store.erase()
    assert gone not in held(path)


# --- another key


def wrapped_key(path):
    with database(path) as file:
        return file.execute("SELECT sealing FROM state").fetchone()[0].encode()


def test_another_key(path, vectors):
    before, old = blobs(path), wrapped_key(path)
    with open_store(path, key=KEY) as open_already, open_store(path, key=KEY) as store:
        version, size = store.version(), path.stat().st_size
        store.change_key(NEW)
        assert store.version() > version
        assert store.audit()[0].action == "change-key"
        assert store.changes(version).added.size == 0
        assert store.check() == []
        for each in (store, open_already):
            np.testing.assert_array_equal(next(iter(each.vectors())).vectors, vectors)
        with open_already.change() as change:
            change.add_faces(1, [NewFace(vectors[0])])
    assert old[-100:] not in held(path)  # while it was open too: nothing was written since
    assert blobs(path)[:20] == before
    assert path.stat().st_size == size
    with pytest.raises(GalleryError, match="another key"):
        open_store(path, key=KEY)
    with open_store(path, key=NEW) as store:
        np.testing.assert_array_equal(store.vectors_of([21]).vectors, vectors[:1])
        store.change_key("from 32 bytes to a passphrase")
        assert len(store.chip(1)) == 500
    with open_store(path, key="from 32 bytes to a passphrase") as store:
        for wrong in ("short", b"", None):
            with pytest.raises(GalleryError, match="key: "):
                store.change_key(wrong)
        assert store.check() == []


def test_what_the_old_key_opens_is_gone_at_once(path, vectors):
    old = wrapped_key(path)[-100:]
    assert old in held(path)
    with open_store(path, key=KEY) as store:
        store.change_key(NEW)
        assert old not in b"".join(file.read_bytes() for file in store.files())


class KilledError(Exception):
    pass


def test_interrupted_before_it_is_in_force(path, vectors, monkeypatch):
    def killed(self, *_):
        raise KilledError

    with open_store(path, key=KEY) as store:
        monkeypatch.setattr("facewise.gallery.stores.relational.change.append", killed)
        with pytest.raises(KilledError):
            store.change_key(NEW)
    with open_store(path, key=KEY) as store:
        assert store.check() == []
        assert store.audit() == []
    with pytest.raises(GalleryError, match="another key"):
        open_store(path, key=NEW)


@pytest.mark.parametrize("removed", [False, True])
def test_interrupted_before_the_old_one_is_erased(path, vectors, monkeypatch, removed):
    def killed(self, *_):
        raise KilledError

    old, gone = wrapped_key(path)[-100:], dict(blobs(path))[7]
    with open_store(path, key=KEY) as store:
        if removed:
            with store.change() as change:
                change.remove_faces([7])
        with monkeypatch.context() as patch:
            patch.setattr(SqliteDatabase, "empty_log", killed)
            with pytest.raises(KilledError):
                store.change_key(NEW)
        assert old in b"".join(file.read_bytes() for file in store.files())
        assert "not erased" in store.check()[0]
        with open_store(path, key=NEW) as other:
            other.erase()
            assert other.check() == []
        data = b"".join(file.read_bytes() for file in store.files())
    assert old not in data
    assert (gone in data) is not removed


def test_what_others_remove_meanwhile_stays_to_be_erased(path, vectors, monkeypatch):
    """Changing the key erases only what it overwrote itself."""
    emptied = SqliteDatabase.empty_log

    def later(self):
        with open_store(path, key=NEW) as other, other.change() as change:
            change.remove_faces([7])
        emptied(self)

    with open_store(path, key=KEY) as store:
        monkeypatch.setattr(SqliteDatabase, "empty_log", later)
        store.change_key(NEW)
        monkeypatch.setattr(SqliteDatabase, "empty_log", emptied)
        assert "not erased" in store.check()[0]
        store.erase()
        assert store.check() == []


def test_who_reads_keeps_the_old_one_from_being_erased(path, vectors):
    with SqliteStore(path, 0.05, key=KEY) as store, open_store(path, key=KEY) as reader:
        walk = reader.vectors(block=1)
        next(walk)
        with pytest.raises(GalleryError, match="in use by others"):
            store.change_key(NEW)
        walk.close()
        with open_store(path, key=NEW) as other:
            assert "not erased" in other.check()[0]
            other.erase()
            assert other.check() == []


_WORKER = """
import sys
from facewise.gallery import open_store
keys = [bytes(range(32)), bytes(range(32, 64))]
now = int(sys.argv[2])
with open_store(sys.argv[1], key=keys[now]) as store:
    while True:
        now = 1 - now
        print(now, flush=True)
        store.change_key(keys[now])
        print("done", flush=True)
"""


def opens(path, key):
    try:
        open_store(path, key=key).close()
    except GalleryError as error:
        if "another key" not in str(error):
            raise
        return False
    return True


def test_kill_after_kill(path, vectors):
    """One of the two keys opens it, always: the new one from when it was said to be done."""
    moments, now = random.Random(5), 0
    for _ in range(15):
        process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(path), str(now)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
        )
        said = [process.stdout.readline() for _ in range(moments.randint(1, 6))]
        try:
            process.wait(moments.uniform(0, 0.01))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        said = "".join(said) + process.stdout.read()
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        words = said[: said.rindex("\n")].split()
        sure = words[-1] == "done"
        wanted = int(words[-2] if sure else words[-1])
        [now] = [number for number, key in enumerate((KEY, NEW)) if opens(path, key)]
        with open_store(path, key=(KEY, NEW)[now]) as store:
            found = store.check()
            assert found == [] or "not erased" in found[0]
            np.testing.assert_array_equal(next(iter(store.vectors())).vectors, vectors)
        assert now == wanted or not sure
