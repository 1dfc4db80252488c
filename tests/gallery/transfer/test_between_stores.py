"""From every store to every other, with kills on the way; and files from and to each."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from facewise.gallery import ExportOptions, NewFace, migrate, open_store
from facewise.gallery.transfer import moving
from facewise.gallery.transfer.exporting import export
from gallery_files import FACTS, contents, everything, fill, killed, log, take, units
from postgres_server import gallery_url


def milvus_url(folder):
    pytest.importorskip("pymilvus", reason="pymilvus is not installed")
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")
    return f"milvus:///{folder}/milvus"


STORES = {
    "sqlite": lambda folder: f"sqlite:///{folder}/sqlite.db",
    "postgres": lambda _: gallery_url(),
    "milvus": milvus_url,
}


@pytest.mark.parametrize("name", ["postgres", "milvus"])
def test_there_and_back(store, tmp_path, rng, name, monkeypatch):
    """Into the store with an interruption, out of it again, and all is as it was."""
    monkeypatch.setattr(moving, "TOGETHER", 100)
    with store.change() as change:  # gaps, and faces of people mixed
        people = store.people()
        for person in people[:3] * 2:
            change.add_faces(person.id, [NewFace(vector) for vector in units(rng, 2)])
        change.remove_person(people[4].id)
        gone = change.add_person("Gone")
        change.add_faces(gone, [NewFace(units(rng, 1)[0])])
        change.remove_person(gone)
        change.note("identify", people[0].id, 3, "é")
    url = STORES[name](tmp_path)

    def stop(done):
        if done > 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(store, url, done=stop)
    first = migrate(store, url)
    assert 0 < first.copied < first.faces
    with open_store(url) as target:
        assert everything(target) == everything(store)
        assert log(target)[2:-1] == log(store)
        assert target.check() == []
        before = everything(target)
        second = migrate(target, tmp_path / "back.db")
        assert everything(target) == before
        assert target.last_ids() == store.last_ids()
        assert second.checksum == first.checksum
    with open_store(tmp_path / "back.db") as back:
        assert everything(back) == everything(store)
        assert back.last_ids() == store.last_ids()
        assert log(back)[4:-2] == log(store)
        assert back.check() == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["postgres", "milvus"])
def test_kills_on_the_way(store, tmp_path, rng, name):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    place, expected = store.files()[0], everything(store)
    kills = rounds = 0
    while kills < 10:
        rounds += 1
        folder = tmp_path / str(rounds)
        folder.mkdir()
        url = STORES[name](folder)
        for _ in range(4):
            if not killed(place, url, rng.uniform(0.05, 1.5), environment):
                break
            kills += 1
        else:
            assert not killed(place, url, 60, environment)
        with open_store(url) as target:
            assert everything(target) == expected
            assert target.check() == []
        assert rounds < 50


@pytest.mark.parametrize("name", ["postgres", "milvus"])
def test_files_from_and_to_other_stores(store, tmp_path, rng, name):
    with open_store(STORES[name](tmp_path), create=FACTS) as other:
        fill(other, np.random.default_rng(20261122))
        export(other, tmp_path / "a.parquet", ExportOptions(chips=True))
        result = take(other, tmp_path / "a.parquet")
        assert (result.faces, result.skipped) == (0, other.counts().faces)
    folder = tmp_path / "new"
    folder.mkdir()
    with open_store(STORES[name](folder), create=FACTS) as new:
        assert take(new, tmp_path / "a.parquet").faces == store.counts().faces
        parts = ("source", "vector", "box", "quality", "chip")
        assert contents(new, *parts) == contents(store, *parts)
        assert new.check() == []
