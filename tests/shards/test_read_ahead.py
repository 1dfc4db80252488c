from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

from facewise.errors import ShardsError
from facewise.shards import embed_to_shards, open_shards
from facewise.shards.planning import plan
from facewise.shards.read_ahead import read_in_background, read_in_threads


def test_in_threads_in_order():
    """Several are under way at once: none ends before the fourth has begun."""
    together = threading.Barrier(4)

    def read(i):
        together.wait(30)
        return -i

    assert list(read_in_threads(read, range(12), 4)) == [-i for i in range(12)]


def test_in_threads_takes_no_more_than_it_needs():
    taken = []
    results = read_in_threads(lambda i: i, (taken.append(i) or i for i in range(100)), 3)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    assert len(taken) <= 4 + 2 * 3
    results.close()


def test_an_error_comes_at_its_place():
    def read(i):
        if i == 2:
            raise ValueError("two")
        return i

    found = []
    results = read_in_threads(read, range(5), 2)
    with pytest.raises(ValueError, match="two"):
        found.extend(iter(results))
    assert found == [0, 1]

    def broken():
        yield 1
        raise ValueError("here")

    found = []
    results = read_in_background(broken(), 5)
    with pytest.raises(ValueError, match="here"):
        found.extend(iter(results))
    assert found == [1]


def test_in_the_background():
    made = []
    items = read_in_background((made.append(i) or i for i in range(50)), 3)
    assert next(items) == 0
    items.close()  # the thread gives up, with the few that wait
    assert len(made) <= 6
    assert list(read_in_background(iter(range(50)), 3)) == list(range(50))
    assert not any(thread.name == "facewise-reader" for thread in threading.enumerate())


@pytest.fixture
def store(folder, keys):
    """A store of pictures that is read by several threads, and has a bad day."""
    fsspec = pytest.importorskip("fsspec")
    from fsspec.implementations.memory import MemoryFileSystem

    class MoodyFileSystem(MemoryFileSystem):
        protocol = "moody"
        async_impl = True  # as those of object stores say
        cachable = False
        opened = itertools.count()
        two = threading.Barrier(2)
        down = False

        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(path.removeprefix("moody:/"))

        def _open(self, path, *arguments, **options):
            if next(self.opened) < 2:
                self.two.wait(30)  # so two are read at once
            if "biden/1-200" in path:
                raise ConnectionError("503 slow down")
            return super()._open(path, *arguments, **options)

        def find(self, path, *arguments, **options):
            if self.down:
                raise ConnectionError("nobody there")
            return super().find(path, *arguments, **options)

    fsspec.register_implementation("moody", MoodyFileSystem, clobber=True)
    system = fsspec.filesystem("memory")
    for key in keys:
        system.pipe_file(f"/m/{key}", (folder / key).read_bytes())
    yield MoodyFileSystem
    system.rm("/m", recursive=True)


def test_one_url_that_cannot_be_read(folder, keys, store, tmp_path):
    run = embed_to_shards("moody://m", tmp_path / "out", shard_size=5)
    reasons = {failure.key: failure.reason for failure in run.failures}
    assert set(reasons) == {"biden/1-200.jpg", "broken.jpg", "photos/cut off.jpg"}
    assert reasons["biden/1-200.jpg"] == "cannot be read (ConnectionError: 503 slow down)"
    assert run.counts.pictures == len(keys)
    assert next(store.opened) >= len(keys)
    embed_to_shards(folder, tmp_path / "plain", shard_size=5)
    mine, its = (
        {
            (key, face): vector
            for batch in open_shards(tmp_path / name).batches()
            for key, face, vector in zip(
                batch.keys, batch.faces.tolist(), batch.vectors, strict=True
            )
        }
        for name in ("out", "plain")
    )
    assert its.keys() - mine.keys() == {("biden/1-200.jpg", 0)}
    for face, vector in mine.items():
        np.testing.assert_allclose(vector, its[face], atol=1e-5)


def test_a_store_that_is_down(store):
    store.down = True
    with pytest.raises(ShardsError, match=r"moody://m: cannot be listed \(.*nobody there"):
        plan(["moody://m"], 5)
