"""The file of an album: whole, private, refused where it is something else."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from facewise.curation.clustering import Album
from facewise.curation.clustering.records import NewFace, PhotoFile
from facewise.errors import CurationError
from facewise.gallery.model_facts import ModelFacts
from invented_album import JPEG, add, album_in
from invented_people import invented, near


def test_what_was_put_in_is_there_after_reopening(tmp_path):
    vectors, _ = invented(2, 2)
    with album_in(tmp_path) as album:
        add(album, vectors, photos=[0, 0, 1, 2], qualities=[0.1, 0.2, 0.3, 0.4])
        identity = album.fact("id")
    with Album.open(tmp_path / "people.album") as album:
        assert album.fact("id") == identity
        assert album.facts == ModelFacts({"model": "invented"}, 64)
        table = album.table()
        assert table.vectors.tolist() == vectors.tolist()
        assert table.photos.tolist() == [1, 1, 2, 3]
        assert table.qualities == pytest.approx([0.1, 0.2, 0.3, 0.4])
        assert album.thumbnail(2) == JPEG
        assert album.thumbnail(9) is None
        assert len(album.files()) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["people.album"]  # one file


def test_only_its_owner_may_read_it(tmp_path):
    album_in(tmp_path).close()
    assert (tmp_path / "people.album").stat().st_mode & 0o077 == 0


def test_file_names_that_are_no_text(tmp_path):
    path = Path(os.fsdecode(bytes(tmp_path) + b"/\xff\xfe.jpg"))
    with album_in(tmp_path) as album:
        with album.change():
            album.add_photo(PhotoFile(path, 1, 2), "ab", (3, 4), [])
        assert album.files() == {path: PhotoFile(path, 1, 2)}
        assert album.photo_files() == {1: [path]}


def test_copies_of_a_photo_are_one_photo(tmp_path):
    face = NewFace((0, 0, 1, 1), 1, 1, np.eye(64, dtype=np.float32)[0], JPEG)
    with album_in(tmp_path) as album:
        with album.change():
            album.add_photo(PhotoFile(tmp_path / "a.jpg", 1, 1), "ab", (3, 4), [face])
            album.add_photo(PhotoFile(tmp_path / "b.jpg", 1, 1), "ab", (3, 4), [face])
        assert len(album.faces()) == 1
        assert album.photo_files() == {1: [tmp_path / "a.jpg", tmp_path / "b.jpg"]}


def test_a_change_is_whole_or_not_at_all(tmp_path):
    with album_in(tmp_path) as album:
        with pytest.raises(ZeroDivisionError), album.change():
            album.add_photo(
                PhotoFile(tmp_path / "a.jpg", 1, 1 // len(album.files())), "", (0, 0), []
            )
        add(album, invented(1, 2)[0])
        with pytest.raises(IndexError), album.change():
            album.put([1, 2], [album.add_cluster()][album.count() - 1])
        assert album.clusters() == []
        assert album.unsorted() == 2


def test_other_files_are_refused(tmp_path):
    with pytest.raises(CurationError, match="no such album"):
        Album.open(tmp_path / "none.album")
    (tmp_path / "text").write_text("not a database, " * 100)
    with pytest.raises(CurationError, match="not an album, or damaged"):
        Album.open(tmp_path / "text")
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE x (y)")
    with pytest.raises(CurationError, match="not an album of"):
        Album.open(tmp_path / "other.db")
    album_in(tmp_path).close()
    with pytest.raises(CurationError, match="is there already"):
        album_in(tmp_path)
    with sqlite3.connect(tmp_path / "people.album") as newer:
        newer.execute("PRAGMA user_version=7")
    with pytest.raises(CurationError, match="has version 7"):
        Album.open(tmp_path / "people.album")


def test_one_that_was_killed_as_it_was_made(tmp_path):
    (tmp_path / "empty.album").touch()
    with pytest.raises(CurationError, match="was not finished"):
        Album.open(tmp_path / "empty.album")


def test_two_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("facewise.curation.clustering.schema._WAIT", 0.01)
    with (
        album_in(tmp_path) as album,
        album.change(),
        pytest.raises(CurationError, match="locked"),
    ):
        Album.open(tmp_path / "people.album")


def test_a_photo_that_was_edited_keeps_its_people(tmp_path):
    vectors, _ = invented(3, 1)
    with album_in(tmp_path) as album:
        add(album, vectors[:2], photos=[0, 0])
        with album.change():
            album.put([1], album.add_cluster())
            album.put([2], None, left_out=True)
        [file] = album.files().values()
        new = [
            NewFace((5, 5, 9, 9), 1, 1, vector, JPEG)
            for vector in (vectors[2], near(vectors[1:2], 0.99, np.random.default_rng(0))[0])
        ]
        with album.change():
            album.add_photo(
                PhotoFile(file.path, 2, 2), "new", (9, 9), [*new, face_like(vectors[0])]
            )
        found = {face.id: (face.cluster, face.left_out) for face in album.faces()}
        assert found == {3: (None, False), 4: (None, True), 5: (1, False)}
        assert len(album.digests()) == 1


def face_like(vector):
    return NewFace((0, 0, 9, 9), 1, 1, vector, JPEG)


def test_photos_that_are_gone_can_be_forgotten(tmp_path):
    vectors, _ = invented(3, 1)
    (tmp_path / "1.jpg").touch()
    with album_in(tmp_path) as album:
        add(album, vectors)
        with album.change():
            album.put([1], album.add_cluster())
        assert album.forget_missing() == 2
        assert [face.id for face in album.faces()] == [2]
        assert album.clusters() == []
        assert album.forget_missing() == 0
    content = (tmp_path / "people.album").read_bytes()
    assert vectors[1].tobytes() in content
    assert vectors[0].tobytes() not in content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE facts SET value = 'x' WHERE key = 'model'", "what it says of its model"),
        ("UPDATE facts SET value = '[1, 2, 3]' WHERE key = 'model'", "what it says of its model"),
        ("UPDATE faces SET vector = x'0011' WHERE id = 2", "the vector of face 2"),
        ("UPDATE faces SET vector = x'00112233' WHERE id = 2", "the vector of face 2"),
        ("UPDATE faces SET vector = 'text' WHERE id = 2", "the vector of face 2"),
        ("UPDATE faces SET quality = 'good' WHERE id = 2", "face 2"),
        ("UPDATE clusters SET name = x'41'", "the name of cluster 1"),
    ],
)
def test_what_is_damaged_is_named(tmp_path, change, said):
    with album_in(tmp_path) as album:
        add(album, invented(1, 3)[0])
        with album.change():
            album.put([1, 2, 3], album.add_cluster())
    with sqlite3.connect(tmp_path / "people.album") as database:
        database.execute(change)
    database.close()
    with (
        Album.open(tmp_path / "people.album") as album,
        pytest.raises(CurationError, match=rf"people\.album: damaged \({said}\)"),
    ):
        [ask() for ask in (album.clusters, album.faces, album.table)]
