"""`Pipeline` and its cache: one way from picture to vectors, remembered by content and settings."""

from __future__ import annotations

import multiprocessing
import shutil
import sqlite3

import numpy as np
import pytest

import facewise
from facewise import ImageError
from facewise.pipeline import Pipeline
from facewise.result_cache import ResultCache


class Counting:
    """A detector that counts the pictures it is shown."""

    def __init__(self, detector, settings=None):
        self._detector = detector
        self.settings = settings or detector.settings
        self.seen = 0

    def detect(self, images):
        self.seen += len(images)
        return self._detector.detect(images)


@pytest.fixture(scope="module")
def models():
    return facewise.load_detector("mtcnn"), facewise.load_embedder()


@pytest.fixture
def photo(examples, tmp_path):
    return shutil.copy(examples / "photos" / "montage.jpg", tmp_path / "photo.jpg")


@pytest.fixture
def cache(tmp_path):
    return ResultCache(tmp_path / "cache" / "results.sqlite")


def same(a, b):
    assert a.faces == b.faces
    np.testing.assert_array_equal(a.embeddings, b.embeddings)
    assert a.image_size == b.image_size


def test_equals_the_steps_taken_by_hand(models, photo):
    detector, embedder = models
    found = Pipeline(detector, embedder).run(photo)
    [faces] = detector.detect([photo])
    assert found.faces == faces
    np.testing.assert_array_equal(found.embeddings, embedder.embed_faces(photo, faces)[0])
    assert found.image_size == facewise.load_image(photo).shape[1::-1]
    [vectors] = facewise.embed(photo)
    np.testing.assert_array_equal(vectors, found.embeddings)


def test_the_cache_answers_for_the_same_content_under_any_name(models, photo, cache, tmp_path):
    detector = Counting(models[0])
    pipeline = Pipeline(detector, models[1], cache)
    first = pipeline.run(photo)
    copy = shutil.copy(photo, tmp_path / "copy.jpg")
    same(pipeline.run(copy), first)
    again = Pipeline(detector, models[1], ResultCache(cache.path))
    same(again.run(photo), first)
    assert detector.seen == 1
    copy.write_bytes(copy.read_bytes() + b"\0")  # other content
    pipeline.run(copy)
    assert detector.seen == 2


def test_other_settings_are_other_results(models, photo, cache):
    detector = Counting(models[0])
    Pipeline(detector, models[1], cache).run(photo)
    large = Counting(facewise.load_detector("mtcnn", min_face_size=200))
    Pipeline(large, models[1], cache).run(photo)
    flipped = facewise.load_embedder(flip=not models[1].flip)
    Pipeline(detector, flipped, cache).run(photo)
    assert (detector.seen, large.seen) == (2, 1)


def test_a_picture_without_faces_is_remembered_too(models, cache, tmp_path):
    path = tmp_path / "blank.png"
    from PIL import Image

    Image.new("RGB", (60, 60)).save(path)
    detector = Counting(models[0])
    pipeline = Pipeline(detector, models[1], cache)
    assert len(pipeline.run(path).faces) == len(pipeline.run(path).faces) == 0
    assert pipeline.run(path).embeddings.shape == (0, 128)
    assert detector.seen == 1


def test_arrays_pass_through_uncached(models, photo, cache):
    detector = Counting(models[0])
    pipeline = Pipeline(detector, models[1], cache)
    image = facewise.load_image(photo)
    same(pipeline.run(image), pipeline.run(image))
    assert detector.seen == 2


def test_a_bad_picture_gives_its_error_and_the_rest_go_on(models, photo, cache, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    results = list(Pipeline(*models, cache).run_each([bad, photo, tmp_path / "gone.jpg"]))
    assert isinstance(results[0], ImageError)
    assert "bad.jpg: not an image file" in str(results[0])
    assert len(results[1].faces) == 3
    assert "gone.jpg: no such file" in str(results[2])


def test_a_damaged_cache_file_is_replaced(models, photo, tmp_path):
    path = tmp_path / "results.sqlite"
    path.write_bytes(b"this is not a database, and long enough to be looked at" * 50)
    cache = ResultCache(path)
    first = Pipeline(*models, cache).run(photo)
    cache.close()
    detector = Counting(models[0])
    same(Pipeline(detector, models[1], ResultCache(path)).run(photo), first)
    assert detector.seen == 0


def test_damaged_pages_and_entries_are_as_if_they_were_not_there(models, photo, tmp_path):
    path = tmp_path / "results.sqlite"
    with ResultCache(path) as cache:
        first = Pipeline(*models, cache).run(photo)
    content = bytearray(path.read_bytes())
    for start in range(4096, len(content), 4096):  # the header stays good
        content[start : start + 2000] = b"\xff" * 2000
    path.write_bytes(content)
    with ResultCache(path) as cache:
        same(Pipeline(*models, cache).run(photo), first)
    with ResultCache(tmp_path / "other.sqlite") as cache:
        cache.put(b"key", first)
        cache._database.execute("UPDATE found_1 SET faces = '{}'")
        assert cache.get(b"key") is None


def test_a_locked_cache_is_not_in_the_way(models, photo, tmp_path, monkeypatch):
    monkeypatch.setattr("facewise.result_cache._WAIT", 0.1)
    with ResultCache(tmp_path / "results.sqlite") as cache:
        other = sqlite3.connect(cache.path)
        other.execute("BEGIN EXCLUSIVE")
        assert len(Pipeline(*models, cache).run(photo).faces) == 3
        other.close()


def test_where_nothing_can_be_written_nothing_is_kept(models, photo, tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = ResultCache(tmp_path / "file" / "results.sqlite")
    assert len(Pipeline(*models, cache).run(photo).faces) == 3


def _write(path, number):
    from facewise.faces import EmbeddedFaces, Faces

    cache = ResultCache(path)
    for i in range(50):
        vectors = np.full((1, 4), number, np.float32)
        cache.put(
            f"{number}-{i}".encode(), EmbeddedFaces(Faces([[0, 0, 1, 1]], [1]), vectors, (1, 1))
        )


def test_two_processes_write_at_once(cache):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write, args=(cache.path, n)) for n in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    for n in (1, 2):
        for i in range(50):
            assert cache.get(f"{n}-{i}".encode()).embeddings.tolist() == [[n] * 4]
