"""`Pipeline` and its cache: one way from picture to vectors, remembered by content and settings."""

from __future__ import annotations

import multiprocessing
import shutil
import sqlite3
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch

import facewise
from facewise import ImageError
from facewise.alignment import MarginCrop
from facewise.faces import Faces
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


def close(a, b):
    """Equal within rounding, which threads and batches change."""
    np.testing.assert_allclose(a.faces.boxes, b.faces.boxes, atol=1e-2)
    np.testing.assert_allclose(a.faces.scores, b.faces.scores, atol=1e-5)
    np.testing.assert_allclose(a.faces.landmarks, b.faces.landmarks, atol=1e-2)
    np.testing.assert_allclose(a.embeddings, b.embeddings, atol=1e-5)
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


def test_many_pictures_give_what_one_by_one_gives(models, photo, cache, examples, tmp_path):
    photos = sorted(examples.rglob("*.jpg"))
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    blank = np.zeros((64, 64, 3), np.uint8)
    sources = [*photos, bad, blank, photo, photos[0].read_bytes(), *photos]
    alone = Pipeline(*models)
    for pipeline in (Pipeline(*models), Pipeline(*models, cache), Pipeline(*models, cache)):
        results = list(pipeline.run_each(sources))
        assert len(results) == len(sources)
        for source, result in zip(sources, results, strict=True):
            if source is bad:
                assert str(result) == f"{bad}: not an image file that Pillow can read"
                continue
            expected = alone.run(source)
            close(result, expected)
            assert result.embeddings.base is None  # does not keep the vectors of its batch


def test_two_runs_are_equal_to_the_last_bit(models, examples, two_cores):
    sources = [*sorted(examples.rglob("*.jpg"))] * 3
    first, second = (list(Pipeline(*models).run_each(sources)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        same(a, b)


@pytest.mark.shared
def test_real_pictures(models, shared, two_cores):
    photos = sorted(shared("data/lfw/lfw-deepfunneled").glob("A*/*_0001.jpg"))[:40]
    many = list(Pipeline(*models).run_each(photos))
    two_cores(1)
    serial = list(Pipeline(*models).run_each(photos))
    for photo, a, b in zip(photos, many, serial, strict=True):
        alone = Pipeline(*models).run(photo)
        close(a, alone)
        close(b, alone)
        same(a, b)


class Toy:
    """A detector and an embedder in one: a face in each picture, whose vector is its colour.

    Keeps the sizes of batches, and how many pictures it had in hand at once.
    """

    settings: ClassVar = {"toy": 1}
    flip = False
    spec = SimpleNamespace(crop=MarginCrop(4))

    def __init__(self, faces=1, batch_size=32, delay=None, device="cpu"):
        self.faces, self.batch_size, self.device = faces, batch_size, device
        self.delay = delay or (lambda value: 0)
        self.batches = []
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.pictures = weakref.WeakSet()

    def detect(self, images):
        [image] = images
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        value = int(image[0, 0, 0])
        time.sleep(self.delay(value))
        with self.lock:
            self.now -= 1
        n = self.faces(value) if callable(self.faces) else self.faces
        if n is None:
            raise RuntimeError("a bug")
        return [Faces([[0, 0, 8, 8]] * n, [1] * n)]

    def embed(self, chips, flip):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.batches.append(len(chips))
        time.sleep(self.delay(0))
        with self.lock:
            self.now -= 1
        return chips[:, 0, 0].astype(np.float32)

    def pipeline(self, cache=None):
        return Pipeline(self, self, cache)


def plain(value):
    return np.full((8, 8, 3), value, np.uint8)


@pytest.fixture
def two_cores(monkeypatch):
    """Two workers, whatever the machine; `two_cores(n)` for another number."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("facewise.runtime.threads._quota", lambda: None)
    monkeypatch.setattr("facewise.runtime.threads._bound_to", lambda: 8)
    before = torch.get_num_threads()

    def use(count):
        torch.set_num_threads(count)

    use(2)
    yield use
    use(before)


def values(results):
    return [result.embeddings[:, 0].astype(int).tolist() for result in results]


@pytest.mark.parametrize("cores", [1, 2, 7])
def test_batches_are_cut_by_position(two_cores, cores):
    expected = None
    for seed in range(3):
        times = np.random.default_rng(seed).uniform(0, 0.004, 256)
        toy = Toy(faces=lambda value: value % 3, delay=lambda value, t=times: t[value])
        two_cores(cores)
        results = list(toy.pipeline().run_each(plain(i) for i in range(100)))
        assert values(results) == [[i] * (i % 3) for i in range(100)]
        expected = expected or sorted(toy.batches)
        assert sorted(toy.batches) == expected
    # Pictures 0; 1, 2; 3 to 6; 7 to 14; then 16 each, or from 16 faces on.
    assert sum(expected) == 99
    assert max(expected) <= 17
    assert len(expected) < 12


def test_a_single_picture_takes_the_way_of_run(two_cores):
    caller = threading.current_thread()
    threads_seen = []
    toy = Toy(delay=lambda _: threads_seen.append(threading.current_thread()) or 0)
    [result] = toy.pipeline().run_each([plain(7)])
    assert values([result]) == [[7]]
    assert threads_seen == [caller, caller]
    assert toy.batches == [1]


def test_the_first_result_does_not_wait_for_many(two_cores):
    toy = Toy(delay=lambda _: 0.002)
    taken = []

    def sources():
        for i in range(200):
            taken.append(i)
            yield plain(i)

    results = toy.pipeline().run_each(sources())
    next(results)
    assert len(taken) <= 20
    results.close()


def test_few_pictures_are_in_hand(two_cores):
    """However slow the consumer, and however large the list."""
    toy = Toy(delay=lambda _: 0.001)
    alive, most = weakref.WeakSet(), 0

    class Picture(np.ndarray):
        pass

    def sources():
        for i in range(250):
            picture = plain(i).view(Picture)
            alive.add(Owner(picture))
            yield picture

    class Owner:
        """Lives as long as a picture: arrays go into no set."""

        def __init__(self, picture):
            picture.owner = self

    results = toy.pipeline().run_each(sources())
    for i, result in enumerate(results):
        if i % 50 == 0:
            time.sleep(0.05)
        most = max(most, len(alive))
        assert values([result]) == [[i]]
    # Two for each worker, and one that is being taken or let go; a batch holds none.
    assert 2 <= most <= 6
    assert toy.most == 2


def test_other_errors_stop_the_run_at_their_place(two_cores):
    toy = Toy(faces=lambda value: None if value == 30 else 1)
    results = toy.pipeline().run_each(plain(i) for i in range(250))
    got = []

    def consume():
        got.extend(results)  # keeps what came before the error

    with pytest.raises(RuntimeError, match="a bug"):
        consume()
    assert values(got) == [[i] for i in range(30)]
    assert toy.now == 0
    assert list(results) == []


def test_an_error_of_the_source(two_cores):
    def sources():
        yield from map(plain, range(5))
        raise OSError("the disk is gone")

    got = []

    def consume():
        got.extend(Toy().pipeline().run_each(sources()))

    with pytest.raises(OSError, match="the disk is gone"):
        consume()
    assert values(got) == [[i] for i in range(5)]


def test_an_interrupt_leaves_nothing_running(two_cores):
    import _thread

    toy = Toy(delay=lambda value: 0.002 + (_thread.interrupt_main() or 0 if value == 60 else 0))
    got = []

    def consume():
        got.extend(toy.pipeline().run_each(plain(i) for i in range(250)))

    with pytest.raises(KeyboardInterrupt):
        consume()
    assert len(got) < 70
    assert toy.now == 0


def test_closed_early(two_cores):
    toy = Toy(delay=lambda _: 0.002)
    results = toy.pipeline().run_each(plain(i % 256) for i in range(10**6))
    assert values([next(results), next(results)]) == [[0], [1]]
    results.close()
    assert toy.now == 0


class Sociable(Toy):
    """A toy that looks at several pictures at once."""

    together = 8

    def detect(self, images):
        with self.lock:
            self.handfuls = [*getattr(self, "handfuls", []), len(images)]
        return [faces for image in images for faces in Toy.detect(self, [image])]


def test_small_pictures_come_in_handfuls(two_cores):
    toy = Sociable(faces=lambda value: value % 3)
    large = np.full((600, 600, 3), 100, np.uint8)
    sources = [*(plain(i) for i in range(40)), large, *(plain(i) for i in range(41, 60))]
    expected = [[i] * (i % 3) for i in range(60)]
    expected[40] = [100] * (100 % 3)
    assert values(toy.pipeline().run_each(sources)) == expected
    assert sorted(toy.handfuls) == [1, 1, 1, 2, 3, 4, 8, 8, 8, 8, 8, 8]


def test_a_bad_picture_in_a_handful(two_cores):
    results = list(Sociable().pipeline().run_each([*map(plain, range(20)), b"x", plain(21)]))
    assert isinstance(results[20], ImageError)
    assert results[20].__traceback__ is None
    del results[20]
    assert values(results) == [[i] for i in (*range(20), 21)]


def test_other_errors_in_a_handful_stop_the_run_at_their_place(two_cores):
    toy = Sociable(faces=lambda value: None if value == 30 else 1)
    results = toy.pipeline().run_each(plain(i) for i in range(250))
    got = [next(results) for _ in range(30)]
    assert values(got) == [[i] for i in range(30)]
    with pytest.raises(RuntimeError, match="a bug"):
        next(results)


def test_a_detector_that_loses_a_picture_is_named(two_cores):
    class Loser(Toy):
        def detect(self, images):
            return []

    with pytest.raises(ValueError, match="detector: gave 0 results for 1 pictures"):
        list(Loser().pipeline().run_each([plain(1)]))


def test_what_looked_small_is_not_kept_in_number(two_cores, monkeypatch):
    monkeypatch.setattr("facewise.pipeline._TOGETHER_PIXELS", 150)
    toy = Sociable()
    assert values(toy.pipeline().run_each(plain(i) for i in range(30))) == [[i] for i in range(30)]
    assert max(toy.handfuls) == 3  # of 64 pixels each


def test_names_in_errors(two_cores):
    results = Toy().pipeline().run_each([b"", b"x"], names=["one", "two"])
    assert [str(result).split(":")[0] for result in results] == ["one", "two"]
    with pytest.raises(ValueError, match="zip"):
        list(Toy().pipeline().run_each([b"", b"x"], names=["one"]))


def test_a_device_has_one_caller_at_a_time_and_full_batches(two_cores):
    toy = Toy(device="cuda:0", batch_size=64, delay=lambda _: 0.001)
    results = list(toy.pipeline().run_each(plain(i) for i in range(250)))
    assert values(results) == [[i] for i in range(250)]
    assert toy.most == 1
    assert max(toy.batches) == 64


def test_the_same_lazy_picture_many_times(models, photo):
    """Pillow decodes when the pixels are asked for; two threads at once would spoil it."""
    from PIL import Image

    expected = Pipeline(*models).run(photo)
    with Image.open(photo) as image:
        for result in Pipeline(*models).run_each([image] * 6):
            close(result, expected)


def test_interrupted_runs_go_on(two_cores, cache, tmp_path):
    from PIL import Image

    photos = []
    for i in range(60):
        photos.append(tmp_path / f"{i}.png")
        Image.fromarray(plain(i)).save(photos[-1])
    first = Toy()
    results = first.pipeline(cache).run_each(photos)
    for _ in range(40):
        next(results)
    results.close()
    again = Toy()
    with ResultCache(cache.path) as other:
        assert values(again.pipeline(other).run_each(photos)) == [[i] for i in range(60)]
    assert sum(again.batches) <= 20


def test_threads_share_a_cache(cache):
    from facewise.faces import EmbeddedFaces

    def use(number):
        found = EmbeddedFaces(Faces([[0, 0, 1, 1]], [1]), np.full((1, 4), number, "f4"), (1, 1))
        for i in range(50):
            cache.put(f"{number}-{i}".encode(), found)
            assert cache.get(f"{number}-{i}".encode()).embeddings.tolist() == [[number] * 4]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    with ResultCache(cache.path) as other:
        for n in range(8):
            for i in range(50):
                assert other.get(f"{n}-{i}".encode()).embeddings.tolist() == [[n] * 4]


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
