"""Files that are no gallery, or one no more: each is named, none is taken for what it was."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import date, datetime, timezone

import numpy as np
import pytest

from facewise.errors import GalleryError
from facewise.gallery import ModelFacts, NewFace, open_store

D = 64
FACTS = ModelFacts({"model": "probe.damage"}, D)


def fill(path, rng, people=40):
    with open_store(path, create=FACTS) as store:
        vectors = rng.standard_normal((people, 4, D)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
        for i, rows in enumerate(vectors):
            with store.change() as change:
                person = change.add_person(
                    f"Person {i}", f"notes {i}", "yes", date(2030, 1, 1 + i % 28)
                )
                change.add_faces(
                    person,
                    [
                        NewFace(v, f"{i}/{j}.jpg", (1, 2, 3.5, 4), 0.5, rng.bytes(300 * j) or None)
                        for j, v in enumerate(rows)
                    ],
                )
                change.note("enrol", person, 4, f"folder {i}")
        with store.change() as change:
            change.remove_person(3)
            change.remove_faces([30, 41])
            change.move_faces([50, 61], 9)


@pytest.fixture
def path(tmp_path, rng):
    fill(tmp_path / "people.db", rng)
    return tmp_path / "people.db"


def content(path):
    """Everything a gallery tells."""
    with open_store(path) as store:
        people = store.people(limit=10**6)
        faces = [face for person in people for face in store.faces(person.id)]
        blocks = [tuple(part.tobytes() for part in block) for block in store.vectors()]
        chips = [store.chip(face.id) for face in faces]
        found = [store.find_people(person.name) for person in people]
        return (
            *(store.identity(), store.facts(), store.version(), store.counts()),
            *(people, faces, blocks, chips, found, store.audit(10**6)),
        )


def problems(path):
    with open_store(path) as store:
        return store.check()


def damage(path):
    """What `check` finds, but for what is not erased yet."""
    return [problem for problem in problems(path) if "not erased" not in problem]


def named(path, call):
    """What `call` gives for the path, or an error that names the file."""
    try:
        return call(path)
    except GalleryError as error:
        if str(path) not in str(error):
            raise
        return error


def is_told(path, before):
    """Whether damage is told: by an error that names the file, or by `check`.

    What changes nothing that the gallery says need not be told.
    """
    found = named(path, content)
    return found == before or isinstance(found, GalleryError) or bool(named(path, damage))


@pytest.mark.parametrize(
    "junk",
    [
        b"x",
        b"Name,Vector\nAnn,0.1\n" * 1000,
        b"\x89HDF\r\n\x1a\n" + bytes(5000),
        bytes(20_000),
        b"SQLite format 3\0",
        b"SQLite format 3\0" + bytes(20_000),
        b"SQLite format 3\0" + bytes(range(256)) * 100,
    ],
    ids=["one-byte", "csv", "h5", "zeros", "magic", "magic-zeros", "magic-junk"],
)
def test_a_file_that_is_no_gallery(tmp_path, junk):
    path = tmp_path / "people.db"
    path.write_bytes(junk)
    with pytest.raises(GalleryError, match=r"people\.db: .*(no gallery|damaged)"):
        open_store(path)
    with pytest.raises(GalleryError, match=r"people\.db: exists already"):
        open_store(path, create=FACTS)
    assert path.read_bytes() == junk


def test_an_empty_file(tmp_path):
    path = tmp_path / "people.db"
    path.touch()
    with pytest.raises(GalleryError, match=r"people\.db: an empty file"):
        open_store(path)
    open_store(path, create=FACTS).close()  # as an interrupted creation may leave it
    assert problems(path) == []


def test_a_database_of_others(tmp_path):
    path = tmp_path / "people.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)")
        database.execute("INSERT INTO people VALUES (1, 'Ann')")
    before = path.read_bytes()
    with pytest.raises(GalleryError, match=r"people\.db: a SQLite file, but no gallery"):
        open_store(path)
    with pytest.raises(GalleryError, match=r"people\.db: exists already"):
        open_store(path, create=FACTS)
    assert path.read_bytes() == before


def test_places_where_no_gallery_can_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(GalleryError, match="no gallery"):
        open_store(tmp_path)
    for name in ("", "missing/people.db", "file/people.db", "x" * 300):
        with pytest.raises(GalleryError, match=r"exists already|cannot be made"):
            open_store(tmp_path / name, create=FACTS)
    for name in ("missing/people.db", "file/people.db"):
        with pytest.raises(GalleryError, match="no such gallery"):
            open_store(tmp_path / name)


def test_a_gallery_of_a_newer_format(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=2")
    with pytest.raises(GalleryError, match=r"people\.db: a gallery of format 2; .* format 1"):
        open_store(path)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE state SET facts = '{}'", "its state"),
        ("DELETE FROM state", "its state"),
        ("DROP TABLE state", "state"),
        ("DROP TABLE faces", "faces"),
        ("UPDATE people SET name = 'Mallory' WHERE id = 5", "person 5"),
        ("UPDATE people SET key = 'mallory' WHERE id = 5", "person 5"),
        ("UPDATE people SET retain_until = NULL WHERE id = 5", "person 5"),
        ("UPDATE faces SET person_id = 6 WHERE id = 17", "face 17"),
        ("UPDATE faces SET person_id = 999 WHERE id = 17", "17"),
        ("UPDATE faces SET source = 'x' WHERE id = 17", "face 17"),
        ("UPDATE faces SET quality = 1 WHERE id = 17", "face 17"),
        ("UPDATE faces SET vector = zeroblob(256) WHERE id = 17", "face 17"),
        ("UPDATE faces SET vector = x'00' WHERE id = 17", "face 17"),
        ("UPDATE chips SET png = x'00' WHERE face_id = 2", "chip of face 2"),
        ("UPDATE audit SET count = 0 WHERE id = 2", "entry 2"),
        ("UPDATE face_log SET last = 0 WHERE id = 2", "entry 2"),
        ("INSERT INTO chips VALUES (9999, x'00', 3523407757)", "belongs to nothing"),
    ],
)
def test_what_others_changed_is_told(path, sql, told):
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(sql)
    found = named(path, damage)
    assert told in str(found)


def test_a_damaged_vector_is_not_given_away(path):
    with closing(sqlite3.connect(path)) as database, database:
        ((vector,),) = database.execute("SELECT vector FROM faces WHERE id = 17")
        turned = bytes([vector[0] ^ 1]) + vector[1:]  # the last bit of a number
        database.execute("UPDATE faces SET vector = ? WHERE id = 17", (turned,))
    with open_store(path) as store:
        with pytest.raises(GalleryError, match=r"people\.db: damaged: the vectors of faces 17;"):
            list(store.vectors())
        with pytest.raises(GalleryError, match="17"):
            store.vectors_of([16, 17])
        assert len(store.vectors_of([16, 18]).vectors) == 2
        with store.change() as change:
            change.remove_faces([17])
        list(store.vectors())


def test_a_damaged_log_means_to_build_again(path):
    with open_store(path) as store:
        assert len(store.changes(store.version()).added) == 0
    with closing(sqlite3.connect(path)) as database, database:
        ((version,),) = database.execute("SELECT version FROM face_log WHERE id = 20")
        database.execute("UPDATE face_log SET last = last + 1 WHERE id = 60")
    with open_store(path) as store:
        assert store.changes(version) is None


def test_a_bit_that_turned_is_told(path, rng):
    """Anywhere in the file: what the gallery then says is as before, or the damage is told."""
    before = content(path)
    whole = path.read_bytes()
    unnoticed = 0
    for place in rng.integers(len(whole), size=300):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        assert is_told(path, before), int(place)
        remove_beside(path)
        path.write_bytes(damaged)
        unnoticed += named(path, damage) == []
        remove_beside(path)
    assert unnoticed < 250  # the test meets bits that matter


def test_a_block_of_zeros_or_junk_is_told(path, rng):
    before = content(path)
    whole = path.read_bytes()
    for place in rng.integers(len(whole) // 512, size=60):
        for junk in (bytes(512), rng.bytes(512)):
            path.write_bytes(whole[: place * 512] + junk + whole[place * 512 + 512 :])
            assert is_told(path, before), int(place)
            remove_beside(path)


def test_a_file_that_was_cut_is_told(path, rng):
    before = content(path)
    whole = path.read_bytes()
    for length in (*rng.integers(1, len(whole), 60), 1, 100, 16384, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert isinstance(named(path, content), GalleryError) or problems(path)
        remove_beside(path)
    path.write_bytes(whole)
    assert content(path) == before


def remove_beside(path):
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def test_a_cut_log_of_writes_loses_its_end_and_no_more(tmp_path, rng):
    """What a power cut may leave of the write-ahead log: whole changes, from the first on."""
    path = tmp_path / "people.db"
    vector = np.full(D, D**-0.5, np.float32)
    open_store(path, create=FACTS).close()
    with open_store(path) as store:
        for i in range(12):
            with store.change() as change:
                person = change.add_person(f"p{i}")
                change.add_faces(person, [NewFace(vector)] * 3)
        log = path.with_name("people.db-wal").read_bytes()
        main = path.read_bytes()
    seen = set()
    for length in (*rng.integers(len(log), size=25), len(log)):
        copy = tmp_path / "copy" / "people.db"
        shutil.rmtree(copy.parent, ignore_errors=True)
        copy.parent.mkdir()
        copy.write_bytes(main)
        copy.with_name("people.db-wal").write_bytes(log[:length])
        with open_store(copy) as store:
            names = [person.name for person in store.people()]
            assert names == [f"p{i}" for i in range(len(names))]
            assert store.counts() == (len(names), 3 * len(names), 0)
            assert store.check() == []
        seen.add(len(names))
    assert max(seen) == 12
    assert len(seen) > 4


def test_ids_and_versions_beside_a_copy_that_was_put_back(path, tmp_path):
    """Versions of the lost future are not known to the copy, even when it has grown past them."""
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)
    future = []
    with open_store(path) as store:
        for i in range(5):
            with store.change() as change:
                change.add_person(f"later {i}")
            future.append(store.version())
    with open_store(copy) as store:
        while store.version() <= future[-1]:
            with store.change() as change:
                change.update_person(1, notes=str(store.version()))
        assert [store.changes(version) for version in future] == [None] * 5


def test_a_long_log_is_trimmed(path, monkeypatch):
    from facewise.gallery.stores.relational import log_table

    monkeypatch.setattr(log_table, "KEPT", 10)
    with open_store(path) as store:
        versions = [store.version()]
        for i in range(30):
            with store.change() as change:
                change.update_person(1, notes=str(i))
                change.add_faces(1, [NewFace(np.full(D, D**-0.5))])
            versions.append(store.version())
        found = [store.changes(version) for version in versions]
        assert [None if f is None else len(f.added) for f in found] == [None] * 25 + [
            5,
            4,
            3,
            2,
            1,
            0,
        ]
        assert store.check()[1:] == []


def test_a_gallery_is_its_owners_alone(path):
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0


def test_names_with_marks_of_urls(tmp_path):
    for name in ("a?mode=ro.db", "b#c.db", "100%41.db", "é ü.db", ":memory:", "file:x.db"):
        path = tmp_path / name
        with open_store(path, create=FACTS) as store, store.change() as change:
            change.add_person("Ann")
        assert path.is_file()
        with open_store(f"sqlite:///{path}") as store:
            assert [person.name for person in store.people()] == ["Ann"]


def test_a_link_to_a_gallery(path, tmp_path):
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with open_store(link) as store, open_store(path) as other:
        with store.change() as change:
            person = change.add_person("Ann", created=datetime.now(timezone.utc))
        assert other.person(person).name == "Ann"
        assert store.files() == other.files()
        assert {file.name for file in store.files()} >= {"people.db", "people.db-wal"}


def test_a_full_disk_undoes_the_change(path):
    """Also when the one who makes the change goes on after the error."""
    before = content(path)
    faces = [NewFace(np.full(D, D**-0.5), chip=bytes(20_000))] * 20

    def go_on(store):
        with store.change() as change:
            change.update_person(1, name="Other")
            with suppress(GalleryError):
                change.add_faces(1, faces)
            with suppress(GalleryError):
                change.update_person(2, name="Others")

    with open_store(path) as store:
        pages = store._writer.value("PRAGMA page_count")
        store._writer.value(f"PRAGMA max_page_count={pages + 3}")
        with pytest.raises(GalleryError, match=r"people\.db: .*full"), store.change() as change:
            change.add_faces(1, faces)
        with pytest.raises(GalleryError, match=r"people\.db: .*undone"):
            go_on(store)
        assert store.version() == before[2]
        store._writer.value("PRAGMA max_page_count=100000")
        assert content(path) == before
        with store.change() as change:
            change.add_faces(1, faces)
        assert store.counts().faces == before[3].faces + 20
