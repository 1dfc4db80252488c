"""A sealed gallery at work: nothing that it writes anywhere shows a face."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from byte_search import files_below, forms, pieces_in
from facewise import Gallery
from facewise.gallery import EnrolOptions, ModelFacts, NewFace, open_store
from facewise.gallery.searching import searcher
from facewise.gallery.stores.sqlite.connection import SqliteDatabase

pytest.importorskip("cryptography", reason="cryptography is not installed")

KEY = "a passphrase of the tests"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where everything is written: gallery, cache, temporary files."""
    for name, variable in (
        ("tmp", "TMPDIR"),
        ("tmp", "SQLITE_TMPDIR"),
        ("cache", "FACEWISE_CACHE"),
    ):
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def shared_memory():
    """Of this process, on Linux; but for semaphores, which have no room for a vector."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    return [line for line in lines if "/dev/shm/" in line and "/dev/shm/sem." not in line]


def sought_of(vectors, chips):
    sought = {f"{i} {form}": data for i, v in enumerate(vectors) for form, data in forms(v).items()}
    sought |= {f"{i} float16": v.astype(np.float16).tobytes() for i, v in enumerate(vectors)}
    return sought | {f"{i} chip": chip[64:] for i, chip in enumerate(chips)}


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
def test_faces_of_pictures_in_no_file(home, examples, key):
    """Real faces through all that is done with them; and what the search finds in a plain one."""
    url = home / "people.db"
    with Gallery.create(url, key=key) as gallery:
        gallery.enrol(examples / "people", options=EnrolOptions(chips=True))
        assert "obama" in [row.person.name for row in gallery.list()]
    with Gallery.open(url, key=key) as gallery:
        photos = sorted((examples / "photos").iterdir())
        named = gallery.identify(photos)
        assert "obama" in [name for p in named.images for name in p.faces.data.get("name", [])]
        gallery.search(photos, 2)
        gallery.people()
        gallery.merge("obama", "biden")
        gallery.split([1], "Again")
        gallery.forget(faces=[2])
        gallery.rebuild_index()
        assert gallery.check() == []
        assert gallery.stats().sealed is (key is not None)
        store = gallery.store
        enrolled = next(iter(store.vectors()))
        chips = [store.chip(face) for face in enrolled.face_ids.tolist()]
        assert len(chips) == 2
        probes = np.concatenate([gallery.pipeline.run(photo).embeddings for photo in photos])
        sought = sought_of(enrolled.vectors, chips)
        shown = {f"photo {label}": data for label, data in sought_of(probes, []).items()}
        while_open = pieces_in(files_below(home), sought | shown)
    afterwards = pieces_in(files_below(home), sought | shown)
    assert not shared_memory()
    if key is None:
        seen = {f"{i} {kind}" for i in range(2) for kind in ("float32", "bfloat16", "chip")}
        seen |= {f"photo {i} float32" for i in range(len(probes))}
        assert seen <= afterwards == while_open
    else:
        assert while_open == afterwards == set()
        assert not (home / "cache/results.sqlite").exists()


def test_an_interrupted_enrolment_goes_on(home, examples):
    """What is enrolled is known by the digest of its picture, without the cache of results."""
    with Gallery.create(home / "people.db", key=KEY) as gallery:
        assert gallery.enrol(examples / "people").faces == 3
    with Gallery.open(home / "people.db", key=KEY) as gallery:
        again = gallery.enrol(examples / "people")
        assert (again.faces, again.skipped) == (0, 3)
        gallery.change_key("another passphrase")
    with Gallery.open(home / "people.db", key="another passphrase") as gallery:
        assert gallery.forget("obama").faces == 2
        assert gallery.check() == []


def test_an_old_key_that_is_not_erased_is_a_problem_and_an_old_name_a_note(home, monkeypatch):
    path = home / "people.db"
    with (
        open_store(path, ModelFacts({"model": "probe.sealed"}, 2), bytes(32)) as store,
        store.change() as change,
    ):
        change.add_faces(change.add_person("Ann"), [NewFace([1, 0])])

    def look(key):
        with Gallery.open(path, key=key) as gallery:
            found = gallery.checkup()
        return len(found.problems), len(found.notes)

    def killed(self):
        raise KeyboardInterrupt

    with Gallery.open(path, key=bytes(32)) as gallery:
        gallery.change_key(bytes(range(32)))
        assert look(bytes(range(32))) == (0, 0)
        gallery.rename("Ann", "Anna")
        assert look(bytes(range(32))) == (0, 1)
        with monkeypatch.context() as patch:
            patch.setattr(SqliteDatabase, "rewrite", killed)
            with pytest.raises(KeyboardInterrupt):
                gallery.change_key(bytes(32))
        assert look(bytes(32)) == (1, 0)
        gallery.erase()
        assert look(bytes(32)) == (0, 0)


@pytest.mark.parametrize("key", [None, bytes(32)], ids=["plain", "sealed"])
def test_the_index_of_a_store(home, rng, key):
    """Beside the store, sealed as it is; a second opening reads the files, and sees changes."""
    vectors = rng.standard_normal((600, 96)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    path = home / "people.db"
    with open_store(path, ModelFacts({"model": "probe.sealed"}, 96), key) as store:
        with store.change() as change:
            change.add_faces(change.add_person("Ann"), [NewFace(v) for v in vectors])
        with closing(searcher(store)) as index:
            assert index.search(vectors[[5, 500]]).faces.tolist() == [[6], [501]]
    [segment] = (home / "people.db.index").glob("*.segment")
    content = segment.read_bytes()
    if os.name == "posix":
        assert segment.parent.stat().st_mode & 0o777 == 0o700
    with open_store(path, key=key) as store:
        with closing(searcher(store)) as index:
            assert index.search(vectors[[5, 500]]).faces.tolist() == [[6], [501]]
        assert segment.read_bytes() == content
        with store.change() as change:
            change.remove_faces([6])
        with closing(searcher(store)) as index:
            assert index.search(vectors[5]).faces.tolist() != [[6]]
            assert index.check() == []
    assert not segment.exists()
    seen = pieces_in(files_below(home), sought_of(vectors[[0, 599]], []))
    assert seen == (
        set() if key else {f"{i} {form}" for i in (0, 1) for form in ("float32", "bfloat16")}
    )
