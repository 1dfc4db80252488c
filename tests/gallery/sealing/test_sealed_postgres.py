"""A sealed gallery in PostgreSQL: its server never sees a vector, a chip or the key."""

from __future__ import annotations

import base64
from contextlib import closing

import numpy as np
import pytest

import postgres_server
from byte_search import content, pieces_in
from facewise.errors import GalleryError
from facewise.gallery import ModelFacts, NewFace, open_store
from facewise.gallery.searching import searcher

pytest.importorskip("cryptography", reason="cryptography is not installed")

D = 128
FACTS = ModelFacts({"model": "probe.sealed"}, D)
KEY, NEW = np.random.default_rng(5).bytes(32), bytes(32)


@pytest.fixture
def url():
    return postgres_server.of_gallery(postgres_server.database_url())


@pytest.fixture
def faces(request):
    """Others for each test: the server keeps what it was once given."""
    rng = np.random.default_rng(list(request.node.name.encode()))
    vectors = rng.standard_normal((60, D)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [NewFace(vector, chip=rng.bytes(2000)) for vector in vectors]


def all_files():
    """Of the server: tables of all databases, its log of writes, its messages."""
    data = postgres_server.server().data
    if data is None:
        pytest.skip("the server's files are not on this machine")
    return [path for path in data.rglob("*") if path.is_file()]


def sought_of(faces):
    sought = {f"{i} little": face.vector.astype("<f4").tobytes() for i, face in enumerate(faces)}
    sought |= {f"{i} big": face.vector.astype(">f4").tobytes() for i, face in enumerate(faces)}
    return sought | {f"{i} chip": face.chip for i, face in enumerate(faces)}


def fill(url, faces, key):
    with open_store(url, FACTS, key) as store, store.change() as change:
        change.add_faces(change.add_person("Ann"), faces)


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
def test_no_file_of_the_server_holds_a_face(url, faces, key):
    fill(url, faces, key)
    with open_store(url, key=key) as store:
        [block] = store.vectors()
        np.testing.assert_array_equal(block.vectors, [face.vector for face in faces])
        with closing(searcher(store)) as index:
            index.prepare()
            found = index.search(block.vectors[[5, 50]]).faces[:, 0]
            assert found.tolist() == block.face_ids[[5, 50]].tolist()
        assert store.check() == []
    postgres_server.files_of(url)  # writes everything
    seen = pieces_in(all_files(), sought_of(faces))
    kinds = {label.split()[1] for label in seen}
    if key is not None:
        assert seen == set()
        secrets = (KEY, base64.b64encode(KEY), KEY.hex().encode())
        assert not any(secret in content(file) for file in all_files() for secret in secrets)
    else:
        assert "chip" in kinds
        assert kinds & {"little", "big"}


def test_vectors_that_change_places_are_found_out(url, faces):
    import psycopg

    fill(url, faces, KEY)
    schema = url.rpartition("gallery=")[2]
    with psycopg.connect(postgres_server.plain(url), autocommit=True) as connection:
        tables = f'"{schema}".faces'
        connection.execute(f"CREATE TEMPORARY TABLE kept AS SELECT * FROM {tables}")
        for mine, other in ((3, 17), (17, 3)):
            connection.execute(
                f"UPDATE {tables} SET vector = kept.vector FROM kept "
                "WHERE faces.id = %s AND kept.id = %s",
                (mine, other),
            )
    with open_store(url, key=KEY) as store:
        with pytest.raises(GalleryError, match="damaged: the vectors of faces 3, 17;"):
            list(store.vectors())
        assert store.check() == [f"damaged: the vector of face {face}" for face in (3, 17)]


def test_another_key(url, faces):
    fill(url, faces, KEY)
    with open_store(url, key=KEY) as store:
        store.change_key(NEW)
        assert store.check() == []
    with pytest.raises(GalleryError, match="another key") as refused:
        open_store(url, key=KEY)
    assert postgres_server.server().url.split("@")[0] not in str(refused.value)
    with open_store(url, key=NEW) as store:
        assert len(next(iter(store.vectors())).vectors) == 60
