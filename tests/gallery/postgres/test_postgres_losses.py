"""Connections that are lost, and a server that is killed."""

from __future__ import annotations

import random
import threading

import psycopg
import pytest
from bench.postgres import serving

import postgres_server
import store_worker as worker
from facewise.errors import GalleryError
from facewise.gallery import NewFace, open_store
from store_told import Told, start


@pytest.fixture
def cut(sql):
    """Ends all connections of galleries, as a restart does."""

    def end():
        sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'facewise' AND datname = current_database()"
        )

    return end


@pytest.fixture
def url():
    """In a database of its own, whose connections are cut."""
    return postgres_server.of_gallery(postgres_server.database_url(), "people")


def test_the_next_call_connects_again(store, cut, crowd, enrol):
    people = crowd(20)
    (ann, *_), _ = enrol(store, people)
    for call in (
        lambda: store.person(ann).id == ann,
        lambda: store.version() > 0,
        lambda: store.check() == [],
        lambda: store.search(people[0, :1], 1)[1].tolist() == [[ann]],
        lambda: store.search(people[:, 0], 1)[1].shape == (20, 1),
        lambda: sum(len(block.face_ids) for block in store.vectors(block=7)) == 60,
        lambda: len(store.vectors_of([1, 2]).face_ids) == 2,
        lambda: store.changes(store.version()) is not None,
        lambda: enrol(store, crowd(1), f"n{random.random()}") != [],
        lambda: store.erase() is None,
    ):
        cut()
        assert call()
    with store.change() as change:
        change.remove_person(ann)
    cut()
    store.erase()
    assert store.check() == []


def test_a_change_is_undone_whose_connection_is_lost(store, cut):
    def lose():
        with store.change() as change:
            change.add_person("Ann")
            cut()
            change.add_person("Ben")

    with pytest.raises(GalleryError, match="connection to the server was lost"):
        lose()
    assert store.people() == []

    def lose_at_the_end():
        with store.change() as change:
            change.add_person("Ann")
            cut()

    with pytest.raises(GalleryError, match="connection to the server was lost"):
        lose_at_the_end()
    assert store.people() == []

    def go_on():
        with store.change() as change:
            change.add_person("Ann")
            cut()
            for name in ("Ben", "Carl"):
                with pytest.raises(GalleryError, match=r"lost|undone"):
                    change.add_person(name)

    with pytest.raises(GalleryError, match=r"lost|undone"):
        go_on()
    assert store.people() == []
    with store.change() as change:
        change.add_person("Ann")
    assert [person.name for person in store.people()] == ["Ann"]


def test_walking_over_vectors_ends_with_an_error(store, cut, crowd, enrol):
    enrol(store, crowd(2000, 2))
    walk = store.vectors(block=100)
    next(walk)
    cut()
    with pytest.raises(GalleryError, match="lost"):
        list(walk)
    assert sum(len(block.face_ids) for block in store.vectors()) == 4000


@pytest.mark.parametrize("kept", [True, False])
def test_if_the_answer_to_a_commit_is_lost_the_store_finds_out(store, monkeypatch, kept):
    """It says that a change is made when it is, and raises when it is not."""
    writer = store._writer
    real = writer._connection.execute

    def execute(query, *values, **options):
        if query == "COMMIT":
            real("COMMIT" if kept else "ROLLBACK")
            writer._connection.close()
        return real(query, *values, **options)

    monkeypatch.setattr(writer._connection, "execute", execute)

    def change():
        with store.change() as change:
            change.add_person("Ann")

    if kept:
        change()
        assert [person.name for person in store.people()] == ["Ann"]
    else:
        with pytest.raises(GalleryError, match="lost"):
            change()
        assert store.people() == []
    with store.change() as change:
        change.add_person("Ben")
    assert store.check() == []


def test_a_server_that_is_not_there(store):
    with pytest.raises(GalleryError, match=r"postgresql://u@127\.0\.0\.1:1/d: the server cannot"):
        open_store("postgresql://u:secret@127.0.0.1:1/d")
    url = postgres_server.server().url
    user, _, rest = url.partition("//")[2].partition(":")
    wrong = f"postgresql://{user}:wrong-password@{rest.partition('@')[2]}"
    with pytest.raises(GalleryError, match="cannot be reached") as caught:
        open_store(wrong)
    assert "wrong-password" not in str(caught.value)


def test_threads_use_a_store_whose_connections_are_cut(store, cut, crowd, enrol):
    """Whoever reads is not disturbed; a change is made, or is an error and nothing."""
    enrol(store, crowd(5))
    stop, errors, made = threading.Event(), [], []

    def read():
        while not stop.is_set():
            try:
                assert len(store.people(limit=5)) == 5
                assert store.version() > 0
            except BaseException as error:
                errors.append(error)

    def write():
        i = 0
        while not stop.is_set():
            i += 1
            try:
                with store.change() as change:
                    change.add_person(f"w{i}")
                made.append(f"w{i}")
            except GalleryError as error:
                if "lost" not in str(error):
                    errors.append(error)

    threads = [threading.Thread(target=work) for work in (read, read, write)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        cut()
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert made
    assert [p.name for p in store.people(limit=10**6)][5:] == made
    assert store.check() == []


def test_nothing_that_was_done_is_lost_when_the_server_is_killed():
    """SIGKILL, without fsync=off; clients are told, and go on when the server is back."""
    postgres_server.server()  # or a skip
    moments, told = random.Random(5), Told()
    with serving() as server:
        if server.data is None:
            pytest.skip("the server is not ours to kill")
        url = postgres_server.of_gallery(server.url, "people")
        with open_store(url, create=worker.FACTS) as store:
            for round_ in range(3):
                process = start(url, round_, 10**6, "churn")
                said = [process.stdout.readline() for _ in range(moments.randint(10, 40))]
                server.kill()
                told.hear("".join([*said, process.stdout.read()]))
                errors = process.stderr.read()
                assert process.wait() == 1
                last = errors.strip().splitlines()[-1]
                assert "the connection to the server was lost" in last or "be reached" in last
                process.stdout.close()
                process.stderr.close()
                with pytest.raises(GalleryError):
                    store.version()
                server.start()
                told.compare(store)
                store.erase()
                assert store.check() == []
                with store.change() as change:
                    change.note("identify")
    assert told.present


def test_a_search_that_was_interrupted_leaves_the_connection_whole(
    store, crowd, enrol, monkeypatch
):
    people = crowd(30)
    enrol(store, people)
    for _ in range(3):
        monkeypatch.setattr(
            "facewise.gallery.stores.postgres.database.PostgresDatabase.answers",
            lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()),
        )
        with pytest.raises(KeyboardInterrupt):
            store.search(people[0, :1], 2)
        monkeypatch.undo()
        assert store.search(people[0, :1], 1)[0].tolist() == [[1]]
    with psycopg.connect(postgres_server.server().url) as other:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        assert other.execute(sql).fetchone() == (0,)
    with store.change() as change:
        change.add_faces(1, [NewFace(people[0, 0])])
