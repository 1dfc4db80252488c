"""What others changed in the tables is told; schemas and databases that are no galleries."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest

import postgres_server
from facewise.errors import GalleryError
from facewise.gallery import ModelFacts, NewFace, open_store

D = 64
UNCHECKED = "SET session_replication_role = replica"
TURNED = "vector * array_fill(-1, '{64}')::vector"
FACTS = ModelFacts({"model": "probe.postgres"}, D)


@pytest.fixture
def filled(store, rng, crowd):
    """Forty people, four faces each, some with chips; some are gone or moved."""
    for i, vectors in enumerate(crowd(40, 4)):
        with store.change() as change:
            person = change.add_person(f"Person {i}", f"notes {i}", "yes")
            change.add_faces(
                person,
                [
                    NewFace(v, f"{i}/{j}.jpg", (1, 2, 3.5, 4), 0.5, rng.bytes(300 * j) or None)
                    for j, v in enumerate(vectors)
                ],
            )
            change.note("enrol", person, 4, f"folder {i}")
    with store.change() as change:
        change.remove_person(3)
        change.remove_faces([30, 41])
        change.move_faces([50, 61], 9)
    store.erase()
    assert store.check() == []
    return store


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE state SET facts = '{}'", "its state"),
        ("DELETE FROM state", "its state"),
        ("DROP TABLE state", "state"),
        ("DROP TABLE faces CASCADE", "faces"),
        ("UPDATE people SET name = 'Mallory' WHERE id = 5", "person 5"),
        ("UPDATE people SET key = 'mallory' WHERE id = 5", "person 5"),
        ("UPDATE people SET retain_until = '2030-01-01' WHERE id = 5", "person 5"),
        ("UPDATE faces SET person_id = 6 WHERE id = 17", "face 17"),
        ("UPDATE faces SET source = 'x' WHERE id = 17", "face 17"),
        ("UPDATE faces SET quality = 1 WHERE id = 17", "face 17"),
        ("UPDATE faces SET x1 = NULL WHERE id = 17", "face 17"),
        (f"UPDATE faces SET vector = {TURNED} WHERE id = 17", "face 17"),
        ("UPDATE faces SET vector = (SELECT vector FROM faces WHERE id = 18) WHERE id = 17", "17"),
        ("UPDATE chips SET png = '\\x00' WHERE face_id = 2", "chip of face 2"),
        ("UPDATE audit SET count = 0 WHERE id = 2", "entry 2"),
        ("UPDATE face_log SET last = 0 WHERE id = 2", "entry 2"),
        ("DELETE FROM people WHERE id = 7", "39 people, but there are 38"),
        ("DELETE FROM faces WHERE id = 17", "154 faces, but there are 153"),
        ("DELETE FROM chips WHERE face_id = 2", "chips, but there are"),
        ("UPDATE sizes SET last_id = 3 WHERE name = 'people'", "the last of people is 3"),
        ("DELETE FROM search WHERE face_id = 17", "faces: row 17 belongs to nothing in search"),
        ("DROP INDEX faces_of_person", "the index faces_of_person is missing"),
        ("ALTER TABLE faces DROP CONSTRAINT faces_person_id_fkey", "lost its reference"),
        (f"{UNCHECKED}; INSERT INTO chips VALUES (9999, '\\x00', 0)", "chips: row 9999 belongs"),
        (f"{UNCHECKED}; UPDATE faces SET person_id = 999 WHERE id = 17", "faces: row 17 belongs"),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'people_pkey'::regclass",
            "not valid",
        ),
    ],
)
def test_what_others_changed_is_told(filled, sql, statement, told):
    sql(statement)
    try:
        found = filled.check()
    except GalleryError as error:
        found = [str(error)]
    assert any(told in problem for problem in found), found


def test_a_damaged_vector_is_not_given_away(filled, sql):
    sql("UPDATE faces SET vector = (SELECT vector FROM faces WHERE id = 18) WHERE id = 17")
    with pytest.raises(GalleryError, match=r"gallery=\w+: damaged: the vectors of faces 17;"):
        list(filled.vectors())
    with pytest.raises(GalleryError, match="17"):
        filled.vectors_of([16, 17])
    assert len(filled.vectors_of([16, 18]).vectors) == 2
    with filled.change() as change:
        change.remove_faces([17])
    list(filled.vectors())


def test_a_damaged_log_means_to_build_again(filled, sql):
    (version,) = sql("SELECT version FROM face_log WHERE id = 20").fetchone()
    assert filled.changes(version) is not None
    sql("UPDATE face_log SET last = last + 1 WHERE id = 60")
    assert filled.changes(version) is None


def test_a_long_log_is_trimmed(store, monkeypatch, crowd):
    from facewise.gallery.stores.relational import log_table

    monkeypatch.setattr(log_table, "KEPT", 10)
    vector = crowd(1)[0, 0]
    with store.change() as change:
        change.add_person("Ann")
    versions = [store.version()]
    for i in range(30):
        with store.change() as change:
            change.update_person(1, notes=str(i))
            change.add_faces(1, [NewFace(vector)])
        versions.append(store.version())
    found = [store.changes(version) for version in versions]
    assert [None if f is None else len(f.added) for f in found] == [None] * 25 + [*range(5, -1, -1)]


def test_a_schema_of_others(url, sql):
    name = url.rpartition("=")[2]
    sql(f"CREATE SCHEMA {name}")
    with pytest.raises(GalleryError, match="a schema of others"):
        open_store(url)
    sql(f"CREATE TABLE {name}.people (id int)")
    with pytest.raises(GalleryError, match="exists already"):
        open_store(url, create=FACTS)
    sql(f"DROP TABLE {name}.people")
    open_store(url, create=FACTS).close()  # an administrator has made room
    with pytest.raises(GalleryError, match="exists already"):
        open_store(url, create=FACTS)


def test_a_gallery_of_a_newer_format(store, sql, url):
    sql(f"COMMENT ON SCHEMA {url.rpartition('=')[2]} IS 'facewise gallery, format 2'")
    with pytest.raises(GalleryError, match=r"a gallery of format 2; .* format 1"):
        open_store(url)


def test_galleries_side_by_side(url, store, crowd, enrol):
    """In one database, each with its own people, numbers and lock; also the one without a name."""
    enrol(store, crowd(3), "here")
    second = postgres_server.gallery_url()
    with open_store(second, create=FACTS) as other:
        assert other.counts() == (0, 0, 0)
        with store.change() as change, other.change() as beside:  # neither waits
            assert beside.add_person("here0") == 1
            change.add_person("only here")
        assert [person.name for person in other.people()] == ["here0"]
        assert other.identity() != store.identity()


def test_what_the_database_lacks(url):
    plain, name = postgres_server.database_url(), url.rpartition("=")[2]
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'clerk'")
    place = plain.partition("@")[2]
    clerk = postgres_server.of_gallery(f"postgresql://{name}:clerk@{place}", "clerks")
    with pytest.raises(GalleryError, match=r"needs pgvector .*CREATE EXTENSION vector"):
        open_store(clerk, create=FACTS)
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA elsewhere")
        admin.execute("CREATE EXTENSION vector SCHEMA elsewhere")
        admin.execute(f"GRANT USAGE ON SCHEMA elsewhere TO {name}")
    with pytest.raises(GalleryError, match="the user may not do this"):
        open_store(clerk, create=FACTS)
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA clerks AUTHORIZATION {name}")
    with open_store(clerk, create=FACTS) as store:  # whoever owns the schema needs no more
        with store.change() as change:
            vector = [1.0] + [0.0] * (D - 1)
            change.add_faces(change.add_person("Ann"), [NewFace(vector), NewFace(vector)])
        assert store.own_search.make_index()
        assert store.search(np.array([vector], np.float32), 1)[1].tolist() == [[1]]
        with store.change() as change:
            change.remove_faces([2])
        store.erase()
        assert store.check() == []
        with psycopg.connect(plain, autocommit=True) as admin:
            admin.execute(f"ALTER ROLE {name} SET default_transaction_read_only = on")
            admin.execute(f"ALTER ROLE {name} SET statement_timeout = '1h'")
        other = name.replace("g", "h", 1)
        with psycopg.connect(plain, autocommit=True) as admin:
            admin.execute(f"CREATE ROLE {other} LOGIN PASSWORD 'clerk'")
        with pytest.raises(GalleryError, match="may not do this"):  # nobody else may read it
            open_store(clerk.replace(name, other))
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute(f"GRANT USAGE ON SCHEMA clerks, elsewhere TO {other}")
        admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA clerks TO {other}")
    with open_store(clerk.replace(name, other)) as reader:  # who may only read, can
        assert [person.name for person in reader.people()] == ["Ann"]
        assert len(list(reader.vectors())) == 1
        assert reader.search(np.array([vector], np.float32), 1)[1].tolist() == [[1]]
        with pytest.raises(GalleryError, match="may not"), reader.change() as change:
            change.add_person("Ben")


def test_a_database_in_another_encoding(url):
    with psycopg.connect(postgres_server.server().url, autocommit=True) as admin:
        name = "latin" + url[-8:]
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    place = postgres_server.server().url.rpartition("/")[0]
    with pytest.raises(GalleryError, match="a database in LATIN1; expected UTF8"):
        open_store(f"{place}/{name}", create=FACTS)


def test_only_a_password_that_is_given_is_used(store, url, monkeypatch):
    """Not in the URL, but in the environment; and it is not in the store's URL."""
    password = url.partition("@")[0].rpartition(":")[2]
    assert password not in store.url
    assert "gallery=" in store.url
    monkeypatch.setenv("PGPASSWORD", password)
    with open_store(store.url) as other:
        assert other.identity() == store.identity()
