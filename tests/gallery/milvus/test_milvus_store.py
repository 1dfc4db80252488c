"""What a store in Milvus does beyond what every store does."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pymilvus", reason="pymilvus is not installed")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")

from facewise.errors import GalleryError
from facewise.gallery import ModelFacts, NewFace, open_store
from facewise.gallery.stores.milvus import blocks, cluster, connection, engine, finding, form
from facewise.gallery.stores.milvus.keys import digests, faces_of, keys_of
from facewise.gallery.stores.milvus.syncing import Syncing
from milvus_server import contents, server_port

D = 32
FACTS = ModelFacts({"model": "probe.milvus"}, D)


@pytest.fixture
def url(tmp_path):
    return f"milvus:///{tmp_path}/people"


@pytest.fixture
def store(url):
    with open_store(url, create=FACTS) as store:
        yield store


@pytest.fixture
def clustered(tmp_path, monkeypatch):
    """As with a Milvus of several services: deletes, compaction, an HNSW graph."""
    monkeypatch.setattr(connection.Connection, "is_lite", lambda self: False)
    name = f"g{abs(hash(str(tmp_path)))}"
    url = f"milvus://127.0.0.1:{server_port()}/{name}?records={tmp_path}/records.db"
    with open_store(url, create=FACTS) as store:
        assert isinstance(store._engine, cluster.ClusterEngine)
        yield store


@pytest.fixture
def unit(rng):
    def make(n):
        vectors = rng.standard_normal((n, D)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return make


def add(store, name, vectors):
    with store.change() as change:
        person = change.add_person(name)
        return person, change.add_faces(person, [NewFace(v) for v in vectors])


class Killed(BaseException):
    pass


def killed_before_the_commit(store, name, vectors):
    """A change whose vectors are in the engine when its process ends."""
    ids = []
    with suppress(Killed), store.change() as change:
        ids += change.add_faces(change.add_person(name), [NewFace(v) for v in vectors])
        store._form.write()
        raise Killed
    return ids


def known(store, vectors):
    """Whether each vector is what search finds for it."""
    _, _, similarities = store.search(vectors, 1)
    return similarities[:, 0] > 0.999


# --- vectors that the ledger does not name


def test_keys_hold_the_face_and_differ_with_the_vector(unit):
    vectors = unit(50)
    keys = keys_of([2**32 - 1] * 50, digests(vectors))
    assert len(set(keys.tolist())) == 50
    assert (keys > 0).all()
    assert set(faces_of(keys).tolist()) == {2**32 - 1}
    assert keys_of([1], digests(vectors[:1])) == keys_of([1], digests(vectors[:1].copy()))
    with pytest.raises(GalleryError, match="numbers up to"):
        keys_of([2**32], digests(vectors[:1]))


@pytest.mark.parametrize("which", ["store", "clustered"])
def test_what_a_killed_change_left_is_in_no_answer(which, request, unit):
    store = request.getfixturevalue(which)
    lost, vectors = unit(6), unit(4)
    ann, first = add(store, "Ann", vectors[:2])
    ids = killed_before_the_commit(store, "Zoe", lost)
    assert len(store._engine.keys()) == 8
    assert not known(store, lost).any()
    assert store.search(vectors[:1], 5)[0].shape == (1, 2)
    ben, second = add(store, "Ben", vectors[2:])  # gets the ids of the lost ones
    assert second == ids[:2]
    found = store.vectors_of(second)
    np.testing.assert_array_equal(found.vectors, vectors[2:])
    faces, people, _ = store.search(vectors, 1)
    assert faces[:, 0].tolist() == first + second
    assert people[:, 0].tolist() == [ann, ann, ben, ben]
    assert not known(store, lost).any()
    [problem] = store.check()
    assert "no face in Milvus: 6" in problem
    assert "not erased yet" in problem
    store.erase()
    assert store.check() == []
    assert len(store._engine.keys()) == 4
    held = contents(store.files())
    assert not any(row.tobytes() in held for row in lost)


def test_what_a_killed_process_still_sends_harms_nothing(store, unit):
    """Its server may get to it when the ids are other faces' already."""
    late, vectors = unit(3), unit(3)
    _, ids = add(store, "Ann", vectors)
    store._engine.write(keys_of(ids, digests(late)), late)
    np.testing.assert_array_equal(store.vectors_of(ids).vectors, vectors)
    assert known(store, vectors).all()
    assert not known(store, late).any()
    store.erase()
    assert store.check() == []
    np.testing.assert_array_equal(store.vectors_of(ids).vectors, vectors)


def test_search_passes_over_many_that_were_removed(store, unit):
    vectors = unit(200)
    person, ids = add(store, "Ann", vectors)
    probe = vectors[:1]
    nearest = np.argsort(-(probe @ vectors.T)[0])
    with store.change() as change:
        change.remove_faces([ids[i] for i in nearest[:150]])
    faces, people, similarities = store.search(probe, 3)
    assert faces[0].tolist() == [ids[i] for i in nearest[150:153]]
    assert set(people[0].tolist()) == {person}
    expected = (probe @ vectors.T)[0][nearest[150:153]]
    np.testing.assert_allclose(similarities[0], expected, atol=1e-5)
    assert store.search(probe, 1000)[0].shape == (1, 50)


def test_search_for_more_than_milvus_gives(store, unit, monkeypatch):
    monkeypatch.setattr(finding, "MOST", 16)
    vectors = unit(60)
    _, ids = add(store, "Ann", vectors[:30])
    _, more = add(store, "Ben", vectors[30:])
    probes = unit(4)
    for k in (3, 16, 17, 100):
        faces, _, similarities = store.search(probes, k)
        order = np.argsort(-(probes @ vectors.T), axis=1)[:, :k]
        np.testing.assert_array_equal(faces, np.array(ids + more)[order])
        expected = np.take_along_axis(probes @ vectors.T, order, axis=1)
        np.testing.assert_allclose(similarities, expected, atol=1e-5)


def test_a_large_change_is_written_in_parts_and_undone_as_one(store, unit, monkeypatch):
    monkeypatch.setattr(form, "_STAGED", 10)
    vectors = unit(64)
    with suppress(Killed), store.change() as change:
        person = change.add_person("Ann")
        for part in np.split(vectors, 16):
            change.add_faces(person, [NewFace(v) for v in part])
        assert len(store._engine.keys()) >= 54
        raise Killed
    assert store.counts() == (0, 0, 0)
    assert store.search(vectors, 1)[0].shape == (64, 0)
    _, ids = add(store, "Ben", vectors)
    np.testing.assert_array_equal(store.vectors_of(ids).vectors, vectors)
    store.erase()
    assert store.check() == []


# --- erasing


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(blocks, "FACES", 16)
    monkeypatch.setattr(blocks, "_UNFLUSHED", 12)


def test_erasing_writes_only_the_blocks_anew_that_held_it(store, unit, small):
    vectors = unit(100)
    _, ids = add(store, "Ann", vectors)
    before = store._engine._partitions()
    assert sorted(before) == list(range(1 + 100 // 16))
    gone = [i for i, face in enumerate(ids) if face // 16 in (2, 5)]
    with store.change() as change:
        change.remove_faces([ids[gone[0]], *(ids[i] for i in gone if ids[i] // 16 == 5)])
    store.erase()
    after = store._engine._partitions()
    assert sorted(set(before) - set(after)) == [5]  # nothing is left of it
    assert [block for block in after if after[block] != before[block]] == [2]
    held = contents(store.files())
    for i, vector in enumerate(vectors):
        stays = i != gone[0] and ids[i] // 16 != 5
        assert (vector.tobytes() in held) == stays
    assert store.check() == []


@pytest.mark.parametrize("which", ["store", "clustered"])
def test_as_many_as_there_should_be_are_not_the_right_ones(which, request, unit):
    """One vector is lost, another is nobody's, and no `check` has met them."""
    store = request.getfixturevalue(which)
    vectors, stray = unit(5), unit(1)
    _, ids = add(store, "Ann", vectors)
    store._engine._call("delete", ids=keys_of(ids[:1], digests(vectors[:1])).tolist())
    store._engine.write(keys_of(ids[:1], digests(stray)), stray)
    assert len(store._engine.keys()) == store.counts().faces
    store.erase()
    assert len(store._engine.keys()) == 4
    assert store.check() == [f"missing in Milvus: the vector of face {ids[0]}"]
    assert stray.tobytes() not in contents(store.files())


@pytest.mark.parametrize(
    "moment", ["create_partition", "insert", "flush", "get_partition_stats", "drop_partition"]
)
def test_erasing_that_was_interrupted_is_finished_by_the_next(
    url, unit, small, monkeypatch, moment
):
    vectors = unit(40)
    calls = []
    real = connection.Connection.call

    def failing(self, method, *args, **options):
        calls.append(method)
        if calls.count(moment) == 2:
            raise Killed
        return real(self, method, *args, **options)

    with open_store(url, create=FACTS) as store:
        _, ids = add(store, "Ann", vectors)
        with store.change() as change:
            change.remove_faces([ids[0], ids[20], ids[39]])
        with monkeypatch.context() as patch:
            patch.setattr(connection.Connection, "call", failing)
            with pytest.raises(Killed):
                store.erase()
        assert len(next(store.vectors()).face_ids) == 37
    with open_store(url) as store:
        rest = np.delete(vectors, [0, 20, 39], axis=0)
        assert known(store, rest).all()
        assert not known(store, vectors[[0, 20, 39]]).any()
        np.testing.assert_array_equal(next(store.vectors()).vectors, rest)
        store.erase()
        assert store.check() == []
        held = contents(store.files())
        assert not any(vectors[i].tobytes() in held for i in (0, 20, 39))
        np.testing.assert_array_equal(next(store.vectors()).vectors, rest)


def test_a_walk_goes_on_while_others_remove(store, unit):
    """Vectors stay in the engine until `erase`, which waits for who reads."""
    ann, _ = add(store, "Ann", unit(10))
    walk = store.vectors(block=3)
    seen = len(next(walk).face_ids)
    with store.change() as change:
        change.remove_person(ann)
    assert seen + sum(len(block.face_ids) for block in walk) == 10
    store.erase()
    assert store.check() == []


# --- a Milvus of several services


def test_as_with_several_services(clustered, unit):
    store, vectors = clustered, unit(300)
    ann, _ = add(store, "Ann", vectors[:150])
    _, b = add(store, "Ben", vectors[150:])
    assert known(store, vectors).mean() > 0.99
    with store.change() as change:
        change.remove_person(ann)
        change.move_faces(b[:5], change.add_person("Carl"))
    assert not known(store, vectors[:150]).any()
    assert len(store._engine.keys()) == 300
    assert ["not erased" in text for text in store.check()] == [True]
    store.erase()
    assert len(store._engine.keys()) == 150
    assert store.check() == []
    block = next(store.vectors())
    assert block.face_ids.tolist() == b
    np.testing.assert_array_equal(block.vectors, vectors[150:])
    assert store.files() == []


# --- damage


def test_vectors_that_are_missing_or_others_are_named(store, unit):
    vectors = unit(8)
    _, ids = add(store, "Ann", vectors)
    keys = keys_of(ids, digests(vectors))
    store._engine._call("delete", ids=keys[[2, 3]].tolist())
    store._engine.write(keys[[3]], unit(1))
    found = store.check()
    assert f"missing in Milvus: the vector of face {ids[2]}" in found
    assert f"damaged: the vector of face {ids[3]}" in found
    assert len(found) == 2
    for look in (lambda: list(store.vectors()), lambda: store.vectors_of(ids)):
        with pytest.raises(GalleryError, match=f"vectors of faces {ids[2]}, {ids[3]};"):
            look()
    np.testing.assert_array_equal(store.vectors_of(ids[4:]).vectors, vectors[4:])
    with store.change() as change:
        change.remove_faces(ids[2:4])
    store.erase()
    assert store.check() == []
    np.testing.assert_array_equal(next(store.vectors()).vectors, np.delete(vectors, [2, 3], axis=0))


def test_another_gallerys_vectors_are_refused(tmp_path, unit):
    for name in ("one", "two"):
        with open_store(f"milvus:///{tmp_path}/{name}", create=FACTS) as store:
            add(store, "Ann", unit(2))
    (tmp_path / "one/vectors").rename(tmp_path / "mine")
    (tmp_path / "two/vectors").rename(tmp_path / "one/vectors")
    with pytest.raises(GalleryError, match=r"one: collection faces is another gallery's"):
        open_store(f"milvus:///{tmp_path}/one")
    with pytest.raises(GalleryError, match=r"two: Milvus has no collection faces; .* gone"):
        open_store(f"milvus:///{tmp_path}/two")
    shutil.rmtree(tmp_path / "two/vectors")
    (tmp_path / "one/vectors").rename(tmp_path / "two/vectors")
    (tmp_path / "mine").rename(tmp_path / "one/vectors")
    for name in ("one", "two"):
        with open_store(f"milvus:///{tmp_path}/{name}") as store:
            assert store.check() == []


def test_an_interrupted_creation_is_finished_when_it_is_opened(url, unit, monkeypatch):
    def interrupted(*_, **__):  # not by `exec`: Python would end with status 130 after all tests
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engine.Engine, "open", interrupted)
        with pytest.raises(KeyboardInterrupt):
            open_store(url, create=FACTS)
    with open_store(url) as store:
        add(store, "Ann", unit(2))
        assert store.check() == []


def test_a_collection_that_is_there_is_not_taken(tmp_path):
    url = f"milvus://127.0.0.1:{server_port()}/g{abs(hash(str(tmp_path)))}?records={tmp_path}/"
    open_store(f"{url}a.db", create=FACTS).close()
    with pytest.raises(GalleryError, match="exists already"):
        open_store(f"{url}b.db", create=FACTS)
    assert not (tmp_path / "b.db").exists()


# --- files and connections


@pytest.mark.skipif(os.name == "nt", reason="no such permissions there")
def test_only_the_owner_can_reach_it(store, tmp_path):
    for folder in (tmp_path / "people", tmp_path / "people/vectors"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    [socket] = [
        path
        for path in Path(os.environ.get("TMPDIR", "/tmp")).glob("facewise-*/milvus")
        if store._engine._connection._client._config.address.endswith(str(path))
    ]
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    store.close()
    assert not socket.parent.exists()


def test_stores_of_one_folder_share_an_engine(url, unit):
    with open_store(url, create=FACTS) as one, open_store(url) as two:
        add(one, "Ann", unit(2))
        one.close()
        one.close()
        add(two, "Ben", unit(2))
        with open_store(url) as three:
            assert three.counts() == (2, 4, 0)
        assert two.check() == []
        assert two._engine._connection._client is not None
    with open_store(url) as again:
        assert again.check() == []


def test_after_a_change_its_files_were_synced(store, unit, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), real(handle)))
    folder = store._folder
    logs = set((folder / "vectors").rglob("wal_data_*"))
    add(store, "Ann", unit(2))
    assert set((folder / "vectors").rglob("wal_data_*")) - logs
    assert len(synced) >= 2  # the log and its folder; SQLite has its own way


def test_syncing_passes_over_what_is_as_it_was(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("facewise.gallery.stores.milvus.syncing.to_disk", synced.append)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_text("1")
    syncing = Syncing(tmp_path)
    syncing.run()
    assert sorted(synced) == [tmp_path, tmp_path / "a", tmp_path / "a/b"]
    synced.clear()
    syncing.run()
    assert synced == []
    (tmp_path / "a/b").write_text("22")
    syncing.run()
    assert synced == [tmp_path / "a/b"]


def test_it_cannot_be_sealed(url):
    with pytest.raises(GalleryError, match="cannot be sealed"):
        open_store(url, create=FACTS, key=bytes(32))


def test_a_server_that_is_not_there(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(connection, "_CONNECT", 0.5)
    url = f"milvus://ann:s3cret@127.0.0.1:1/people?records={tmp_path}/records.db"
    with pytest.raises(GalleryError, match=r"milvus://127\.0\.0\.1:1/people: ") as caught:
        open_store(url, create=FACTS)
    assert "s3cret" not in f"{caught.value!r}{caught.value.__cause__!r}{capfd.readouterr()}"
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_in_no_url(tmp_path, monkeypatch):
    name = f"g{abs(hash(str(tmp_path)))}"
    place = f"127.0.0.1:{server_port()}/{name}"
    url = f"milvus://ann:s3cret@{place}?records={tmp_path}/records.db"
    with open_store(url, create=FACTS) as store:
        assert store.url == f"milvus://{place}?records=sqlite:///{tmp_path}/records.db"
        with open_store(store.url) as again:
            assert again.identity() == store.identity()


@pytest.mark.parametrize("faces", [0, 2])
def test_the_records_are_no_gallery_by_themselves(url, tmp_path, unit, faces):
    """As one they would take vectors that Milvus never sees, and forgetting would miss some."""
    with open_store(url, create=FACTS) as store:
        add(store, "Ann", unit(faces))
    with pytest.raises(GalleryError, match=r"records\.db: the records of a gallery in Milvus"):
        open_store(tmp_path / "people" / "records.db")
    with open_store(url) as store:
        assert store.counts().faces == faces
