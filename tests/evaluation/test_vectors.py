from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facewise.detection import load_detector
from facewise.embedding import Embedder, load_embedder
from facewise.errors import ChipError
from facewise.evaluation.vectors import embed_chips, embed_photos
from facewise.faces import Faces
from facewise.pipeline import Pipeline
from facewise.result_cache import ResultCache


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder(batch_size=4)


class Spy:
    """The real detector, which counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.turn = threading.Lock()
        self.detector = load_detector()
        self.settings = self.detector.settings

    def detect(self, images: Any) -> list[Faces]:
        with self.turn:
            self.calls += 1
        return self.detector.detect(images)


class FixedFaces:
    """Two faces in each picture: a large one in its corner and a small one in its middle."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}

    def detect(self, images: Any) -> list[Faces]:
        landmarks = np.array([[3, 4], [7, 4], [5, 6], [3.5, 8], [6.5, 8]], np.float32)
        return [
            Faces(
                boxes=np.array([[0, 0, 60, 60], [90, 90, 110, 110]], np.float32),
                scores=np.array([0.99, 0.8], np.float32),
                landmarks=np.stack([6 * landmarks, 90 + 2 * landmarks]),
            )
            for _ in images
        ]


@pytest.fixture
def photos(shared: Callable[[str], Path], tmp_path: Path) -> list[Path]:
    """Six photos of LFW, one without a face, one that is no image."""
    folder = shared("data/lfw/lfw-deepfunneled")
    files = sorted((folder / "George_W_Bush").glob("*.jpg"))[:6]
    blank = tmp_path / "blank.png"
    Image.new("RGB", (250, 250), "grey").save(blank)
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(files[0].read_bytes()[:999])
    return [*files[:3], blank, damaged, *files[3:]]


@pytest.mark.shared
def test_photos(photos: list[Path], embedder: Embedder) -> None:
    done: list[int] = []
    found = embed_photos(photos, Pipeline(load_detector(), embedder), done.append)
    assert done == [1, 2, 3, 4, 5, 6, 7, 8]
    assert found.failures.keys() == {3, 4}
    assert found.failures[3] == "no face found"
    assert found.failures[4].startswith("truncated or damaged image")
    assert np.isnan(found.vectors[[3, 4]]).all()
    usable = found.vectors[[0, 1, 2, 5, 6, 7]]
    assert usable.shape == (6, 128)
    np.testing.assert_allclose(np.linalg.norm(usable, axis=1), 1, atol=1e-5)
    [alone] = embed_photos(photos[6:7], Pipeline(load_detector(), embedder), done.append).vectors
    np.testing.assert_allclose(alone, usable[4], atol=2e-6)  # another batch, other rounding


def test_the_most_central_face_counts(tmp_path: Path, embedder: Embedder) -> None:
    photo = tmp_path / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    Image.fromarray(pixels).save(photo)
    pipeline = Pipeline(FixedFaces(), embedder)
    corner, middle = pipeline.run(photo).embeddings
    [vector] = embed_photos([photo], pipeline, lambda _: None).vectors
    np.testing.assert_array_equal(vector, middle)
    assert not np.array_equal(vector, corner)


@pytest.mark.shared
def test_an_interrupted_run_goes_on(photos: list[Path], embedder: Embedder, tmp_path: Path) -> None:
    def interrupt(done: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    cache = ResultCache(tmp_path / "cache.sqlite")
    with pytest.raises(KeyboardInterrupt):
        embed_photos(photos, Pipeline(Spy(), embedder, cache), interrupt)
    cache.close()

    cache = ResultCache(tmp_path / "cache.sqlite")
    spy = Spy()
    found = embed_photos(photos, Pipeline(spy, embedder, cache), lambda _: None)
    # Of eight photos one is no image, and four were done; or more, which were worked on ahead.
    assert spy.calls <= 3
    plain = embed_photos(photos, Pipeline(load_detector(), embedder), lambda _: None)
    np.testing.assert_allclose(found.vectors, plain.vectors, atol=2e-6)
    assert found.failures == plain.failures

    spy = Spy()
    other = Pipeline(spy, load_embedder(flip=not embedder.flip), cache)
    embed_photos(photos[:2], other, lambda _: None)
    assert spy.calls == 2  # what the cache holds was made with another setting
    cache.close()


KILLED = """
import os, sys
from pathlib import Path
from facewise.detection import load_detector
from facewise.embedding import load_embedder
from facewise.result_cache import ResultCache
from facewise.evaluation.vectors import embed_photos
from facewise.pipeline import Pipeline

cache, *photos = map(Path, sys.argv[1:])
pipeline = Pipeline(load_detector(), load_embedder(), ResultCache(cache))
embed_photos(photos, pipeline, lambda done: os._exit(9) if done == 3 else None)
"""


@pytest.mark.shared
def test_a_killed_run_goes_on(photos: list[Path], embedder: Embedder, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "cache.sqlite"), *map(str, photos)]
    assert subprocess.run(command, check=False).returncode == 9
    spy = Spy()
    cache = ResultCache(tmp_path / "cache.sqlite")
    embed_photos(photos, Pipeline(spy, embedder, cache), lambda _: None)
    assert spy.calls <= 4  # eight photos without the damaged one and the three that were done
    cache.close()


@pytest.fixture
def chips(tmp_path: Path) -> list[Path]:
    """Ten chips of noise for the default embedder."""
    rng = np.random.default_rng(1)
    files = []
    for i in range(10):
        file = tmp_path / f"{i}.png"
        Image.fromarray(rng.integers(0, 256, (150, 150, 3), np.uint8)).save(file)
        files.append(file)
    return files


@pytest.mark.parametrize("flip", [False, True])
def test_chips(chips: list[Path], flip: bool) -> None:
    embedder = load_embedder(flip=flip, batch_size=4)
    pixels = np.stack([np.asarray(Image.open(file)) for file in chips])
    chips[2].write_bytes(b"no image")
    done: list[int] = []
    found = embed_chips(chips, embedder, done.append)
    assert found.failures == {2: "not an image file that Pillow can read"}
    assert np.isnan(found.vectors[2]).all()
    rest = [i for i in range(10) if i != 2]
    expected = embedder.embed(pixels, flip=flip)
    np.testing.assert_allclose(found.vectors[rest], expected[rest], atol=1e-5)
    assert np.abs(embedder.embed(pixels, flip=not flip) - expected).max() > 0.01
    assert done == [5, 9, 10, 10]


def test_chips_of_another_size(chips: list[Path], embedder: Embedder) -> None:
    Image.new("RGB", (112, 110)).save(chips[6])
    message = r"6\.png: 112×110 pixels, but dlib_resnet29\.dlib takes chips of 150×150"
    with pytest.raises(ChipError, match=message):
        embed_chips(chips, embedder, lambda _: None)


class Nothing(Embedder):
    """The real embedder, but for one chip that it gives no numbers for."""

    def embed(self, chips: Any, *, flip: bool = False) -> Any:
        vectors = super().embed(chips, flip=flip)
        vectors[chips.mean(axis=(1, 2, 3)) < 1] = np.nan
        return vectors


def test_values_that_are_not_finite_are_a_failure(chips: list[Path], tmp_path: Path) -> None:
    embedder = load_embedder(batch_size=4)
    embedder.__class__ = Nothing
    Image.new("RGB", (150, 150)).save(chips[6])
    with ResultCache(tmp_path / "cache.sqlite") as cache:
        for _ in range(2):  # and it is not kept
            found = embed_chips(chips, embedder, lambda _: None, cache=cache)
            assert found.failures == {6: "the model gave values that are not finite"}
            assert np.isnan(found.vectors).any(axis=1).sum() == 1
            assert found.unreadable == 1


def test_chips_are_kept(chips: list[Path], tmp_path: Path, embedder: Embedder) -> None:
    with ResultCache(tmp_path / "cache.sqlite") as cache:
        first = embed_chips(chips, embedder, lambda _: None, cache=cache)

        class Never(Embedder):
            def embed(self, chips: Any, *, flip: bool = False) -> Any:
                raise AssertionError("what is kept is not computed again")

        again = load_embedder(batch_size=4)
        again.__class__ = Never
        kept = embed_chips(chips, again, lambda _: None, cache=cache)
    np.testing.assert_array_equal(kept.vectors, first.vectors)
