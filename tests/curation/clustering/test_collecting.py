"""Photos come in once, whatever happens: copies, moves, bad files, kills."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import facewise
from facewise.curation.clustering import Album, collect
from facewise.curation.clustering import collecting as module
from facewise.errors import ModelMismatchError
from facewise.gallery.model_facts import ModelFacts
from facewise.pipeline import Pipeline
from facewise.result_cache import ResultCache


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    cache = ResultCache(tmp_path_factory.mktemp("cache") / "results.sqlite")
    return Pipeline(facewise.load_detector(), facewise.load_embedder(), cache)


@pytest.fixture
def photos(tmp_path, examples):
    folder = tmp_path / "photos"
    shutil.copytree(examples / "people", folder / "people")
    shutil.copytree(examples / "photos", folder / "photos")
    return folder


@pytest.fixture
def album(tmp_path, pipeline):
    with Album.create(tmp_path / "people.album", ModelFacts.of(pipeline.embedder)) as made:
        yield made


def files(folder):
    return sorted(folder.rglob("*.jpg"))


def test_faces_come_with_vectors_quality_and_thumbnails(album, photos, pipeline):
    seen = []
    done = collect(album, files(photos), pipeline, report=seen.append)
    assert (done.photos, done.known, done.faces, done.problems) == (6, 0, 8, [])
    assert seen == [1, 2, 3, 4, 5, 6]
    table = album.table()
    montage = pipeline.run(photos / "photos/montage.jpg")
    mine = [face for face in album.faces() if face.photo == 5]
    assert [face.box for face in mine] == [tuple(box) for box in montage.faces.boxes.tolist()]
    assert table.vectors[table.photos == 5] == pytest.approx(montage.embeddings, abs=1e-5)
    assert all(0.5 < face.quality <= 1 for face in album.faces())
    for face in album.faces():
        height, width, _ = facewise.load_image(album.thumbnail(face.id)).shape
        assert max(height, width) == 112


def test_what_is_there_is_not_read_again(album, photos, pipeline, monkeypatch):
    collect(album, files(photos), pipeline)
    monkeypatch.setattr(module.digests, "read", None)
    done = collect(album, files(photos), pipeline)
    assert (done.photos, done.known, done.problems) == (0, 6, [])


def test_copies_and_moved_files_are_the_same_photos(album, photos, pipeline):
    shutil.copy(photos / "photos/obama.jpg", photos / "copy.jpg")
    done = collect(album, files(photos), pipeline)
    assert (done.photos, done.known, len(album.faces())) == (6, 1, 8)
    before = [(face.id, face.photo) for face in album.faces()]
    (photos / "people").rename(photos / "elsewhere")
    done = collect(album, files(photos), pipeline)
    assert (done.photos, done.known) == (0, 7)
    assert [(face.id, face.photo) for face in album.faces()] == before
    assert photos / "elsewhere/biden/1.jpg" in album.files()


def test_bad_photos_are_told_and_stop_nothing(album, photos, pipeline):
    (photos / "a.jpg").write_bytes(b"no picture")
    (photos / "b.jpg").write_bytes(b"")
    paths = [photos / "gone.jpg", *files(photos)]
    done = collect(album, paths, pipeline)
    assert done.photos == 6
    assert len(done.problems) == 3
    for name in ("a.jpg", "b.jpg", "gone.jpg"):
        [line] = [line for line in done.problems if name in line]
        assert line.startswith(str(photos / name))


def test_only_one_face_of_each_photo_by_a_policy(album, photos, pipeline):
    done = collect(album, files(photos), pipeline, select="most_central")
    assert done.faces == len(album.faces()) == 6


def test_an_interrupted_run_goes_on(album, photos, pipeline, monkeypatch):
    monkeypatch.setattr(module, "TOGETHER", 2)
    begun = []

    def stop(done):
        begun.append(done)
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(album, files(photos), pipeline, report=stop)
    assert len(album.files()) == 2
    done = collect(album, files(photos), pipeline)
    assert (done.known, done.photos, len(album.faces())) == (2, 4, 8)
    assert len({tuple(v) for v in np.round(album.table().vectors, 5).tolist()}) == 8


def test_another_model_is_refused(tmp_path, photos, pipeline):
    with (
        Album.create(tmp_path / "other.album", ModelFacts({"model": "another"}, 128)) as album,
        pytest.raises(ModelMismatchError, match="another"),
    ):
        collect(album, files(photos), pipeline)
